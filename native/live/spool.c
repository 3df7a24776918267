/* SPDX-License-Identifier: BSD-2-Clause */
/* spool.c - see spool.h. The ring holds records behind their lengths; indices only grow, as in ring/queue.h. */
#include "live/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "engine/clock.h"
#include "live/thread.h"

#define MASK        (NV_SPOOL_SIZE - 1)
#define PATIENCE_NS (2 * NV_SECOND) /* at the end, without progress */
#define LOOK_MS     100             /* longest sleep of the writer */
#define HEAD        sizeof(uint32_t)

enum { RECORDS = 256, PIECE = 1 << 18 }; /* of one write: records, bytes */

_Static_assert((NV_SPOOL_SIZE & MASK) == 0, "a power of two");
_Static_assert(2 * RECORDS <= IOV_MAX, "each record may lie around the ring's end");

struct nv_spool {
    /* Written by who puts. */
    _Alignas(64) uint64_t tail; /* behind the last record */
    uint64_t seen;              /* head, when it was looked at last */
    bool fresh;                 /* put something since the last wake */
    bool stop;
    /* Written by the writer. */
    _Alignas(64) uint64_t head; /* the first record that is not written */
    size_t begun;               /* bytes of that one which are */
    int error;                  /* the last errno value */
    bool failing;               /* the last write was refused */
    bool asleep;                /* and nothing is left to write; taken back by who wakes it */
    /* Constant. */
    _Alignas(64) uint8_t *ring;
    char *name;
    size_t piece; /* bytes of one write */
    int fd, wake;
    bool paced; /* neither file nor disk: written to when it says that there is room */
    pthread_t thread;
};

/* ---- who puts ---- */

static void copy_in(struct nv_spool *s, uint64_t at, const void *from, size_t bytes)
{
    size_t start = at & MASK, first = NV_SPOOL_SIZE - start;

    first = bytes < first ? bytes : first;
    memcpy(s->ring + start, from, first);
    memcpy(s->ring, (const uint8_t *)from + first, bytes - first);
}

void nv_spool_wake(struct nv_spool *s)
{
    uint64_t one = 1;

    if (!s->fresh)
        return;
    s->fresh = false;
    if (__atomic_exchange_n(&s->asleep, false, __ATOMIC_SEQ_CST) && write(s->wake, &one, sizeof(one)) < 0)
        return; /* it is awake anyway: the counter is full */
}

bool nv_spool_put(struct nv_spool *s, const void *record, size_t bytes)
{
    uint32_t head = (uint32_t)bytes;
    size_t need = HEAD + bytes;

    if (NV_SPOOL_SIZE - (s->tail - s->seen) < need) {
        s->seen = __atomic_load_n(&s->head, __ATOMIC_ACQUIRE);
        if (bytes > NV_SPOOL_SIZE - HEAD || NV_SPOOL_SIZE - (s->tail - s->seen) < need)
            return false;
    }
    copy_in(s, s->tail, &head, HEAD);
    copy_in(s, s->tail + HEAD, record, bytes);
    __atomic_store_n(&s->tail, s->tail + need, __ATOMIC_RELEASE);
    s->fresh = true;
    if (s->tail - s->seen > NV_SPOOL_SIZE / 8 && __atomic_load_n(&s->asleep, __ATOMIC_RELAXED))
        nv_spool_wake(s);
    return true;
}

/* ---- the writer ---- */

static uint32_t length_at(const struct nv_spool *s, uint64_t at)
{
    uint8_t bytes[HEAD];
    uint32_t length;

    for (unsigned i = 0; i < HEAD; i++)
        bytes[i] = s->ring[(at + i) & MASK];
    memcpy(&length, bytes, HEAD);
    return length;
}

/* What of the ring's records from head to tail one write takes; returns how many pieces of memory. */
static int gather(const struct nv_spool *s, uint64_t tail, struct iovec *to)
{
    size_t left = s->piece, skip = s->begun;
    int count = 0;

    for (uint64_t at = s->head; at < tail && left && count < 2 * RECORDS - 1; skip = 0) {
        uint32_t length = length_at(s, at);
        uint64_t from = at + HEAD + skip;
        at += HEAD + length;
        for (size_t bytes = length - skip < left ? length - skip : left, some; bytes; bytes -= some, left -= some) {
            some = NV_SPOOL_SIZE - (from & MASK);
            some = bytes < some ? bytes : some;
            to[count++] = (struct iovec){s->ring + (from & MASK), some};
            from += some;
        }
    }
    return count;
}

/* So many bytes are written. */
static void advance(struct nv_spool *s, size_t bytes)
{
    uint64_t head = s->head;

    for (bytes += s->begun; bytes;) {
        uint32_t length = length_at(s, head);
        if (bytes < length)
            break;
        bytes -= length;
        head += HEAD + length;
    }
    s->begun = bytes;
    __atomic_store_n(&s->head, head, __ATOMIC_RELEASE);
}

