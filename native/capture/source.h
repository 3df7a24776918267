/* SPDX-License-Identifier: BSD-2-Clause */
/* source.h - a file's bytes through one large buffer, with the offset they have in the file. */
#ifndef NETVALE_CAPTURE_SOURCE_H
#define NETVALE_CAPTURE_SOURCE_H

#include <netvale.h>

struct capture_source {
    int fd; /* -1: all is in the buffer */
    char *name;
    uint8_t *buffer;
    size_t capacity, at, end; /* bytes at hand are [at, end) */
    uint64_t base;            /* offset in the file of buffer[0] */
    bool hold;                /* the buffer must stay as it is: packets in it were handed out */
    bool last;                /* there is nothing behind the buffer */
};

enum source_state {
    SOURCE_END,   /* the file ends here */
    SOURCE_READY, /* the bytes are at hand */
    SOURCE_LATER, /* they are not, and the buffer must stay */
};

/* Takes fd. -ENOMEM; the descriptor is then closed. bytes: of a capture in memory (fd -1). */
int source_open(struct capture_source *source, int fd, const char *name, const void *bytes, size_t size,
                struct nv_error *err);
void source_close(struct capture_source *source);

/* Have `count` bytes at hand: enum source_state, or -EBADMSG when the file ends within `what`, or -errno of read(2). */
int source_need(struct capture_source *source, size_t count, const char *what, struct nv_error *err);

/* Leave out `count` bytes of `what`, however many. As source_need; after SOURCE_LATER nothing was left out. */
int source_skip(struct capture_source *source, uint64_t count, const char *what, struct nv_error *err);

/* The bytes `ahead` of the next one are wrong: -EBADMSG. */
int source_wrong(const struct capture_source *source, size_t ahead, struct nv_error *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
