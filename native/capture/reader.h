/* SPDX-License-Identifier: BSD-2-Clause */
/* reader.h - what the two formats' readers share. */
#ifndef NETVALE_CAPTURE_READER_H
#define NETVALE_CAPTURE_READER_H

#include "capture/capture.h"
#include "capture/format.h"
#include "capture/source.h"

/*
 * What an interface's packets are read by. Time stamps become nanoseconds: stamp * multiply / divide, or >> shift,
 * + offset. Its frames end with `fcs` bytes of frame check sequence, which are no part of the packet.
 */
struct capture_clock {
    uint64_t multiply, divide;
    uint8_t shift, fcs;
    int64_t offset_seconds;
};

struct nv_capture {
    struct capture_source source;
    enum nv_capture_format format;
    bool swapped;
    uint32_t fraction;     /* pcap: units a second */
    uint8_t record, minor; /* pcap: bytes of a packet's header, minor version (up to 2: lengths in the other order) */
    uint64_t overlong;     /* packets that were longer than they say */
    struct nv_capture_interface *interfaces;
    struct capture_clock *clocks; /* pcapng: of each interface */
    unsigned count, room;         /* interfaces there are, and room for */
    unsigned first;               /* of the section */
};

/* One more interface; -ENOMEM, -EBADMSG: too many. */
int reader_add(struct nv_capture *capture, const struct nv_capture_interface *interface,
               const struct capture_clock *clock, struct nv_error *err);

/*
 * Take the frame check sequence off a packet: of one that was cut, what is there of it. What is longer than it says was
 * on the wire loses the rest, and is counted.
 */
static inline void reader_strip(struct nv_capture *capture, struct nv_capture_packet *packet, uint8_t fcs)
{
    capture->overlong += packet->length > packet->wire;
    packet->wire -= packet->wire < fcs ? packet->wire : fcs;
    packet->length = packet->length < packet->wire ? packet->length : packet->wire;
}

/* The file begins like none that is read: say what it may be. -EBADMSG. Four bytes are at hand. */
int reader_unknown(const struct capture_source *source, struct nv_error *err);

/* The next packet of a pcapng file: enum source_state, or -errno. */
int reader_next_ng(struct nv_capture *capture, struct nv_capture_packet *packet, struct nv_error *err);

#endif
