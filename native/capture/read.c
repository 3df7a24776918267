/* SPDX-License-Identifier: BSD-2-Clause */
/* read.c - open a capture file, tell its format, read classic pcap. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/reader.h"
#include "memory/error.h"

enum { MOST_INTERFACES = 65536 };

int reader_add(struct nv_capture *capture, const struct nv_capture_interface *interface,
               const struct capture_clock *clock, struct nv_error *err)
{
    if (capture->count == MOST_INTERFACES)
        return source_wrong(&capture->source, 0, err, "interface %u: expected at most %d", capture->count + 1,
                            MOST_INTERFACES);
    if (capture->count == capture->room) {
        unsigned room = capture->room ? capture->room * 2 : 4;
        struct nv_capture_interface *interfaces = realloc(capture->interfaces, room * sizeof(*interfaces));
        if (interfaces)
            capture->interfaces = interfaces;
        struct capture_clock *clocks = realloc(capture->clocks, room * sizeof(*clocks));
        if (clocks)
            capture->clocks = clocks;
        if (!interfaces || !clocks)
            return nv_fail(err, ENOMEM, "%s: no memory for its interfaces", capture->source.name);
        capture->room = room;
    }
    capture->interfaces[capture->count] = *interface;
    capture->clocks[capture->count] = *clock;
    capture->count++;
    return 0;
}

/* Byte order and units by the magic number, as this machine reads it. */
static bool pcap_magic(struct nv_capture *capture, uint32_t magic)
{
    static const uint32_t known[] = {PCAP_MICROSECONDS, PCAP_NANOSECONDS, PCAP_MODIFIED};
    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (magic != known[i] && magic != bswap_32(known[i]))
            continue;
        capture->swapped = magic != known[i];
        capture->fraction = known[i] == PCAP_NANOSECONDS ? 1000000000 : 1000000;
        capture->record = known[i] == PCAP_MODIFIED ? PCAP_LONG_RECORD : PCAP_RECORD;
        return true;
    }
    return false;
}

static int pcap_header(struct nv_capture *capture, struct nv_error *err)
{
    struct capture_source *source = &capture->source;
    int state = source_need(source, PCAP_HEADER, "the file header", err);
    if (state < 0)
        return state;
    const uint8_t *p = source->buffer + source->at;
    unsigned major = load16(p + 4, capture->swapped), minor = load16(p + 6, capture->swapped);
    if (major != 2)
        return source_wrong(source, 4, err, "major version %u: expected major version 2", major);
    capture->minor = minor < UINT8_MAX ? (uint8_t)minor : UINT8_MAX;
    struct nv_capture_interface interface = {.snap_length = load32(p + 16, capture->swapped)};
    struct capture_clock clock = {0};
    uint32_t link = load32(p + 20, capture->swapped);
    interface.link_type = (uint16_t)link;
    clock.fcs = link & PCAP_HAS_FCS ? (uint8_t)(link >> 28) * 2 : 0;
    if (interface.snap_length == 0)
        interface.snap_length = NV_CAPTURE_MAX_PACKET;
    source->at += PCAP_HEADER;
    return reader_add(capture, &interface, &clock, err);
}

/* Tell the format from the first bytes. */
static int begin(struct nv_capture *capture, struct nv_error *err)
{
    struct capture_source *source = &capture->source;
    int state = source_need(source, 4, "its first bytes", NULL);
    if (state < 0 && state != -EBADMSG)
        return nv_fail(err, -state, "cannot read %s: %s", source->name, strerror(-state));
    if (state != SOURCE_READY)
        return source_wrong(source, 0, err, "the file is too short for a capture file: expected a pcap or pcapng file");
    uint32_t magic = nv_load32(source->buffer + source->at);
    if (pcap_magic(capture, magic)) {
        capture->format = NV_CAPTURE_PCAP;
        return pcap_header(capture, err);
    }
    if (magic != BLOCK_SECTION)
        return reader_unknown(source, err);
    capture->format = NV_CAPTURE_PCAPNG;
    return 0;
}

