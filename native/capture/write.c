/* SPDX-License-Identifier: BSD-2-Clause */
/* write.c - write capture files: packets are gathered in a large buffer and handed to the system when it is full. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/capture.h"
#include "capture/format.h"
#include "memory/error.h"

enum { BUFFER = 1 << 20, MOST_COMMENT = 65535 };
/* A pcapng packet without its data and comment: block, flags option, comment option, end of options. */
enum { BLOCK_FIXED = 28 + 4, FLAGS_BYTES = 8, COMMENT_HEAD = 4, OPTIONS_END = 4 };

_Static_assert(NV_CAPTURE_MAX_PACKET + MOST_COMMENT + 256 < BUFFER, "every packet fits into the buffer");

struct nv_capture_writer {
    int fd; /* -1: it goes to `put` */
    nv_capture_put *put;
    void *arg;
    int failed; /* errno of the file's first error */
    char *name;
    uint8_t *buffer;
    size_t used;
    bool ng, swapped, microseconds;
    struct nv_capture_interface *interfaces;
    unsigned count;
};

int nv_capture_flush(struct nv_capture_writer *writer, struct nv_error *err)
{
    size_t done = 0, gathered = writer->used;
    if (writer->put) {
        writer->used = 0;
        if (gathered == 0 || writer->put(writer->arg, writer->buffer, gathered))
            return 0;
        return nv_fail(err, ENOBUFS, "%s: no room for %zu bytes", writer->name, gathered);
    }
    while (!writer->failed && done < writer->used) {
        ssize_t wrote = write(writer->fd, writer->buffer + done, writer->used - done);
        if (wrote < 0 && errno != EINTR)
            writer->failed = errno;
        if (wrote > 0)
            done += (size_t)wrote;
    }
    writer->used = 0;
    if (writer->failed)
        return nv_fail(err, writer->failed, "cannot write %s: %s", writer->name, strerror(writer->failed));
    return 0;
}

/* Where `count` bytes go; NULL: the file failed, and *err says how. */
static uint8_t *room(struct nv_capture_writer *writer, size_t count, struct nv_error *err)
{
    if ((writer->failed || BUFFER - writer->used < count) && nv_capture_flush(writer, err) < 0)
        return NULL;
    uint8_t *at = writer->buffer + writer->used;
    writer->used += count;
    return at;
}

/* Units of the file since the epoch. */
static uint64_t units(const struct nv_capture_writer *writer, uint64_t time_ns)
{
    return writer->microseconds ? time_ns / 1000 : time_ns;
}

/* An option of a block; returns what is behind it. */
static uint8_t *put_option(uint8_t *p, unsigned code, const void *value, uint32_t length, bool swapped)
{
    p = store16(p, (uint16_t)code, swapped);
    p = store16(p, (uint16_t)length, swapped);
    memset(p + length, 0, padded(length) - length);
    memcpy(p, value, length);
    return p + padded(length);
}

static uint8_t *put_head(uint8_t *p, uint32_t type, uint32_t size, bool swapped)
{
    return store32(store32(p, type, swapped), size, swapped);
}

static int section(struct nv_capture_writer *writer, struct nv_error *err)
{
    bool swapped = writer->swapped;
    uint8_t *p = room(writer, 28, err);
    if (!p)
        return -writer->failed;
    p = put_head(p, BLOCK_SECTION, 28, swapped);
    p = store32(p, BYTE_ORDER_MAGIC, swapped);
    p = store16(store16(p, 1, swapped), 0, swapped);
    p = store64(p, UINT64_MAX, swapped); /* how long the section is: not said */
    store32(p, 28, swapped);
    return 0;
}

static uint32_t snap_of(const struct nv_capture_interface *interface)
{
    return interface->snap_length ? interface->snap_length : NV_CAPTURE_MAX_PACKET;
}

static int pcap_header(struct nv_capture_writer *writer, const struct nv_capture_interface *interface,
                       struct nv_error *err)
{
    bool swapped = writer->swapped;
    uint8_t *p = room(writer, PCAP_HEADER, err);
    if (!p)
        return -writer->failed;
    p = store32(p, writer->microseconds ? PCAP_MICROSECONDS : PCAP_NANOSECONDS, swapped);
    p = store16(store16(p, 2, swapped), 4, swapped);
    p = store64(p, 0, swapped);
    p = store32(p, snap_of(interface), swapped);
    store32(p, interface->link_type, swapped);
    return 0;
}

