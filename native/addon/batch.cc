/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * batch.cc - batches of packets as typed arrays: slots become offsets and lengths into the region, and back. One call
 * moves a whole batch; the packets stay where they are.
 */
#include "port.h"

#include <algorithm>

#include "arguments.h"
#include "error.h"

namespace netvale
{

namespace
{

/* JavaScript's view of one array of a batch. */
template <typename T, typename View>
View Share(Napi::Env env, const std::shared_ptr<void> &owner, std::vector<T> *array)
{
    const size_t bytes = array->size() * sizeof(T);
    auto memory = Napi::ArrayBuffer::New(env, array->data(), bytes, [owner](Napi::Env, void *) {});
    return View::New(env, array->size(), memory, 0);
}

} // namespace

/* batch(tx, capacity): {offsets, lengths, flags}, the arrays that receive (or reserve and send) fill and read. */
Napi::Value Port::BatchArrays(const Napi::CallbackInfo &info)
{
    const Napi::Env env = info.Env();
    Live(env);
    const size_t capacity = static_cast<size_t>(Integer(info[1], "capacity", 1, 65536));
    auto batch = std::make_shared<Batch>();
    batch->offsets.resize(capacity);
    batch->lengths.resize(capacity);
    batch->flags.resize(capacity);
    Napi::Object out = Napi::Object::New(env);
    out.Set("offsets", Share<uint32_t, Napi::Uint32Array>(env, batch, &batch->offsets));
    out.Set("lengths", Share<uint16_t, Napi::Uint16Array>(env, batch, &batch->lengths));
    out.Set("flags", Share<uint16_t, Napi::Uint16Array>(env, batch, &batch->flags));
    (info[0].ToBoolean() ? tx_batch_ : rx_batch_) = batch;
    return out;
}

/* receive(): release the batch before this one, sync, and describe what came. Returns how many packets. */
Napi::Value Port::Receive(const Napi::CallbackInfo &info)
{
    struct nv_port *port = Live(info.Env());
    if (!rx_batch_)
        throw MakeError(info.Env(), "EINVAL", "receive: there is no batch yet");
    received_ = 0;
    for (nv_batch_ring &ring : rx_) {
        ring.ring->head = ring.ring->cur = ring.at;
        if (nv_rxsync(port, ring.number) < 0) {
            const uint32_t cur = __atomic_load_n(&ring.ring->cur, __ATOMIC_RELAXED);
            ring.at = cur < ring.slots ? cur : 0; // reset: go on with what it says now
        }
        region_->Outgrow(Refresh());
        const char *base = static_cast<const char *>(nv_memory(port, nullptr));
        received_ = nv_batch_gather(&ring, base, rx_batch_->Arrays(), received_);
    }
    if (received_ == 0)
        CheckGone(info.Env());
    return Napi::Number::New(info.Env(), static_cast<double>(received_));
}

/*
 * reserve(want): where up to `want` free tx buffers are. Syncs when there are fewer free than wanted. A reservation
 * replaces the one before it. Returns how many.
 */
Napi::Value Port::Reserve(const Napi::CallbackInfo &info)
{
    struct nv_port *port = Live(info.Env());
    const size_t capacity = tx_batch_ ? tx_batch_->offsets.size() : 0;
    const size_t want = static_cast<size_t>(Integer(info[0], "count", 0, static_cast<int64_t>(capacity)));
    size_t count = 0;
    for (nv_batch_ring &ring : tx_) {
        if (nv_batch_space(&ring) < want - count)
            nv_txsync(port, ring.number); // a failure resets the ring: its space is looked at again
        region_->Outgrow(Refresh());
        if (tx_batch_)
            count = nv_batch_reserve(&ring, tx_batch_->Arrays(), count, want);
    }
    return Napi::Number::New(info.Env(), static_cast<double>(count));
}

/*
 * send(count): send the first `count` buffers of the reservation, as long as `lengths` says, and end it. Throws
 * RangeError, and sends nothing, when a length is beyond the buffer; TypeError when `count` is beyond the reservation.
 */
Napi::Value Port::Send(const Napi::CallbackInfo &info)
{
    struct nv_port *port = Live(info.Env());
    size_t reserved = 0;
    for (const nv_batch_ring &ring : tx_)
        reserved += ring.count;
    const size_t count = static_cast<size_t>(Integer(info[0], "count", 0, static_cast<int64_t>(reserved)));
    for (size_t i = 0; i < count; i++)
        if (tx_batch_->lengths[i] > buffer_size_)
            throw MakeRangeError(info.Env(), "packet " + std::to_string(i) + " is " +
                                                 std::to_string(tx_batch_->lengths[i]) + " bytes long, its buffer " +
                                                 std::to_string(buffer_size_));
    size_t done = 0;
    for (nv_batch_ring &ring : tx_) {
        const uint32_t take = static_cast<uint32_t>(std::min<size_t>(ring.count, count - done));
        ring.count = take;
        if (take == 0)
            continue;
        nv_batch_fill(&ring, tx_batch_->Arrays(), done, take);
        done += take;
        // A head that somebody else wrote is set right, and counted (ringResets); the slots are still as we left them.
        for (int tries = 0; nv_txsync(port, ring.number) < 0 && nv_gone(port) == 0 && tries < 8; tries++) {
            __atomic_store_n(&ring.ring->cur, ring.at, __ATOMIC_RELAXED);
            __atomic_store_n(&ring.ring->head, ring.at, __ATOMIC_RELEASE);
        }
        CheckGone(info.Env());
    }
    return info.Env().Undefined();
}

} // namespace netvale
