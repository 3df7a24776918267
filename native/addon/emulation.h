/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * emulation.h - the class Emulation: an emulator, and the records of the packets JavaScript passes through it. The
 * packets' bytes stay with JavaScript: a packet is a number of its own choice, the cookie.
 */
#ifndef NETVALE_ADDON_EMULATION_H
#define NETVALE_ADDON_EMULATION_H

#include <memory>
#include <vector>

#include <napi.h>

#include "emulation/emulation.h"
#include "lend.h"

namespace netvale
{

/* Records of packets: made in chunks, reused. */
class PacketPool
{
  public:
    struct nv_emu_packet *Take();
    void Give(struct nv_emu_packet *packet);

  private:
    std::vector<std::unique_ptr<struct nv_emu_packet[]>> chunks_;
    struct nv_emu_packet *free_ = nullptr;
};

/* What release hands out, packet by packet: shared with JavaScript as typed arrays, made once. */
struct ReleaseColumns {
    static constexpr unsigned kRoom = 256;
    double cookies[kRoom];
    uint64_t times[kRoom];
    uint32_t bits[kRoom], lengths[kRoom];
    uint8_t drops[kRoom], flags[kRoom];
};

class Emulation : public Napi::ObjectWrap<Emulation>, public Lent<Emulation>
{
  public:
    static constexpr napi_type_tag kTag = {0x6e657476616c6545, 0x6d756c6174000001};
    static Napi::Function Define(Napi::Env env);
    explicit Emulation(const Napi::CallbackInfo &info);
    ~Emulation() override;

    /* The emulator, for engines that run on it. Throws when it is closed. */
    struct nv_emu *Live(Napi::Env env) const;

  private:
    Napi::Value PipeConfig(const Napi::CallbackInfo &info);
    Napi::Value QueueConfig(const Napi::CallbackInfo &info);
    Napi::Value SchedConfig(const Napi::CallbackInfo &info);
    Napi::Value Delete(const Napi::CallbackInfo &info);
    Napi::Value Flush(const Napi::CallbackInfo &info);
    Napi::Value WantsKey(const Napi::CallbackInfo &info);
    Napi::Value Enqueue(const Napi::CallbackInfo &info);
    Napi::Value Send(const Napi::CallbackInfo &info);
    Napi::Value Change(const Napi::CallbackInfo &info);
    Napi::Value Columns(const Napi::CallbackInfo &info);
    Napi::Value Release(const Napi::CallbackInfo &info);
    Napi::Value Next(const Napi::CallbackInfo &info);
    Napi::Value Stop(const Napi::CallbackInfo &info);
    Napi::Value Totals(const Napi::CallbackInfo &info);
    Napi::Value Flows(const Napi::CallbackInfo &info);
    Napi::Value Links(const Napi::CallbackInfo &info);
    Napi::Value Close(const Napi::CallbackInfo &info);

    void Free();

    struct nv_emu *emu_ = nullptr;
    PacketPool pool_;
    std::shared_ptr<ReleaseColumns> columns_ = std::make_shared<ReleaseColumns>();
};

} // namespace netvale

#endif