/* Keep an interface; its index. */
static int keep(struct nv_capture_writer *writer, const struct nv_capture_interface *interface, struct nv_error *err)
{
    uint32_t snap = snap_of(interface);
    if (snap > NV_CAPTURE_MAX_PACKET || !memchr(interface->name, 0, sizeof(interface->name)))
        return nv_fail(err, EINVAL, "%s: a snap length of %u or a name without end: expected at most %u", writer->name,
                       snap, NV_CAPTURE_MAX_PACKET);
    struct nv_capture_interface *all = realloc(writer->interfaces, (writer->count + 1) * sizeof(*writer->interfaces));
    if (!all)
        return nv_fail(err, ENOMEM, "%s: no memory for an interface", writer->name);
    all[writer->count] = *interface;
    all[writer->count].snap_length = snap;
    writer->interfaces = all;
    return (int)writer->count++;
}

int nv_capture_add_interface(struct nv_capture_writer *writer, const struct nv_capture_interface *interface,
                             struct nv_error *err)
{
    bool swapped = writer->swapped;
    uint32_t name = (uint32_t)strnlen(interface->name, sizeof(interface->name));
    uint32_t size = 20 + (name ? 4 + padded(name) : 0) + 8 + OPTIONS_END;
    uint8_t resolution = writer->microseconds ? 6 : 9;
    if (!writer->ng)
        return nv_fail(err, EINVAL, "%s: a pcap file has one interface: use pcapng", writer->name);
    int index = keep(writer, interface, err);
    if (index < 0)
        return index;
    uint8_t *p = room(writer, size, err);
    if (!p)
        return -writer->failed;
    p = put_head(p, BLOCK_INTERFACE, size, swapped);
    p = store16(store16(p, interface->link_type, swapped), 0, swapped);
    p = store32(p, snap_of(interface), swapped);
    if (name)
        p = put_option(p, OPTION_NAME, interface->name, name, swapped);
    p = put_option(p, OPTION_RESOLUTION, &resolution, 1, swapped);
    p = store32(p, OPTION_END, swapped);
    store32(p, size, swapped);
    return index;
}

static int begin(struct nv_capture_writer *writer, const struct nv_capture_options *options, struct nv_error *err)
{
    int result = 0;
    if (!writer->ng && options->interface_count != 1)
        return nv_fail(err, EINVAL, "%s: a pcap file has one interface, not %u: use pcapng", writer->name,
                       options->interface_count);
    if (!writer->ng) {
        result = keep(writer, options->interfaces, err);
        return result < 0 ? result : pcap_header(writer, options->interfaces, err);
    }
    result = section(writer, err);
    for (unsigned i = 0; i < options->interface_count && result >= 0; i++)
        result = nv_capture_add_interface(writer, &options->interfaces[i], err);
    return result < 0 ? result : 0;
}

static int create(const struct nv_capture_writer *to, const char *name, const struct nv_capture_options *options,
                  struct nv_capture_writer **out, struct nv_error *err)
{
    struct nv_capture_writer *writer = malloc(sizeof(*writer));
    if (!writer) {
        if (to->fd >= 0)
            close(to->fd);
        return nv_fail(err, ENOMEM, "%s: no memory to write it", name);
    }
    *writer = *to;
    writer->ng = options->format == NV_CAPTURE_PCAPNG;
    writer->swapped = options->swapped;
    writer->microseconds = options->microseconds;
    writer->name = strdup(name);
    writer->buffer = malloc(BUFFER);
    int result = writer->name && writer->buffer ? begin(writer, options, err)
                                                : nv_fail(err, ENOMEM, "%s: no memory to write it", name);
    if (result < 0) {
        writer->used = 0;
        nv_capture_finish(writer, NULL);
        return result;
    }
    *out = writer;
    return 0;
}

int nv_capture_create_fd(int fd, const char *name, const struct nv_capture_options *options,
                         struct nv_capture_writer **out, struct nv_error *err)
{
    return create(&(struct nv_capture_writer){.fd = fd}, name, options, out, err);
}

int nv_capture_create_put(nv_capture_put *put, void *arg, const char *name, const struct nv_capture_options *options,
                          struct nv_capture_writer **out, struct nv_error *err)
{
    int result = create(&(struct nv_capture_writer){.fd = -1, .put = put, .arg = arg}, name, options, out, err);
    return result < 0 ? result : nv_capture_flush(*out, err);
}

int nv_capture_create(const char *path, const struct nv_capture_options *options, struct nv_capture_writer **out,
                      struct nv_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return nv_fail(err, errno, "cannot write %s: %s", path, strerror(errno));
    return nv_capture_create_fd(fd, path, options, out, err);
}

static int write_pcap(struct nv_capture_writer *writer, const struct nv_capture_packet *packet, uint32_t length,
                      uint32_t wire, struct nv_error *err)
{
    uint64_t seconds = packet->time_ns / CAPTURE_SECOND, fraction = packet->time_ns % CAPTURE_SECOND;
    bool swapped = writer->swapped;
    if (seconds > UINT32_MAX)
        return nv_fail(err, ERANGE, "%s: a time of %llu s does not fit into a pcap file", writer->name,
                       (unsigned long long)seconds);
    uint8_t *p = room(writer, PCAP_RECORD + length, err);
    if (!p)
        return -writer->failed;
    p = store32(p, (uint32_t)seconds, swapped);
    p = store32(p, (uint32_t)units(writer, fraction), swapped);
    p = store32(store32(p, length, swapped), wire, swapped);
    memcpy(p, packet->data, length);
    return 0;
}

