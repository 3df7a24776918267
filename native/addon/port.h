/* SPDX-License-Identifier: BSD-2-Clause */
/* port.h - an open port as a JavaScript object: opening, batches, waiting, statistics, closing. */
#ifndef NETVALE_ADDON_PORT_H
#define NETVALE_ADDON_PORT_H

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <napi.h>

#include <netvale.h>

#include "port/batch.h"

#include "region.h"

namespace netvale
{

/* Fill options from a JavaScript object (dir, existing, copy, txRings, ...); `dir` keeps the text alive. */
void ReadOpenOptions(const Napi::Value &value, struct nv_open_options *options, std::string *dir);

class Port : public Napi::ObjectWrap<Port>
{
  public:
    static Napi::Function Define(Napi::Env env);

    explicit Port(const Napi::CallbackInfo &info);
    ~Port() override;

  private:
    /*
     * The arrays of a batch. They belong to this side, so that no call has to look them up, and live as long as the
     * port or any JavaScript view of them.
     */
    struct Batch {
        std::vector<uint32_t> offsets;
        std::vector<uint16_t> lengths, flags;

        struct nv_batch_arrays Arrays()
        {
            return {offsets.data(), lengths.data(), flags.data(), offsets.size()};
        }
    };

    void AddRing(Napi::Env env, std::vector<nv_batch_ring> *rings, struct netmap_ring *ring, unsigned number);
    struct nv_port *Live(Napi::Env env) const; /* throws ECLOSED */
    void CheckGone(Napi::Env env) const;       /* throws ENODEV */
    size_t Refresh();                          /* look how much of the mapping has memory: bytes */

    Napi::Value Close(const Napi::CallbackInfo &info);
    Napi::Value Describe(const Napi::CallbackInfo &info);
    Napi::Value Stats(const Napi::CallbackInfo &info);
    Napi::Value Bytes(const Napi::CallbackInfo &info);
    Napi::Value BatchArrays(const Napi::CallbackInfo &info);
    Napi::Value Receive(const Napi::CallbackInfo &info);
    Napi::Value Reserve(const Napi::CallbackInfo &info);
    Napi::Value Send(const Napi::CallbackInfo &info);
    Napi::Value Sync(const Napi::CallbackInfo &info);
    Napi::Value Completed(const Napi::CallbackInfo &info);
    Napi::Value SetWaitMode(const Napi::CallbackInfo &info);
    Napi::Value WaitSync(const Napi::CallbackInfo &info);
    Napi::Value Arm(const Napi::CallbackInfo &info);
    Napi::Value Watch(const Napi::CallbackInfo &info);
    Napi::Value Cancel(const Napi::CallbackInfo &info);

    struct nv_port *port_ = nullptr;
    std::shared_ptr<Region> region_;
    uint64_t memory_size_ = 0;
    uint64_t buffers_at_ = 0; /* bytes from the start of the mapping to buffer 0 */
    uint32_t buffer_size_ = 0;
    uint32_t buffers_ = 0; /* buffers with memory, as Refresh found */
    std::vector<nv_batch_ring> tx_, rx_;
    std::shared_ptr<Batch> tx_batch_, rx_batch_;
    size_t received_ = 0; /* packets in the rx batch */
};

} // namespace netvale

#endif
