/* SPDX-License-Identifier: BSD-2-Clause */
/* port.cc - opening, describing, counting and closing a port; see port.h. */
#include "port.h"

#include <algorithm>

#include "arguments.h"
#include "context.h"
#include "error.h"

namespace netvale
{

namespace
{

uint32_t Count(const Napi::Object &from, const char *name)
{
    const Napi::Value value = from.Get(name);
    return value.IsUndefined() ? 0 : static_cast<uint32_t>(Integer(value, name, 0, UINT32_MAX));
}

uint32_t Flag(const Napi::Object &from, const char *name, uint32_t bit)
{
    return from.Get(name).ToBoolean() ? bit : 0;
}

} // namespace

void ReadOpenOptions(const Napi::Value &value, struct nv_open_options *options, std::string *dir)
{
    *options = {};
    options->flags = NV_OPEN_EXCLUSIVE;
    if (value.IsUndefined())
        return;
    const Napi::Object from = Record(value, "options");
    if (!from.Get("dir").IsUndefined()) {
        *dir = Text(from.Get("dir"), "dir");
        options->dir = dir->c_str();
    }
    options->flags = Flag(from, "existing", NV_OPEN_EXISTING) | Flag(from, "copy", NV_OPEN_COPY);
    if (!from.Get("share").ToBoolean())
        options->flags |= NV_OPEN_EXCLUSIVE;
    options->tx_rings = Count(from, "txRings");
    options->rx_rings = Count(from, "rxRings");
    options->tx_slots = Count(from, "txSlots");
    options->rx_slots = Count(from, "rxSlots");
    options->extra_bufs = Count(from, "extraBufs");
}

Napi::Function Port::Define(Napi::Env env)
{
    return DefineClass(env, "Port",
                       {
                           InstanceMethod<&Port::Close>("close"),
                           InstanceMethod<&Port::Describe>("describe"),
                           InstanceMethod<&Port::Stats>("stats"),
                           InstanceMethod<&Port::Bytes>("bytes"),
                           InstanceMethod<&Port::BatchArrays>("batch"),
                           InstanceMethod<&Port::Receive>("receive"),
                           InstanceMethod<&Port::Reserve>("reserve"),
                           InstanceMethod<&Port::Send>("send"),
                           InstanceMethod<&Port::Sync>("sync"),
                           InstanceMethod<&Port::Completed>("completed"),
                           InstanceMethod<&Port::SetWaitMode>("setWaitMode"),
                           InstanceMethod<&Port::WaitSync>("waitSync"),
                           InstanceMethod<&Port::Arm>("arm"),
                           InstanceMethod<&Port::Watch>("watch"),
                           InstanceMethod<&Port::Cancel>("cancel"),
                       });
}

/* new Port(name, options?) */
Port::Port(const Napi::CallbackInfo &info) : Napi::ObjectWrap<Port>(info)
{
    const std::string name = Text(info[0], "name");
    struct nv_open_options options;
    std::string dir;
    ReadOpenOptions(info[1], &options, &dir);
    struct nv_error error = {};
    const int result = nv_open(name.c_str(), &options, &port_, &error);
    if (result < 0) {
        port_ = nullptr;
        throw MakeError(info.Env(), result, error);
    }
    try {
        size_t size = 0;
        void *base = nv_memory(port_, &size);
        memory_size_ = size;
        region_ = ContextOf(info.Env()).regions.At(info.Env(), base);
        const struct nv_ring_range rings = nv_rings(port_);
        for (unsigned i = rings.first_tx; i <= rings.last_tx; i++)
            AddRing(info.Env(), &tx_, nv_txring(port_, i), i);
        for (unsigned i = rings.first_rx; i <= rings.last_rx; i++)
            AddRing(info.Env(), &rx_, nv_rxring(port_, i), i);
    } catch (...) {
        nv_close(port_);
        port_ = nullptr;
        throw;
    }
    // Views of the memory may outlive the last JavaScript reference to the port: it stays until it is closed.
    Ref();
}

Port::~Port()
{
    nv_close(port_);
}

void Port::AddRing(Napi::Env env, std::vector<nv_batch_ring> *rings, struct netmap_ring *ring, unsigned number)
{
    if (ring == nullptr)
        return; // the other direction only: "/T" or "/R"
    size_t size = 0;
    const char *base = static_cast<const char *>(nv_memory(port_, &size));
    const int64_t at = reinterpret_cast<const char *>(ring) - base + ring->buf_ofs;
    const uint32_t slots = ring->num_slots;
    const bool good =
        at > 0 && static_cast<uint64_t>(at) < size && static_cast<uint64_t>(at) <= UINT32_MAX && slots >= 2 &&
        slots <= 65536 && ring->nr_buf_size >= 64 &&
        (buffer_size_ == 0 || (buffers_at_ == static_cast<uint64_t>(at) && buffer_size_ == ring->nr_buf_size));
    if (!good)
        throw MakeError(env, "EINVAL",
                        std::string(nv_name(port_)) + ": its ring " + std::to_string(number) +
                            " describes itself wrongly");
    buffers_at_ = static_cast<uint64_t>(at);
    buffer_size_ = ring->nr_buf_size;
    rings->push_back({ring, number, slots, ring->cur % slots, 0, 0, buffer_size_, buffers_at_});
}

struct nv_port *Port::Live(Napi::Env env) const
{
    if (port_ == nullptr)
        throw MakeError(env, "ECLOSED", "the port is closed");
    return port_;
}

void Port::CheckGone(Napi::Env env) const
{
    if (nv_gone(port_) != 0)
        throw MakeError(env, -nv_gone(port_), std::string(nv_name(port_)) + ": " + nv_gone_why(port_));
}

size_t Port::Refresh()
{
    // Offsets are 32 bits wide in JavaScript: buffers beyond 4 GiB are out of its reach.
    const uint64_t reach = std::min(memory_size_, UINT64_C(1) << 32);
    const uint64_t fitting = (reach - buffers_at_) / buffer_size_;
    buffers_ = static_cast<uint32_t>(std::min<uint64_t>(nv_slots_backed(port_), fitting));
    for (nv_batch_ring &ring : tx_)
        ring.buffers = buffers_;
    for (nv_batch_ring &ring : rx_)
        ring.buffers = buffers_;
    return static_cast<size_t>(buffers_at_ + static_cast<uint64_t>(buffers_) * buffer_size_);
}

/* close(): may be called again. */
Napi::Value Port::Close(const Napi::CallbackInfo &info)
{
    if (port_ == nullptr)
        return info.Env().Undefined();
    // Before the memory goes, JavaScript must not see it any more.
    if (region_.use_count() == 1)
        region_->Detach();
    region_.reset();
    tx_.clear();
    rx_.clear();
    nv_close(port_);
    port_ = nullptr;
    Unref();
    return info.Env().Undefined();
}

/* describe(): name, memoryId, bufferSize, and slots of each bound ring. */
Napi::Value Port::Describe(const Napi::CallbackInfo &info)
{
    const Napi::Env env = info.Env();
    const struct nv_port *port = Live(env);
    const auto list = [env](const std::vector<nv_batch_ring> &rings) {
        Napi::Array out = Napi::Array::New(env, rings.size());
        for (size_t i = 0; i < rings.size(); i++) {
            Napi::Object one = Napi::Object::New(env);
            one.Set("ring", rings[i].number);
            one.Set("slots", rings[i].slots);
            out.Set(static_cast<uint32_t>(i), one);
        }
        return out;
    };
    Napi::Object out = Napi::Object::New(env);
    out.Set("name", nv_name(port));
    out.Set("memoryId", static_cast<uint32_t>(nv_mem_id(port)));
    out.Set("bufferSize", buffer_size_);
    out.Set("txRings", list(tx_));
    out.Set("rxRings", list(rx_));
    return out;
}

/* stats(): the counters of nv_port_stats, drops by name. */
Napi::Value Port::Stats(const Napi::CallbackInfo &info)
{
    const Napi::Env env = info.Env();
    struct nv_port_stats stats;
    nv_stats(Live(env), &stats);
    Napi::Object out = Napi::Object::New(env);
    const auto set = [&out](const char *name, uint64_t value) { out.Set(name, static_cast<double>(value)); };
    set("txPackets", stats.tx_packets);
    set("txBytes", stats.tx_bytes);
    set("txCopies", stats.tx_copies);
    set("txDelivered", stats.tx_delivered);
    set("txDeliveredBytes", stats.tx_delivered_bytes);
    set("rxPackets", stats.rx_packets);
    set("rxBytes", stats.rx_bytes);
    set("wakeupsSent", stats.wakeups_sent);
    set("wakeupsReceived", stats.wakeups_received);
    set("ringResets", stats.ring_resets);
    set("ringBusy", stats.ring_busy);
    Napi::Object drops = Napi::Object::New(env);
    for (unsigned reason = 0; reason < NV_DROP_COUNT; reason++)
        drops.Set(nv_drop_name(reason), static_cast<double>(stats.drops[reason]));
    out.Set("drops", drops);
    return out;
}

/* bytes(): the ArrayBuffer over the region; detached at close. */
Napi::Value Port::Bytes(const Napi::CallbackInfo &info)
{
    Live(info.Env());
    return region_->Bytes(Refresh());
}

/* sync("tx" is true, "rx" is false): hand over and look, all bound rings of one direction. */
Napi::Value Port::Sync(const Napi::CallbackInfo &info)
{
    struct nv_port *port = Live(info.Env());
    // An impossible head or cur was set right, and counted (ringResets): the program goes on.
    info[0].ToBoolean() ? nv_txsync_all(port) : nv_rxsync_all(port);
    CheckGone(info.Env());
    return info.Env().Undefined();
}

/* completed(): packets and bytes whose tx slots came back since the last call, over all bound rings. */
Napi::Value Port::Completed(const Napi::CallbackInfo &info)
{
    struct nv_port *port = Live(info.Env());
    double packets = 0;
    double bytes = 0;
    for (const nv_batch_ring &ring : tx_) {
        const struct nv_completion done = nv_tx_completed(port, ring.number);
        packets += static_cast<double>(done.packets);
        bytes += static_cast<double>(done.bytes);
    }
    Napi::Object out = Napi::Object::New(info.Env());
    out.Set("packets", packets);
    out.Set("bytes", bytes);
    return out;
}

} // namespace netvale
