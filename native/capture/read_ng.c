/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * read_ng.c - read pcapng: sections of either byte order, several interfaces with resolutions of their own. Blocks that
 * mean nothing to a reader of packets are left out.
 */
#include <errno.h>
#include <string.h>

#include "capture/reader.h"

/* Find the options in [from, to) of a block and call take for each. */
typedef void take_option(void *arg, unsigned code, const uint8_t *value, uint32_t length, bool swapped);

static int each_option(const struct nv_capture *capture, uint32_t from, uint32_t to, take_option *take, void *arg,
                       struct nv_error *err)
{
    const uint8_t *block = capture->source.buffer + capture->source.at;
    while (from + 4 <= to) {
        unsigned code = load16(block + from, capture->swapped);
        uint32_t length = load16(block + from + 2, capture->swapped);
        if (code == OPTION_END)
            break;
        if (from + 4 + length > to)
            return source_wrong(&capture->source, from + 2, err, "an option of %u bytes: expected at most %u", length,
                                to - from - 4);
        take(arg, code, block + from + 4, length, capture->swapped);
        from += 4 + padded(length);
    }
    return 0;
}

struct interface_options {
    struct nv_capture_interface interface;
    struct capture_clock clock;
};

/* if_tsresol: a negative power of ten, or with the highest bit of two. */
static void set_resolution(struct capture_clock *clock, uint8_t resolution)
{
    unsigned exponent = resolution & 0x7f;
    *clock =
        (struct capture_clock){.multiply = 1, .divide = 1, .fcs = clock->fcs, .offset_seconds = clock->offset_seconds};
    if (resolution & 0x80) {
        clock->multiply = CAPTURE_SECOND;
        clock->shift = (uint8_t)exponent;
        return;
    }
    for (unsigned e = exponent; e < 9; e++)
        clock->multiply *= 10;
    for (unsigned e = 9; e < exponent; e++)
        clock->divide = clock->divide > UINT64_MAX / 10 ? UINT64_MAX : clock->divide * 10;
}

static void take_interface(void *arg, unsigned code, const uint8_t *value, uint32_t length, bool swapped)
{
    struct interface_options *options = arg;
    if (code == OPTION_NAME) {
        uint32_t some = length < NV_CAPTURE_NAME - 1 ? length : NV_CAPTURE_NAME - 1;
        memset(options->interface.name, 0, sizeof(options->interface.name));
        memcpy(options->interface.name, value, some);
    } else if (code == OPTION_RESOLUTION && length == 1) {
        set_resolution(&options->clock, value[0]);
    } else if (code == OPTION_FCS && length == 1) {
        /* Bits says the format, but writers say 4, too, and mean bytes: no frame has 4 bits, or 16 bytes, of it. */
        options->clock.fcs = value[0] < 16 ? value[0] : value[0] / 8;
    } else if (code == OPTION_OFFSET && length == 8) {
        options->clock.offset_seconds = (int64_t)load64(value, swapped);
    }
}

static int add_interface(struct nv_capture *capture, uint32_t length, struct nv_error *err)
{
    const uint8_t *block = capture->source.buffer + capture->source.at;
    struct interface_options options = {
        .interface = {.link_type = load16(block + 8, capture->swapped),
                      .snap_length = load32(block + 12, capture->swapped)},
    };
    set_resolution(&options.clock, 6);
    if (options.interface.snap_length == 0)
        options.interface.snap_length = NV_CAPTURE_MAX_PACKET;
    int result = each_option(capture, 16, length - 4, take_interface, &options, err);
    return result < 0 ? result : reader_add(capture, &options.interface, &options.clock, err);
}

/* Nanoseconds of a time stamp; what does not fit becomes the nearest that does. */
static uint64_t nanoseconds(const struct capture_clock *clock, uint32_t high, uint32_t low)
{
    unsigned __int128 scaled = ((uint64_t)high << 32 | low) * (unsigned __int128)clock->multiply;
    scaled = clock->shift ? scaled >> clock->shift : scaled / clock->divide;
    __int128 time = (__int128)scaled + (__int128)clock->offset_seconds * (__int128)CAPTURE_SECOND;
    return time < 0 ? 0 : time > UINT64_MAX ? UINT64_MAX : (uint64_t)time;
}

static int find_interface(const struct nv_capture *capture, uint32_t id, size_t ahead, uint32_t *index,
                          struct nv_error *err)
{
    uint32_t known = capture->count - capture->first;
    *index = capture->first + id;
    if (id < known)
        return 0;
    if (known == 0)
        return source_wrong(&capture->source, ahead, err,
                            "a packet of interface %u: expected an interface description before it", id);
    return source_wrong(&capture->source, ahead, err, "a packet of interface %u: expected one of 0 to %u", id,
                        known - 1);
}

struct packet_options {
    struct nv_capture_packet *packet;
    uint8_t fcs;
};

static void take_packet(void *arg, unsigned code, const uint8_t *value, uint32_t length, bool swapped)
{
    struct packet_options *options = arg;
    struct nv_capture_packet *packet = options->packet;
    if (code == OPTION_COMMENT && !packet->comment) {
        packet->comment = (const char *)value;
        packet->comment_length = length;
    } else if (code == OPTION_FLAGS && length == 4) {
        uint32_t flags = load32(value, swapped);
        unsigned direction = flags & 3, fcs = flags >> 5 & 15; /* bytes; 0: as the interface says */
        packet->direction = direction == 3 ? NV_CAPTURE_UNKNOWN : (uint8_t)direction;
        options->fcs = fcs ? (uint8_t)fcs : options->fcs;
    }
}