enum wrote { NOTHING, STUCK, SOME };

static enum wrote write_some(struct nv_spool *s)
{
    struct iovec pieces[2 * RECORDS];
    uint64_t tail = __atomic_load_n(&s->tail, __ATOMIC_ACQUIRE);

    if (tail == s->head)
        return NOTHING;
    s->failing = false;
    if (s->paced && poll(&(struct pollfd){.fd = s->fd, .events = POLLOUT}, 1, 0) == 0)
        return STUCK;
    ssize_t wrote = writev(s->fd, pieces, gather(s, tail, pieces));
    s->failing = wrote < 0 && errno != EINTR && errno != EAGAIN;
    if (s->failing)
        s->error = errno;
    if (wrote <= 0)
        return STUCK;
    advance(s, (size_t)wrote);
    return SOME;
}

/* Sleep until there is something to write, or room for it. */
static void pause_after(struct nv_spool *s, enum wrote wrote)
{
    struct pollfd fds[2] = {{.fd = s->wake, .events = POLLIN}, {.fd = s->fd, .events = POLLOUT}};
    uint64_t times;

    if (wrote == NOTHING) {
        __atomic_store_n(&s->asleep, true, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&s->tail, __ATOMIC_SEQ_CST) != s->head) {
            __atomic_store_n(&s->asleep, false, __ATOMIC_RELAXED);
            return;
        }
    }
    /* A file that refuses says all the time that it can be written to. */
    if (poll(fds, wrote == STUCK && !s->failing ? 2 : 1, LOOK_MS) > 0 && fds[0].revents &&
        read(s->wake, &times, sizeof(times)) < 0)
        return; /* it looks again either way */
    __atomic_store_n(&s->asleep, false, __ATOMIC_RELAXED);
}

static void *writer(void *arg)
{
    struct nv_spool *s = arg;
    uint64_t since = 0; /* of the last progress after the stop */

    nv_thread_settle("nv-spool", -1, NULL);
    for (;;) {
        bool stop = __atomic_load_n(&s->stop, __ATOMIC_ACQUIRE);
        enum wrote wrote = write_some(s);
        if (wrote == SOME || since == 0)
            since = stop ? nv_now() : 0;
        if (wrote == SOME)
            continue;
        if (stop && (wrote == NOTHING || s->failing || nv_now() - since > PATIENCE_NS))
            return NULL;
        pause_after(s, wrote);
    }
}

/* ---- starting and stopping ---- */

static void release(struct nv_spool *s)
{
    if (s->wake >= 0)
        close(s->wake);
    free(s->ring);
    free(s->name);
    free(s);
}

int nv_spool_start(int fd, const char *name, struct nv_spool **out, struct nv_error *err)
{
    struct stat file;
    struct nv_spool *s = aligned_alloc(64, sizeof(*s));
    int error = s ? 0 : nv_fail(err, ENOMEM, "%s: no memory to write it", name);

    if (s) {
        memset(s, 0, sizeof(*s));
        s->fd = fd;
        s->paced = fstat(fd, &file) < 0 || !(S_ISREG(file.st_mode) || S_ISBLK(file.st_mode));
        s->piece = s->paced ? PIPE_BUF : PIECE; /* so much a pipe takes without waiting when it has room at all */
        s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        s->name = strdup(name);
        s->ring = malloc(NV_SPOOL_SIZE);
        if (s->wake < 0 || !s->name || !s->ring)
            error = nv_fail(err, s->wake < 0 ? errno : ENOMEM, "%s: no memory or descriptor to write it", name);
        if (error == 0)
            error = nv_thread_start(&s->thread, writer, s, err);
        if (error)
            release(s);
    }
    if (error)
        close(fd);
    else
        *out = s;
    return error;
}

int nv_spool_create(const char *path, struct nv_spool **out, struct nv_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

    if (fd < 0)
        return nv_fail(err, errno, "cannot write %s: %s", path, strerror(errno));
    return nv_spool_start(fd, path, out, err);
}

int nv_spool_finish(struct nv_spool *s, uint64_t *lost, struct nv_error *err)
{
    uint64_t one = 1;
    int error = 0;

    if (!s)
        return 0;
    __atomic_store_n(&s->stop, true, __ATOMIC_RELEASE);
    if (write(s->wake, &one, sizeof(one)) < 0)
        errno = 0; /* it is awake anyway: the counter is full */
    pthread_join(s->thread, NULL);
    if (s->head != s->tail && s->failing)
        error = s->error;
    for (; s->head != s->tail; s->head += HEAD + length_at(s, s->head))
        (*lost)++;
    if (close(s->fd) < 0 && error == 0)
        error = errno;
    if (error)
        error = nv_fail(err, error, "cannot write %s: %s", s->name, strerror(error));
    release(s);
    return error;
}
