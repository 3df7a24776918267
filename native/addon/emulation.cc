/* SPDX-License-Identifier: BSD-2-Clause */
/* emulation.cc - see emulation.h. */
#include "emulation.h"

#include <arpa/inet.h>
#include <cstddef>

#include "arguments.h"
#include "emulation_config.h"
#include "error.h"

namespace netvale
{

namespace
{

constexpr size_t CHUNK = 1024;
constexpr int64_t MAX_COOKIE = int64_t{1} << 53;

uint64_t Time(const Napi::Value &value)
{
    if (!value.IsBigInt())
        throw Napi::TypeError::New(value.Env(), "now must be a bigint of nanoseconds");
    bool lossless = false;
    const uint64_t time = value.As<Napi::BigInt>().Uint64Value(&lossless);
    if (!lossless)
        throw Napi::TypeError::New(value.Env(), "now must fit in 64 bits, without a sign");
    return time;
}

enum nv_emu_kind Kind(const Napi::Value &value)
{
    return static_cast<enum nv_emu_kind>(Integer(value, "kind", NV_EMU_PIPE, NV_EMU_SCHED));
}

unsigned Number(const Napi::Value &value)
{
    return static_cast<unsigned>(Integer(value, "number", 0, UINT16_MAX));
}

Napi::Value Count(Napi::Env env, uint64_t value)
{
    return Napi::Number::New(env, static_cast<double>(value));
}

std::string Address(const struct nv_emu_key &key, const uint64_t words[2])
{
    char text[INET6_ADDRSTRLEN];
    uint8_t bytes[16];
    if (key.family == 6) {
        for (int i = 0; i < 16; i++)
            bytes[i] = static_cast<uint8_t>(words[i / 8] >> (56 - 8 * (i % 8)));
    } else {
        for (int i = 0; i < 4; i++)
            bytes[i] = static_cast<uint8_t>(words[0] >> (24 - 8 * i));
    }
    inet_ntop(key.family == 6 ? AF_INET6 : AF_INET, bytes, text, sizeof text);
    return text;
}

struct List {
    Napi::Env env;
    Napi::Array out;
};

int AddFlow(void *arg, const struct nv_emu_flow_info *flow)
{
    const List *list = static_cast<List *>(arg);
    Napi::Object one = Napi::Object::New(list->env);
    const struct nv_emu_key &key = flow->key;
    one.Set("number", static_cast<uint32_t>(flow->number));
    one.Set("expired", flow->expired);
    one.Set("family", static_cast<uint32_t>(key.family));
    one.Set("proto", static_cast<uint32_t>(key.proto));
    one.Set("src", Address(key, key.src));
    one.Set("dst", Address(key, key.dst));
    one.Set("srcPort", static_cast<uint32_t>(key.src_port));
    one.Set("dstPort", static_cast<uint32_t>(key.dst_port));
    one.Set("flowId", key.flow_id);
    one.Set("totalPackets", Count(list->env, flow->total_packets));
    one.Set("totalBytes", Count(list->env, flow->total_bytes));
    one.Set("packets", Count(list->env, flow->packets));
    one.Set("bytes", Count(list->env, flow->bytes));
    one.Set("drops", Count(list->env, flow->drops));
    one.Set("departed", Count(list->env, flow->departed));
    one.Set("departedBytes", Count(list->env, flow->departed_bytes));
    list->out.Set(list->out.Length(), one);
    return 0;
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

/* columns(): {cookies, times, bits, drops, flags}, the arrays that release fills */
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

/* totals(): {offered, offeredBytes, ..., drops: {name: count}} */
Napi::Value Emulation::Totals(const Napi::CallbackInfo &info)
{
    const Napi::Env env = info.Env();
    struct nv_emu_totals totals;
    nv_emu_get_totals(Live(env), &totals);
    Napi::Object out = Napi::Object::New(env), drops = Napi::Object::New(env);
    out.Set("offered", Count(env, totals.offered));
    out.Set("offeredBytes", Count(env, totals.offered_bytes));
    out.Set("duplicated", Count(env, totals.duplicated));
    out.Set("departed", Count(env, totals.departed));
    out.Set("departedBytes", Count(env, totals.departed_bytes));
    out.Set("waiting", Count(env, totals.waiting));
    out.Set("marked", Count(env, totals.marked));
    out.Set("corrupted", Count(env, totals.corrupted));
    out.Set("reordered", Count(env, totals.reordered));
    out.Set("links", Count(env, totals.links));
    out.Set("flows", Count(env, totals.flows));
    out.Set("memory", Count(env, totals.memory));
    for (unsigned i = 1; i < NV_EMU_DROP_COUNT; i++)
        drops.Set(nv_emu_drop_name(i), Count(env, totals.drops[i]));
    out.Set("drops", drops);
    return out;
}

/* flows(kind, number): the flow queues of a pipe or queue, as `show` prints them; number 0: of all */
Napi::Value Emulation::Flows(const Napi::CallbackInfo &info)
{
    List list{info.Env(), Napi::Array::New(info.Env())};
    nv_emu_flows(Live(info.Env()), Kind(info[0]), Number(info[1]), AddFlow, &list);
    return list.out;
}

/* links(kind, number): the links of a pipe or scheduler */
Napi::Value Emulation::Links(const Napi::CallbackInfo &info)
{
    List list{info.Env(), Napi::Array::New(info.Env())};
    nv_emu_links(Live(info.Env()), Kind(info[0]), Number(info[1]), AddFlow, &list);
    return list.out;
}

Napi::Value Emulation::Close(const Napi::CallbackInfo &info)
{
    CheckReturned(info.Env(), "the emulator");
    Free();
    return info.Env().Undefined();
}

} // namespace netvale
