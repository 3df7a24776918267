/* SPDX-License-Identifier: BSD-2-Clause */
/* region.cc - see region.h. */
#include "region.h"

namespace netvale
{

Region::~Region()
{
    // Without a scope of its own this may run from a finalizer at the end of the environment: no more JavaScript then.
    bytes_.Reset();
}

void Region::Detach()
{
    if (bytes_.IsEmpty())
        return;
    Napi::HandleScope scope(env_);
    bytes_.Value().Detach();
    bytes_.Reset();
    size_ = 0;
}

void Region::Outgrow(size_t size)
{
    if (size > size_)
        Detach();
}

Napi::ArrayBuffer Region::Bytes(size_t size)
{
    Outgrow(size);
    if (bytes_.IsEmpty()) {
        // The mapping belongs to the port: nothing to free when the ArrayBuffer goes.
        Napi::ArrayBuffer bytes = Napi::ArrayBuffer::New(env_, base_, size, [](Napi::Env, void *) {});
        bytes_ = Napi::Persistent(bytes);
        size_ = size;
    }
    return bytes_.Value();
}

std::shared_ptr<Region> Regions::At(Napi::Env env, void *base)
{
    std::shared_ptr<Region> region = regions_[base].lock();
    if (!region) {
        region = std::make_shared<Region>(env, base);
        regions_[base] = region;
    }
    return region;
}

} // namespace netvale
