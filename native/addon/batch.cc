/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * batch.cc - batches of packets as typed arrays: slots become offsets and lengths into the region, and back. One call
 * moves a whole batch; the packets stay where they are.
 */
#include "port.h"

#include <algorithm>

#include "arguments.h"
#include "error.h"

namespace netvale {

/* Where a slot's packet is, in bytes from the start of the mapping; false when the index cannot be. */
bool Port::Place(const struct netmap_slot *slot, uint32_t *offset) const {
    const uint32_t index = __atomic_load_n(&slot->buf_idx, __ATOMIC_RELAXED);
    if (index < 2 || index >= buffers_)
        return false;
    *offset = static_cast<uint32_t>(buffers_at_ + static_cast<uint64_t>(index) * buffer_size_);
    return true;
}

/* Describe up to `room` slots that JavaScript has not seen yet, and mark them as looked at. */
size_t Port::Gather(Ring *ring, uint32_t *offsets, uint16_t *lengths, uint16_t *flags, size_t room) {
    const uint32_t tail = ring->ring->tail;
    size_t count = 0;
    while (ring->at != tail && tail < ring->slots && count < room) {
        const struct netmap_slot *slot = &ring->ring->slot[ring->at];
        ring->at = ring->at + 1 == ring->slots ? 0 : ring->at + 1;
        if (!Place(slot, &offsets[count]))
            continue;
        lengths[count] = static_cast<uint16_t>(std::min<uint32_t>(slot->len, buffer_size_));
        flags[count] = slot->flags;
        count++;
    }
    ring->ring->cur = ring->at;
    return count;
}

/*
 * receive(offsets: Uint32Array, lengths: Uint16Array, flags: Uint16Array): release the batch before this one, sync,
 * and describe up to as many packets as the arrays are long. Returns how many.
 */
Napi::Value Port::Receive(const Napi::CallbackInfo &info) {
    struct nv_port *port = Live(info.Env());
    const auto offsets = Elements<uint32_t>(info[0], napi_uint32_array, "offsets");
    const auto lengths = Elements<uint16_t>(info[1], napi_uint16_array, "lengths");
    const auto flags = Elements<uint16_t>(info[2], napi_uint16_array, "flags");
    const size_t room = std::min({offsets.length, lengths.length, flags.length});
    size_t count = 0;
    for (Ring &ring : rx_) {
        ring.ring->head = ring.ring->cur = ring.at;
        if (nv_rxsync(port, ring.number) < 0)
            ring.at = ring.ring->cur < ring.slots ? ring.ring->cur : 0; // reset: go on with what it says now
        region_->Outgrow(Refresh());
        count += Gather(&ring, offsets.data + count, lengths.data + count, flags.data + count, room - count);
    }
    return Napi::Number::New(info.Env(), static_cast<double>(count));
}

/*
 * reserve(offsets: Uint32Array, want): where up to `want` free tx buffers are. Syncs when there are fewer free than
 * wanted. A reservation replaces the one before it. Returns how many.
 */
Napi::Value Port::Reserve(const Napi::CallbackInfo &info) {
    struct nv_port *port = Live(info.Env());
    const auto offsets = Elements<uint32_t>(info[0], napi_uint32_array, "offsets");
    const size_t want = static_cast<size_t>(Integer(info[1], "count", 0, static_cast<int64_t>(offsets.length)));
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
        while (ring.count < free && count < want) {
            const uint32_t at = (ring.at + ring.count) % ring.slots;
            if (!Place(&shared->slot[at], &offsets.data[count]))
                break;
            ring.count++;
            count++;
        }
    }
    return Napi::Number::New(info.Env(), static_cast<double>(count));
}

/*
 * send(count, lengths: Uint16Array, flags: Uint16Array): send the first `count` buffers of the reservation and end
 * it. Throws RangeError, and sends nothing, when a length is beyond the buffer or `count` beyond the reservation.
 */
Napi::Value Port::Send(const Napi::CallbackInfo &info) {
    struct nv_port *port = Live(info.Env());
    const auto lengths = Elements<uint16_t>(info[1], napi_uint16_array, "lengths");
    const auto flags = Elements<uint16_t>(info[2], napi_uint16_array, "flags");
    size_t reserved = 0;
    for (const Ring &ring : tx_)
        reserved += ring.count;
    const size_t most = std::min({reserved, lengths.length, flags.length});
    const size_t count = static_cast<size_t>(Integer(info[0], "count", 0, static_cast<int64_t>(most)));
    for (size_t i = 0; i < count; i++)
        if (lengths.data[i] > buffer_size_)
            throw Napi::RangeError::New(info.Env(), "packet " + std::to_string(i) + " is " +
                                                        std::to_string(lengths.data[i]) + " bytes long, its buffer " +
                                                        std::to_string(buffer_size_));
    size_t done = 0;
    for (Ring &ring : tx_) {
        const uint32_t take = static_cast<uint32_t>(std::min<size_t>(ring.count, count - done));
        for (uint32_t i = 0; i < take; i++, done++) {
            struct netmap_slot *slot = &ring.ring->slot[(ring.at + i) % ring.slots];
            slot->len = lengths.data[done];
            slot->flags = static_cast<uint16_t>((slot->flags & NS_BUF_CHANGED) | (flags.data[done] & NS_MOREFRAG));
        }
        ring.count = 0;
        if (take == 0)
            continue;
        ring.ring->head = ring.ring->cur = (ring.at + take) % ring.slots;
        if (nv_txsync(port, ring.number) < 0)
            throw MakeError(info.Env(), "EINVAL",
                            std::string(nv_name(port)) + ": its tx ring was in an impossible state and was reset");
    }
    return info.Env().Undefined();
}

} // namespace netvale
