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

/* Where a slot's packet is, in bytes from the start of the mapping; false when the index cannot be. */
bool Port::Place(const struct netmap_slot *slot, uint32_t *offset) const
{
    const uint32_t index = __atomic_load_n(&slot->buf_idx, __ATOMIC_RELAXED);
    if (index < 2 || index >= buffers_)
        return false;
    *offset = static_cast<uint32_t>(buffers_at_ + static_cast<uint64_t>(index) * buffer_size_);
    return true;
}

/* Describe slots that JavaScript has not seen yet, as many as the batch still holds, and mark them as looked at. */
void Port::Gather(Ring *ring)
{
    const char *base = static_cast<const char *>(nv_memory(port_, nullptr));
    const uint32_t tail = ring->ring->tail;
    Batch *batch = rx_batch_.get();
    const size_t room = batch->offsets.size();
    size_t count = received_;
    while (ring->at != tail && tail < ring->slots && count < room) {
        const struct netmap_slot *slot = &ring->ring->slot[ring->at];
        ring->at = ring->at + 1 == ring->slots ? 0 : ring->at + 1;
        if (!Place(slot, &batch->offsets[count]))
            continue;
        // Its reader is about to look at its first bytes, and they are in another core's cache.
        __builtin_prefetch(base + batch->offsets[count], 0, 2);
        batch->lengths[count] = static_cast<uint16_t>(std::min<uint32_t>(slot->len, buffer_size_));
        batch->flags[count] = slot->flags;
        count++;
    }
    ring->ring->cur = ring->at;
    received_ = count;
}

/* receive(): release the batch before this one, sync, and describe what came. Returns how many packets. */
Napi::Value Port::Receive(const Napi::CallbackInfo &info)
{
    struct nv_port *port = Live(info.Env());
    if (!rx_batch_)
        throw MakeError(info.Env(), "EINVAL", "receive: there is no batch yet");
    received_ = 0;
    for (Ring &ring : rx_) {
        ring.ring->head = ring.ring->cur = ring.at;
        if (nv_rxsync(port, ring.number) < 0)
            ring.at = ring.ring->cur < ring.slots ? ring.ring->cur : 0; // reset: go on with what it says now
        region_->Outgrow(Refresh());
        Gather(&ring);
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
    for (Ring &ring : tx_) {
        struct netmap_ring *shared = ring.ring;
        const auto space = [&ring, shared] {
            const uint32_t head = shared->head;
            const uint32_t tail = shared->tail;
            if (head >= ring.slots || tail >= ring.slots)
                return uint32_t{0};
            return tail >= head ? tail - head : tail + ring.slots - head;
        };
        if (space() < want - count)
            nv_txsync(port, ring.number); // a failure resets the ring: its space is looked at again
        region_->Outgrow(Refresh());
        const uint32_t free = space();
        ring.at = free > 0 ? shared->head : 0;
        ring.count = 0;
        for (uint32_t at = ring.at; ring.count < free && count < want; at = at + 1 == ring.slots ? 0 : at + 1) {
            if (!Place(&shared->slot[at], &tx_batch_->offsets[count]))
                break;
            tx_batch_->flags[count] = 0;
            ring.count++;
            count++;
        }
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
    for (const Ring &ring : tx_)
        reserved += ring.count;
    const size_t count = static_cast<size_t>(Integer(info[0], "count", 0, static_cast<int64_t>(reserved)));
    for (size_t i = 0; i < count; i++)
        if (tx_batch_->lengths[i] > buffer_size_)
            throw MakeRangeError(info.Env(), "packet " + std::to_string(i) + " is " +
                                                 std::to_string(tx_batch_->lengths[i]) + " bytes long, its buffer " +
                                                 std::to_string(buffer_size_));
    size_t done = 0;
    for (Ring &ring : tx_) {
        const uint32_t take = static_cast<uint32_t>(std::min<size_t>(ring.count, count - done));
        uint32_t at = ring.at;
        for (uint32_t i = 0; i < take; i++, done++) {
            struct netmap_slot *slot = &ring.ring->slot[at];
            slot->len = tx_batch_->lengths[done];
            slot->flags =
                static_cast<uint16_t>((slot->flags & NS_BUF_CHANGED) | (tx_batch_->flags[done] & NS_MOREFRAG));
            at = at + 1 == ring.slots ? 0 : at + 1;
        }
        ring.count = 0;
        if (take == 0)
            continue;
        ring.ring->head = ring.ring->cur = at;
        const int result = nv_txsync(port, ring.number);
        CheckGone(info.Env());
        if (result < 0)
            throw MakeError(info.Env(), "EINVAL",
                            std::string(nv_name(port)) + ": its tx ring was in an impossible state and was reset");
    }
    return info.Env().Undefined();
}

} // namespace netvale