/* An enhanced packet, or an obsolete one, which differs in the interface's number only. */
static int take_enhanced(struct nv_capture *capture, uint32_t type, uint32_t size, struct nv_capture_packet *packet,
                         struct nv_error *err)
{
    const struct capture_source *source = &capture->source;
    const uint8_t *block = source->buffer + source->at;
    bool swapped = capture->swapped;
    uint32_t id = type == BLOCK_OLD_PACKET ? load16(block + 8, swapped) : load32(block + 8, swapped), index;
    uint32_t length = load32(block + 20, swapped), wire = load32(block + 24, swapped);
    int result = find_interface(capture, id, 8, &index, err);
    if (result < 0)
        return result;
    if (length > size - 32)
        return source_wrong(source, 20, err, "a packet of %u bytes: expected at most %u", length, size - 32);
    *packet = (struct nv_capture_packet){
        .data = block + 28,
        .length = length,
        .wire = wire,
        .time_ns = nanoseconds(&capture->clocks[index], load32(block + 12, swapped), load32(block + 16, swapped)),
        .interface = index,
    };
    struct packet_options options = {packet, capture->clocks[index].fcs};
    result = each_option(capture, 28 + padded(length), size - 4, take_packet, &options, err);
    reader_strip(capture, packet, options.fcs);
    return result;
}

/* A simple packet: of interface 0, without a time. */
static int take_simple(struct nv_capture *capture, uint32_t size, struct nv_capture_packet *packet,
                       struct nv_error *err)
{
    const struct capture_source *source = &capture->source;
    const uint8_t *block = source->buffer + source->at;
    uint32_t index, wire = load32(block + 8, capture->swapped), length = wire;
    int result = find_interface(capture, 0, 0, &index, err);
    if (result < 0)
        return result;
    if (length > capture->interfaces[index].snap_length)
        length = capture->interfaces[index].snap_length;
    if (length > size - 16)
        return source_wrong(source, 8, err, "a packet of %u bytes: expected at most %u", length, size - 16);
    *packet = (struct nv_capture_packet){.data = block + 12, .length = length, .wire = wire, .interface = index};
    reader_strip(capture, packet, capture->clocks[index].fcs);
    return 0;
}

/* The byte order of the section that begins here. */
static int section_order(struct nv_capture *capture, struct nv_error *err)
{
    uint32_t magic = nv_load32(capture->source.buffer + capture->source.at + 8);
    if (magic != BYTE_ORDER_MAGIC && bswap_32(magic) != BYTE_ORDER_MAGIC)
        return source_wrong(&capture->source, 8, err, "the byte order mark %x: expected %x", le32toh(magic),
                            BYTE_ORDER_MAGIC);
    capture->swapped = magic != BYTE_ORDER_MAGIC;
    return 0;
}

/* Bytes a block of a kind has at least; 0: not one we read. */
static uint32_t least(uint32_t type)
{
    switch (type) {
    case BLOCK_SECTION:
        return 28;
    case BLOCK_INTERFACE:
        return 20;
    case BLOCK_STATISTICS:
        return 24;
    case BLOCK_SIMPLE:
        return 16;
    case BLOCK_PACKET:
    case BLOCK_OLD_PACKET:
        return 32;
    default:
        return 0;
    }
}

/* What a whole block says. Returns 1 when it is a packet, 0, or -errno. */
static int take_block(struct nv_capture *capture, uint32_t type, uint32_t size, struct nv_capture_packet *packet,
                      struct nv_error *err)
{
    const uint8_t *block = capture->source.buffer + capture->source.at;
    int result = 0;
    switch (type) {
    case BLOCK_SECTION:
        if (load16(block + 12, capture->swapped) != 1)
            return source_wrong(&capture->source, 12, err, "major version %u: expected major version 1",
                                load16(block + 12, capture->swapped));
        capture->first = capture->count;
        return 0;
    case BLOCK_INTERFACE:
        return add_interface(capture, size, err);
    case BLOCK_STATISTICS:
        return 0;
    case BLOCK_SIMPLE:
        result = take_simple(capture, size, packet, err);
        break;
    default:
        result = take_enhanced(capture, type, size, packet, err);
        break;
    }
    return result < 0 ? result : 1;
}

int reader_next_ng(struct nv_capture *capture, struct nv_capture_packet *packet, struct nv_error *err)
{
    struct capture_source *source = &capture->source;
    for (;;) {
        int state = source_need(source, 12, "a block", err);
        if (state != SOURCE_READY)
            return state;
        const uint8_t *block = source->buffer + source->at;
        if (nv_load32(block) == BLOCK_SECTION && (state = section_order(capture, err)) < 0)
            return state;
        uint32_t type = load32(block, capture->swapped), size = load32(block + 4, capture->swapped);
        if (size % 4 != 0 || size < 12)
            return source_wrong(source, 4, err, "a block of %u bytes: expected a multiple of 4, at least 12", size);
        if (least(type) == 0) {
            state = source_skip(source, size, "a block", err);
            if (state != SOURCE_READY)
                return state;
            continue;
        }
        if (size < least(type) || size > BLOCK_MAX)
            return source_wrong(source, 4, err, "a block of %u bytes: expected %u to %d", size, least(type), BLOCK_MAX);
        state = source_need(source, size, "a block", err);
        if (state != SOURCE_READY)
            return state;
        block = source->buffer + source->at;
        uint32_t again = load32(block + size - 4, capture->swapped);
        if (again != size)
            return source_wrong(source, size - 4, err, "a block of %u bytes that ends with %u: expected the same twice",
                                size, again);
        int taken = take_block(capture, type, size, packet, err);
        if (taken < 0)
            return taken;
        source->at += size;
        if (taken)
            return SOURCE_READY;
    }
}
