/* SPDX-License-Identifier: BSD-2-Clause */
/* spool_test.c - records to files that take them, to pipes that stop and go on, to files that refuse: who puts never
 * waits, and each record arrives whole or is counted. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "live/spool.h"
#include "packet/random.h"

enum { LONGEST = 70000 };

static uint8_t record[LONGEST], read_in[LONGEST];

/* Record n: its number, its length, bytes that follow from both. Most are short, some longer than a pipe holds. */
static size_t make(uint32_t n)
{
    struct nv_random rng;

    nv_random_seed(&rng, 1, n);
    uint64_t draw = nv_random_next(&rng);
    uint32_t length = 8 + (uint32_t)(draw >> 8) % (draw % 64 ? 200 : LONGEST - 8);
    memcpy(record, &n, 4);
    memcpy(record + 4, &length, 4);
    for (uint32_t i = 8; i < length; i++)
        record[i] = (uint8_t)(n + i * 7);
    return length;
}

/* Exactly so many bytes; false: the end. */
static bool whole(int fd, uint8_t *to, size_t bytes)
{
    while (bytes) {
        ssize_t got = read(fd, to, bytes);
        if (got <= 0)
            return false;
        to += got;
        bytes -= (size_t)got;
    }
    return true;
}

/* Take records until the end, or `most`; returns how many were whole and right, with the last one's number. */
static unsigned take(int fd, unsigned most, int64_t *last)
{
    unsigned count = 0;
    uint32_t n, length;

    while (count < most && whole(fd, read_in, 8)) {
        memcpy(&n, read_in, 4);
        memcpy(&length, read_in + 4, 4);
        bool right = (int64_t)n > *last && make(n) == length;
        CHECK(right, "record %u of %u bytes behind %ld", n, length, (long)*last);
        if (!right || !whole(fd, read_in + 8, length - 8))
            break;
        CHECK(memcmp(record, read_in, length) == 0, "bytes of record %u", n);
        *last = n;
        count++;
    }
    return count;
}

static void a_file_holds_every_record(void)
{
    char path[] = "/tmp/netvale-spool-XXXXXX";
    int fd = mkstemp(path);
    struct nv_spool *spool = NULL;
    struct nv_error err = {0};
    uint64_t lost = 0;
    int64_t last = -1;
    uint32_t records = 200000, refused = 0; /* several times around the ring */

    CHECK(nv_spool_create(path, &spool, &err) == 0, "%s", err.message);
    for (uint32_t n = 0; n < records; n++) {
        size_t length = make(n);
        while (!nv_spool_put(spool, record, length)) /* the disk is slower than this loop */
            refused += usleep(1000) == 0;
        if (n % 1000 == 0)
            nv_spool_wake(spool);
    }
    CHECK(nv_spool_finish(spool, &lost, &err) == 0 && lost == 0, "%s, %lu lost", err.message, lost);
    CHECK(take(fd, UINT32_MAX, &last) == records, "all of them, in order (%u tries again)", refused);
    close(fd);
    unlink(path);
}

/* Put until there was no room for a while; returns how many it took. */
static unsigned fill(struct nv_spool *spool, uint32_t *n)
{
    unsigned taken = 0;

    for (unsigned refused = 0; refused < 100; ++*n) {
        bool took = nv_spool_put(spool, record, make(*n));
        taken += took;
        refused += !took;
        if (!took)
            usleep(1000); /* it takes what a pipe holds out of the ring */
    }
    return taken;
}

static void a_reader_that_stops_and_goes_on(void)
{
    int ends[2];
    struct nv_spool *spool = NULL;
    uint64_t lost = 0;
    int64_t last = -1;
    uint32_t n = 0;

    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    CHECK(nv_spool_start(ends[1], "pipe", &spool, NULL) == 0);
    unsigned taken = fill(spool, &n), got = 0;
    CHECK(taken > 1000 && n - taken >= 100, "%u of %u", taken, n);
    got += take(ends[0], taken - 100, &last);
    while (!nv_spool_put(spool, record, make(n)))
        usleep(1000);
    got += take(ends[0], 101, &last);
    CHECK(got == taken + 1 && last == n, "%u of %u", got, taken);
    CHECK(nv_spool_finish(spool, &lost, NULL) == 0 && lost == 0);
    close(ends[0]);
}

static void a_reader_that_stops_for_good(void)
{
    int ends[2];
    struct nv_spool *spool = NULL;
    uint64_t lost = 0;
    int64_t last = -1;
    uint32_t n = 0;

    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    CHECK(nv_spool_start(ends[1], "pipe", &spool, NULL) == 0);
    unsigned taken = fill(spool, &n);
    CHECK(nv_spool_finish(spool, &lost, NULL) == 0, "which is no error");
    unsigned got = take(ends[0], UINT32_MAX, &last); /* what the pipe holds; the last one is torn */
    CHECK(got > 0 && got + lost == taken, "%u read + %lu lost = %u", got, lost, taken);
    close(ends[0]);
}

static void a_file_that_refuses(void)
{
    struct nv_spool *spool = NULL;
    struct nv_error err = {0};
    uint64_t lost = 5;

    CHECK(nv_spool_create("/nonexistent/x", &spool, &err) == -ENOENT && strstr(err.message, "cannot write /non"));
    CHECK(nv_spool_create("/dev/full", &spool, &err) == 0, "%s", err.message);
    for (uint32_t n = 0; n < 10; n++)
        CHECK(nv_spool_put(spool, record, make(n)));
    CHECK(nv_spool_finish(spool, &lost, &err) == -ENOSPC && strstr(err.message, "cannot write /dev/full"));
    CHECK(lost == 15, "%lu", lost);
    CHECK(nv_spool_create("/dev/full", &spool, &err) == 0 && nv_spool_finish(spool, &lost, &err) == 0);
    CHECK(nv_spool_finish(NULL, &lost, &err) == 0);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"a_file_holds_every_record", a_file_holds_every_record},
        {"a_reader_that_stops_and_goes_on", a_reader_that_stops_and_goes_on},
        {"a_reader_that_stops_for_good", a_reader_that_stops_for_good},
        {"a_file_that_refuses", a_file_that_refuses},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
