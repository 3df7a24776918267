/* SPDX-License-Identifier: BSD-2-Clause */
/* emulation.cc - see emulation.h. */
#include "emulation.h"

#include <algorithm>
#include <cstddef>

#include "arguments.h"
#include "emulation_config.h"
#include "error.h"
#include "packet/medium.h"

namespace netvale
{

namespace
{

constexpr size_t CHUNK = 1024;
constexpr int64_t MAX_COOKIE = int64_t{1} << 53;

uint64_t Time(const Napi::Value &value)
{
    if (!value.IsBigInt())
        throw MakeTypeError(value.Env(), "now must be a bigint of nanoseconds");
    bool lossless = false;
    const uint64_t time = value.As<Napi::BigInt>().Uint64Value(&lossless);
    if (!lossless)
        throw MakeTypeError(value.Env(), "now must fit in 64 bits, without a sign");
    return time;
}

struct nv_carried Carried(const Napi::Value &frame, const Napi::Value &how, int64_t missing)
{
    const Span<uint8_t> bytes = Elements<uint8_t>(frame, napi_uint8_array, "frame");
    return {bytes.data, static_cast<uint32_t>(bytes.length), static_cast<uint32_t>(missing),
            static_cast<uint32_t>(Integer(how, "how", 0, NV_CARRIED_LAYER3 | NV_CARRIED_RAW))};
}

} // namespace

struct nv_emu_packet *PacketPool::Take()
{
    if (!free_) {
        chunks_.push_back(std::make_unique<struct nv_emu_packet[]>(CHUNK));
        for (size_t i = 0; i < CHUNK; i++)
            Give(&chunks_.back()[i]);
    }
    struct nv_emu_packet *packet = free_;
    free_ = packet->next;
    *packet = {};
    return packet;
}

void PacketPool::Give(struct nv_emu_packet *packet)
{
    packet->next = free_;
    free_ = packet;
}

Napi::Function Emulation::Define(Napi::Env env)
{
    return DefineClass(env, "Emulation",
                       {
                           InstanceMethod<&Emulation::PipeConfig>("pipeConfig"),
                           InstanceMethod<&Emulation::QueueConfig>("queueConfig"),
                           InstanceMethod<&Emulation::SchedConfig>("schedConfig"),
                           InstanceMethod<&Emulation::Delete>("delete"),
                           InstanceMethod<&Emulation::Flush>("flush"),
                           InstanceMethod<&Emulation::WantsKey>("wantsKey"),
                           InstanceMethod<&Emulation::Enqueue>("enqueue"),
                           InstanceMethod<&Emulation::Send>("send"),
                           InstanceMethod<&Emulation::Change>("change"),
                           InstanceMethod<&Emulation::Columns>("columns"),
                           InstanceMethod<&Emulation::Release>("release"),
                           InstanceMethod<&Emulation::Next>("next"),
                           InstanceMethod<&Emulation::Stop>("stop"),
                           InstanceMethod<&Emulation::Totals>("totals"),
                           InstanceMethod<&Emulation::Flows>("flows"),
                           InstanceMethod<&Emulation::Links>("links"),
                           InstanceMethod<&Emulation::Close>("close"),
                       });
}

/* new Emulation({seed: bigint, memory?: bytes, expireNs?, macBytes?}) */
Emulation::Emulation(const Napi::CallbackInfo &info) : Napi::ObjectWrap<Emulation>(info)
{
    const Napi::Object record = Record(info[0], "options");
    struct nv_emu_options options = {};
    struct nv_error error = {};
    options.seed = Time(record.Get("seed"));
    if (!record.Get("memory").IsUndefined())
        options.memory = static_cast<uint64_t>(Integer(record.Get("memory"), "options.memory", 0, MAX_COOKIE));
    if (!record.Get("expireNs").IsUndefined())
        options.expire_ns = static_cast<uint64_t>(Integer(record.Get("expireNs"), "options.expireNs", 0, MAX_COOKIE));
    if (!record.Get("macBytes").IsUndefined())
        options.mac_bytes = static_cast<uint32_t>(Integer(record.Get("macBytes"), "options.macBytes", 0, UINT16_MAX));
    options.arg = &pool_;
    options.copy = [](void *arg, const struct nv_emu_packet *packet) {
        struct nv_emu_packet *copy = static_cast<PacketPool *>(arg)->Take();
        copy->cookie = packet->cookie;
        copy->length = packet->length;
        copy->flags = packet->flags;
        return copy;
    };
    const int result = nv_emu_create(&options, &emu_, &error);
    if (result < 0)
        throw MakeError(info.Env(), result, error);
    Mark(info);
}

Emulation::~Emulation()
{
    Free();
}

void Emulation::Free()
{
    nv_emu_destroy(emu_);
    emu_ = nullptr;
}

struct nv_emu *Emulation::Live(Napi::Env env) const
{
    if (!emu_)
        throw MakeError(env, "ECLOSED", "the emulator is closed");
    return emu_;
}

/* pipeConfig(number, link, flowset, mask?) */
Napi::Value Emulation::PipeConfig(const Napi::CallbackInfo &info)
{
    const LinkConfig link(info[1]);
    const struct nv_emu_flowset set = ReadFlowset(info[2]);
    const struct nv_emu_mask mask = ReadMask(info[3]);
    struct nv_error error = {};
    const int result = nv_emu_pipe_config(Live(info.Env()), Number(info[0]), &link.link, &set, &mask, &error);
    if (result < 0)
        throw MakeError(info.Env(), result, error);
    return info.Env().Undefined();
}

/* queueConfig(number, parent, flowset) */
Napi::Value Emulation::QueueConfig(const Napi::CallbackInfo &info)
{
    const struct nv_emu_flowset set = ReadFlowset(info[2]);
    struct nv_error error = {};
    const int result = nv_emu_queue_config(Live(info.Env()), Number(info[0]), Number(info[1]), &set, &error);
    if (result < 0)
        throw MakeError(info.Env(), result, error);
    return info.Env().Undefined();
}

/* schedConfig(number, sched, link?) */
Napi::Value Emulation::SchedConfig(const Napi::CallbackInfo &info)
{
    const struct nv_emu_sched sched = ReadSched(info[1]);
    const LinkConfig link(info[2]);
    struct nv_error error = {};
    const int result = nv_emu_sched_config(Live(info.Env()), Number(info[0]), &sched,
                                           info[2].IsUndefined() ? nullptr : &link.link, &error);
    if (result < 0)
        throw MakeError(info.Env(), result, error);
    return info.Env().Undefined();
}

/* delete(kind, number) */
Napi::Value Emulation::Delete(const Napi::CallbackInfo &info)
{
    struct nv_error error = {};
    const int result = nv_emu_delete(Live(info.Env()), Kind(info[0]), Number(info[1]), &error);
    if (result < 0)
        throw MakeError(info.Env(), result, error);
    return info.Env().Undefined();
}

Napi::Value Emulation::Flush(const Napi::CallbackInfo &info)
{
    nv_emu_flush(Live(info.Env()));
    return info.Env().Undefined();
}

/* wantsKey(kind, number): whether enqueue should be given the frame */
Napi::Value Emulation::WantsKey(const Napi::CallbackInfo &info)
{
    return Napi::Boolean::New(info.Env(), nv_emu_wants_key(Live(info.Env()), Kind(info[0]), Number(info[1])));
}

/* enqueue(now, kind, number, cookie, length, ect, frame?, raw?): index of the drop's name, 0 when it was taken */
Napi::Value Emulation::Enqueue(const Napi::CallbackInfo &info)
{
    struct nv_emu *emu = Live(info.Env());
    const uint64_t now = Time(info[0]);
    const enum nv_emu_kind kind = Kind(info[1]);
    const unsigned number = Number(info[2]);
    const int64_t cookie = Integer(info[3], "cookie", 0, MAX_COOKIE);
    const int64_t length = Integer(info[4], "length", 0, (1 << 24) - 1);
    struct nv_emu_key key = {};
    if (!info[6].IsUndefined()) {
        const Span<uint8_t> frame = Elements<uint8_t>(info[6], napi_uint8_array, "frame");
        nv_emu_key_of(frame.data, static_cast<uint32_t>(frame.length), info[7].ToBoolean().Value(), &key);
    }
    struct nv_emu_packet *packet = pool_.Take();
    packet->cookie = static_cast<uint64_t>(cookie);
    packet->length = static_cast<uint32_t>(length);
    packet->flags = info[5].ToBoolean().Value() ? NV_EMU_ECT : 0;
    const enum nv_emu_drop drop = nv_emu_enqueue(emu, now, kind, number, packet, &key);
    if (drop != NV_EMU_DROP_NONE)
        pool_.Give(packet);
    return Napi::Number::New(info.Env(), drop);
}

/*
 * send(now, kind, number, cookie, frame, missing, how): the same for a frame, whose length on the link, marks and
 * addresses are found in it; `missing` bytes of it were not captured
 */
Napi::Value Emulation::Send(const Napi::CallbackInfo &info)
{
    struct nv_emu *emu = Live(info.Env());
    const uint64_t now = Time(info[0]);
    const enum nv_emu_kind kind = Kind(info[1]);
    const unsigned number = Number(info[2]);
    const int64_t cookie = Integer(info[3], "cookie", 0, MAX_COOKIE);
    const struct nv_carried carried = Carried(info[4], info[6], Integer(info[5], "missing", 0, NV_EMU_LENGTH_MAX - 1));
    struct nv_emu_key key = {};
    if (nv_emu_wants_key(emu, kind, number))
        nv_emu_key_of(carried.data, carried.length, (carried.how & NV_CARRIED_RAW) != 0, &key);
    struct nv_emu_packet *packet = pool_.Take();
    packet->cookie = static_cast<uint64_t>(cookie);
    packet->length = std::min(nv_carried_length(&carried), NV_EMU_LENGTH_MAX - 1);
    packet->flags = nv_carried_ect(&carried) ? NV_EMU_ECT : 0;
    const enum nv_emu_drop drop = nv_emu_enqueue(emu, now, kind, number, packet, &key);
    if (drop != NV_EMU_DROP_NONE)
        pool_.Give(packet);
    return Napi::Number::New(info.Env(), drop);
}

/* change(frame, how, flags, bit): do to the frame's bytes what release says of it */
Napi::Value Emulation::Change(const Napi::CallbackInfo &info)
{
    const struct nv_carried carried = Carried(info[0], info[1], 0);
    const int64_t flags = Integer(info[2], "flags", 0, UINT8_MAX);
    if (flags & NV_EMU_MARKED)
        nv_carried_mark(&carried);
    if (flags & NV_EMU_CORRUPT)
        nv_carried_corrupt(&carried, static_cast<uint32_t>(Integer(info[3], "bit", 0, UINT32_MAX)));
    return info.Env().Undefined();
}

/* columns(): {cookies, times, bits, lengths, drops, flags}, the arrays that release fills */
Napi::Value Emulation::Columns(const Napi::CallbackInfo &info)
{
    const Napi::Env env = info.Env();
    const std::shared_ptr<ReleaseColumns> owner = columns_;
    const Napi::ArrayBuffer memory =
        Napi::ArrayBuffer::New(env, owner.get(), sizeof *owner, [owner](Napi::Env, void *) {});
    constexpr size_t room = ReleaseColumns::kRoom;
    Napi::Object out = Napi::Object::New(env);
    out.Set("cookies", Napi::Float64Array::New(env, room, memory, offsetof(ReleaseColumns, cookies)));
    out.Set("times", Napi::BigUint64Array::New(env, room, memory, offsetof(ReleaseColumns, times)));
    out.Set("bits", Napi::Uint32Array::New(env, room, memory, offsetof(ReleaseColumns, bits)));
    out.Set("lengths", Napi::Uint32Array::New(env, room, memory, offsetof(ReleaseColumns, lengths)));
    out.Set("drops", Napi::Uint8Array::New(env, room, memory, offsetof(ReleaseColumns, drops)));
    out.Set("flags", Napi::Uint8Array::New(env, room, memory, offsetof(ReleaseColumns, flags)));
    return out;
}

/* release(now): how many packets the columns hold now; as many as they have room for: there may be more */
Napi::Value Emulation::Release(const Napi::CallbackInfo &info)
{
    struct nv_emu *emu = Live(info.Env());
    struct nv_emu_packet *out[ReleaseColumns::kRoom];
    ReleaseColumns &columns = *columns_;
    const unsigned count = nv_emu_release(emu, Time(info[0]), out, ReleaseColumns::kRoom);
    for (unsigned i = 0; i < count; i++) {
        columns.cookies[i] = static_cast<double>(out[i]->cookie);
        columns.times[i] = out[i]->time_ns;
        columns.bits[i] = out[i]->flags & NV_EMU_CORRUPT ? out[i]->corrupt_bit : 0;
        columns.lengths[i] = out[i]->length;
        columns.drops[i] = out[i]->drop;
        columns.flags[i] = out[i]->flags;
        pool_.Give(out[i]);
    }
    return Napi::Number::New(info.Env(), count);
}

/* next(): when release has something next; undefined: never */
Napi::Value Emulation::Next(const Napi::CallbackInfo &info)
{
    const uint64_t next = nv_emu_next(Live(info.Env()));
    return next == UINT64_MAX ? info.Env().Undefined() : Napi::BigInt::New(info.Env(), next);
}

/* stop(now): all that waits comes out of release as stopped */
Napi::Value Emulation::Stop(const Napi::CallbackInfo &info)
{
    nv_emu_stop(Live(info.Env()), Time(info[0]));
    return info.Env().Undefined();
}

Napi::Value Emulation::Close(const Napi::CallbackInfo &info)
{
    CheckReturned(info.Env(), "the emulator");
    Free();
    return info.Env().Undefined();
}

} // namespace netvale