static int write_ng(struct nv_capture_writer *writer, const struct nv_capture_packet *packet, uint32_t length,
                    uint32_t wire, struct nv_error *err)
{
    bool swapped = writer->swapped;
    uint32_t comment = packet->comment_length, flags = packet->direction;
    uint32_t options = (flags ? FLAGS_BYTES : 0u) + (comment ? COMMENT_HEAD + padded(comment) : 0u);
    if (comment > MOST_COMMENT)
        return nv_fail(err, EINVAL, "%s: a comment of %u bytes: expected at most %d", writer->name, comment,
                       MOST_COMMENT);
    options += options ? OPTIONS_END : 0u;
    uint32_t size = BLOCK_FIXED + padded(length) + options;
    uint64_t time = units(writer, packet->time_ns);
    uint8_t *p = room(writer, size, err);
    if (!p)
        return -writer->failed;
    p = put_head(p, BLOCK_PACKET, size, swapped);
    p = store32(p, packet->interface, swapped);
    p = store32(store32(p, (uint32_t)(time >> 32), swapped), (uint32_t)time, swapped);
    p = store32(store32(p, length, swapped), wire, swapped);
    memcpy(p, packet->data, length);
    memset(p + length, 0, padded(length) - length);
    p += padded(length);
    if (flags) {
        p = store16(store16(p, OPTION_FLAGS, swapped), 4, swapped);
        p = store32(p, flags, swapped);
    }
    if (comment)
        p = put_option(p, OPTION_COMMENT, packet->comment, comment, swapped);
    if (options)
        p = store32(p, OPTION_END, swapped);
    store32(p, size, swapped);
    return 0;
}

int nv_capture_write(struct nv_capture_writer *writer, const struct nv_capture_packet *packets, unsigned count,
                     struct nv_error *err)
{
    for (unsigned i = 0; i < count; i++) {
        const struct nv_capture_packet *packet = &packets[i];
        uint32_t wire = packet->wire ? packet->wire : packet->length, length = packet->length;
        if (packet->interface >= writer->count || length > NV_CAPTURE_MAX_PACKET || length > wire)
            return nv_fail(err, EINVAL,
                           "%s: packet %u of a batch: %u of %u bytes, interface %u: expected at most %u, one of %u "
                           "interfaces",
                           writer->name, i, length, wire, packet->interface, NV_CAPTURE_MAX_PACKET, writer->count);
        uint32_t snap = writer->interfaces[packet->interface].snap_length;
        length = length < snap ? length : snap;
        int result =
            writer->ng ? write_ng(writer, packet, length, wire, err) : write_pcap(writer, packet, length, wire, err);
        if (result >= 0 && writer->put)
            result = nv_capture_flush(writer, err);
        if (result < 0)
            return result;
    }
    return 0;
}

int nv_capture_statistics(struct nv_capture_writer *writer, unsigned interface, uint64_t time_ns, uint64_t received,
                          uint64_t dropped, struct nv_error *err)
{
    enum { SIZE = 24 + 12 + 12 + OPTIONS_END };
    bool swapped = writer->swapped;
    uint64_t time = units(writer, time_ns), value;
    if (!writer->ng || interface >= writer->count)
        return nv_fail(err, EINVAL, "%s: no statistics of interface %u: expected pcapng and one of %u interfaces",
                       writer->name, interface, writer->count);
    uint8_t *p = room(writer, SIZE, err);
    if (!p)
        return -writer->failed;
    p = put_head(p, BLOCK_STATISTICS, SIZE, swapped);
    p = store32(p, interface, swapped);
    p = store32(store32(p, (uint32_t)(time >> 32), swapped), (uint32_t)time, swapped);
    store64((uint8_t *)&value, received, swapped);
    p = put_option(p, OPTION_RECEIVED, &value, 8, swapped);
    store64((uint8_t *)&value, dropped, swapped);
    p = put_option(p, OPTION_DROPPED, &value, 8, swapped);
    p = store32(p, OPTION_END, swapped);
    store32(p, SIZE, swapped);
    return 0;
}

int nv_capture_finish(struct nv_capture_writer *writer, struct nv_error *err)
{
    if (!writer)
        return 0;
    int result = writer->used || writer->failed ? nv_capture_flush(writer, err) : 0;
    if (writer->fd >= 0 && close(writer->fd) < 0 && result == 0)
        result = nv_fail(err, errno, "cannot write %s: %s", writer->name, strerror(errno));
    free(writer->name);
    free(writer->buffer);
    free(writer->interfaces);
    free(writer);
    return result;
}