static int start(int fd, const char *name, const void *bytes, size_t size, struct nv_capture **out,
                 struct nv_error *err)
{
    struct nv_capture *capture = calloc(1, sizeof(*capture));
    if (!capture) {
        if (fd >= 0)
            close(fd);
        return nv_fail(err, ENOMEM, "%s: no memory to read it", name);
    }
    int result = source_open(&capture->source, fd, name, bytes, size, err);
    if (result < 0) {
        free(capture);
        return result;
    }
    result = begin(capture, err);
    if (result < 0) {
        nv_capture_close(capture);
        return result;
    }
    *out = capture;
    return 0;
}

int nv_capture_open(const char *path, struct nv_capture **out, struct nv_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return nv_fail(err, errno, "cannot read %s: %s", path, strerror(errno));
    return start(fd, path, NULL, 0, out, err);
}

int nv_capture_open_memory(const void *bytes, size_t size, const char *name, struct nv_capture **out,
                           struct nv_error *err)
{
    return start(-1, name, bytes, size, out, err);
}

void nv_capture_close(struct nv_capture *capture)
{
    if (!capture)
        return;
    source_close(&capture->source);
    free(capture->interfaces);
    free(capture->clocks);
    free(capture);
}

static int next_pcap(struct nv_capture *capture, struct nv_capture_packet *packet, struct nv_error *err)
{
    struct capture_source *source = &capture->source;
    bool swapped = capture->swapped;
    int state = source_need(source, capture->record, "a packet header", err);
    if (state != SOURCE_READY)
        return state;
    const uint8_t *p = source->buffer + source->at;
    uint32_t length = load32(p + 8, swapped), wire = load32(p + 12, swapped);
    bool other = capture->minor < 3 || (capture->minor == 3 && length > wire);
    if (other) {
        uint32_t first = length;
        length = wire;
        wire = first;
    }
    if (length > NV_CAPTURE_MAX_PACKET)
        return source_wrong(source, other ? 12 : 8, err, "a packet of %u bytes: expected at most %u", length,
                            NV_CAPTURE_MAX_PACKET);
    state = source_need(source, capture->record + length, "a packet", err);
    if (state != SOURCE_READY)
        return state;
    p = source->buffer + source->at;
    /* A fraction may be a second or more: it counts all the same, as everywhere. */
    *packet = (struct nv_capture_packet){
        .data = p + capture->record,
        .length = length,
        .wire = wire,
        .time_ns = load32(p, swapped) * CAPTURE_SECOND + load32(p + 4, swapped) * (CAPTURE_SECOND / capture->fraction),
    };
    reader_strip(capture, packet, capture->clocks[0].fcs);
    source->at += capture->record + length;
    return SOURCE_READY;
}

int nv_capture_read(struct nv_capture *capture, struct nv_capture_packet *packets, unsigned max, struct nv_error *err)
{
    unsigned got = 0;
    int state = SOURCE_READY;
    max = max < 1u << 30 ? max : 1u << 30;
    capture->source.hold = false;
    while (got < max && state == SOURCE_READY) {
        /* What is wrong behind the first packet is told by the next call. */
        struct nv_error *now = got == 0 ? err : NULL;
        state = capture->format == NV_CAPTURE_PCAP ? next_pcap(capture, &packets[got], now)
                                                   : reader_next_ng(capture, &packets[got], now);
        if (state == SOURCE_READY)
            got++;
        capture->source.hold = got > 0;
    }
    return got > 0 ? (int)got : state < 0 ? state : 0;
}

enum nv_capture_format nv_capture_format(const struct nv_capture *capture)
{
    return capture->format;
}

const struct nv_capture_interface *nv_capture_interfaces(const struct nv_capture *capture, unsigned *count)
{
    *count = capture->count;
    return capture->interfaces;
}

uint64_t nv_capture_overlong(const struct nv_capture *capture)
{
    return capture->overlong;
}

uint64_t nv_capture_offset(const struct nv_capture *capture)
{
    return capture->source.base + capture->source.at;
}
