/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * region.h - mapped regions as ArrayBuffers. Ports on one mapping share one ArrayBuffer (the engine forbids two over
 * the same memory); it covers only what has real memory behind it, and is detached when the last port on it closes.
 */
#ifndef NETVALE_ADDON_REGION_H
#define NETVALE_ADDON_REGION_H

#include <cstddef>
#include <map>
#include <memory>

#include <napi.h>

namespace netvale
{

class Region
{
  public:
    Region(Napi::Env env, void *base) : env_(env), base_(base) {}
    ~Region();
    Region(const Region &) = delete;
    Region &operator=(const Region &) = delete;

    /* The ArrayBuffer over at least the first `size` bytes; a shorter one made before is detached. */
    Napi::ArrayBuffer Bytes(size_t size);

    /* Detach an ArrayBuffer that is shorter than `size`, so that its users ask for the new one. */
    void Outgrow(size_t size);

    /* Take the memory away from JavaScript: every view gets length 0. */
    void Detach();

  private:
    Napi::Env env_;
    void *base_;
    size_t size_ = 0;
    Napi::Reference<Napi::ArrayBuffer> bytes_;
};

/* The regions of one JavaScript environment, by address of the mapping. */
class Regions
{
  public:
    /* The region at `base`, shared with whoever holds it already. */
    std::shared_ptr<Region> At(Napi::Env env, void *base);

  private:
    std::map<void *, std::weak_ptr<Region>> regions_;
};

} // namespace netvale

#endif
