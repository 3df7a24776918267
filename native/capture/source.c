/* SPDX-License-Identifier: BSD-2-Clause */
/* source.c - see source.h. */
#include "capture/source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory/error.h"

enum { BUFFER = 1 << 20 };

int source_open(struct capture_source *source, int fd, const char *name, const void *bytes, size_t size,
                struct nv_error *err)
{
    size_t capacity = fd < 0 ? size : BUFFER;
    *source = (struct capture_source){.fd = fd, .capacity = capacity, .last = fd < 0};
    source->name = strdup(name);
    source->buffer = malloc(capacity ? capacity : 1);
    if (!source->name || !source->buffer) {
        source_close(source);
        return nv_fail(err, ENOMEM, "%s: no memory to read it", name);
    }
    if (fd < 0 && size) {
        memcpy(source->buffer, bytes, size);
        source->end = size;
    }
    return 0;
}

void source_close(struct capture_source *source)
{
    if (source->fd >= 0)
        close(source->fd);
    free(source->name);
    free(source->buffer);
}

/* Move the rest to the front and read until `count` bytes are at hand or the file ends. */
static int fill(struct capture_source *source, size_t count, struct nv_error *err)
{
    size_t rest = source->end - source->at;
    memmove(source->buffer, source->buffer + source->at, rest);
    source->base += source->at;
    source->at = 0;
    source->end = rest;
    if (count > source->capacity) {
        uint8_t *larger = realloc(source->buffer, count);
        if (!larger)
            return nv_fail(err, ENOMEM, "%s: no memory for a block of %zu bytes", source->name, count);
        source->buffer = larger;
        source->capacity = count;
    }
    while (source->end < count) {
        ssize_t got = read(source->fd, source->buffer + source->end, source->capacity - source->end);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return nv_fail(err, errno, "cannot read %s: %s", source->name, strerror(errno));
        if (got == 0) {
            source->last = true;
            break;
        }
        source->end += (size_t)got;
    }
    return 0;
}

int source_need(struct capture_source *source, size_t count, const char *what, struct nv_error *err)
{
    if (source->end - source->at >= count)
        return SOURCE_READY;
    if (!source->last) {
        if (source->hold)
            return SOURCE_LATER;
        int result = fill(source, count, err);
        if (result < 0)
            return result;
    }
    size_t got = source->end - source->at;
    if (got >= count)
        return SOURCE_READY;
    if (got == 0)
        return SOURCE_END;
    uint64_t begin = source->base + source->at;
    return nv_fail(err, EBADMSG,
                   "%s: byte %" PRIu64 ": the file ends within %s that begins at byte %" PRIu64
                   ": expected %zu more bytes",
                   source->name, begin + got, what, begin, count - got);
}

int source_skip(struct capture_source *source, uint64_t count, const char *what, struct nv_error *err)
{
    if (source->hold && source->end - source->at < count)
        return SOURCE_LATER;
    while (count) {
        size_t some = count < BUFFER ? (size_t)count : BUFFER;
        int state = source_need(source, some, what, err);
        if (state == SOURCE_END)
            return source_wrong(source, 0, err, "the file ends within %s: expected %" PRIu64 " more bytes", what,
                                count);
        if (state != SOURCE_READY)
            return state;
        source->at += some;
        count -= some;
    }
    return SOURCE_READY;
}

int source_wrong(const struct capture_source *source, size_t ahead, struct nv_error *err, const char *format, ...)
{
    char text[200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return nv_fail(err, EBADMSG, "%s: byte %" PRIu64 ": %s", source->name, source->base + source->at + ahead, text);
}
