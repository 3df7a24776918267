/* SPDX-License-Identifier: BSD-2-Clause */
/* capture_test.c - capture files written and read back; files cut at every byte and with bytes changed. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/capture.h"
#include "check.h"
#include "packet/random.h"

#define TIME UINT64_C(1700000000123456789)

enum { PACKETS = 5, BATCH = 64, FILE_BYTES = 1 << 16 };

static uint8_t bytes[1 << 19];

/* A file's bytes; at most `room`. */
static size_t slurp(const char *path, uint8_t *into, size_t room)
{
    int fd = open(path, O_RDONLY);
    size_t size = 0;
    for (ssize_t got; fd >= 0 && (got = read(fd, into + size, room - size)) > 0;)
        size += (size_t)got;
    close(fd);
    return size;
}

static const uint32_t lengths[PACKETS] = {0, 1, 60, 1514, 4096};

static struct nv_capture_packet packet_of(unsigned i, bool ng)
{
    struct nv_capture_packet packet = {
        .data = bytes + i, .length = lengths[i % PACKETS], .wire = lengths[i % PACKETS] + i, .time_ns = TIME + i};
    if (ng) {
        packet.interface = i % 2;
        packet.direction = (uint8_t)(i % 3);
        packet.comment = i % 2 ? "what became of it" : NULL;
        packet.comment_length = i % 2 ? 14 + i % 4 : 0;
    }
    return packet;
}

/* Write `count` packets of a kind into a file of our own; its path. */
static const char *make(const struct nv_capture_options *options, unsigned count)
{
    static char path[64];
    struct nv_capture_writer *writer = NULL;
    struct nv_error err = {0};
    snprintf(path, sizeof(path), "/tmp/netvale-capture-%d", (int)getpid());
    CHECK(nv_capture_create(path, options, &writer, &err) == 0, "%s", err.message);
    for (unsigned i = 0; i < count; i++) {
        struct nv_capture_packet packet = packet_of(i, options->format == NV_CAPTURE_PCAPNG);
        CHECK(nv_capture_write(writer, &packet, 1, &err) == 0, "%s", err.message);
    }
    if (options->format == NV_CAPTURE_PCAPNG)
        CHECK(nv_capture_statistics(writer, 0, TIME, 7, 3, &err) == 0, "%s", err.message);
    CHECK(nv_capture_finish(writer, &err) == 0, "%s", err.message);
    return path;
}

static struct nv_capture_options kinds[8];
static const struct nv_capture_interface two[2] = {
    {.name = "em0", .link_type = NV_CAPTURE_ETHERNET},
    {.name = "em1", .link_type = NV_CAPTURE_RAW, .snap_length = 1000},
};

static unsigned list_kinds(void)
{
    unsigned count = 0;
    for (unsigned bits = 0; bits < 8; bits++) {
        bool ng = bits & 1;
        kinds[count++] = (struct nv_capture_options){.format = ng ? NV_CAPTURE_PCAPNG : NV_CAPTURE_PCAP,
                                                     .microseconds = bits & 2,
                                                     .swapped = bits & 4,
                                                     .interfaces = two,
                                                     .interface_count = ng ? 2 : 1};
    }
    return count;
}

static void test_round_trip(void)
{
    unsigned count = list_kinds();
    for (unsigned k = 0; k < count; k++) {
        const char *path = make(&kinds[k], 1000);
        struct nv_capture *capture = NULL;
        struct nv_capture_packet got[BATCH];
        struct nv_error err = {0};
        bool ng = kinds[k].format == NV_CAPTURE_PCAPNG;
        unsigned seen = 0, interfaces = 0;
        CHECK(nv_capture_open(path, &capture, &err) == 0, "%s", err.message);
        if (!capture)
            return;
        CHECK(nv_capture_format(capture) == kinds[k].format);
        for (int some; (some = nv_capture_read(capture, got, BATCH, &err)) > 0;) {
            for (int i = 0; i < some; i++, seen++) {
                struct nv_capture_packet want = packet_of(seen, ng);
                uint64_t unit = kinds[k].microseconds ? 1000 : 1;
                uint32_t length = want.interface == 1 && want.length > 1000 ? 1000 : want.length;
                CHECK(got[i].length == length && got[i].wire == want.wire, "kind %u packet %u", k, seen);
                CHECK(memcmp(got[i].data, want.data, length) == 0, "kind %u packet %u", k, seen);
                CHECK(got[i].time_ns == want.time_ns / unit * unit, "kind %u packet %u", k, seen);
                CHECK(got[i].interface == want.interface && got[i].direction == want.direction);
                CHECK(got[i].comment_length == want.comment_length);
                CHECK(!want.comment || memcmp(got[i].comment, want.comment, want.comment_length) == 0);
            }
        }
        CHECK(seen == 1000, "kind %u: %u", k, seen);
        const struct nv_capture_interface *all = nv_capture_interfaces(capture, &interfaces);
        CHECK(interfaces == kinds[k].interface_count);
        CHECK(!ng || (strcmp(all[1].name, "em1") == 0 && all[1].snap_length == 1000));
        struct stat stat_of;
        CHECK(stat(path, &stat_of) == 0 && nv_capture_offset(capture) == (uint64_t)stat_of.st_size);
        nv_capture_close(capture);
        unlink(path);
    }
}

/* Read a capture in memory to its end; how many packets, and what it ended with. */
static unsigned read_all(const uint8_t *file, size_t size, unsigned batch, int *end, struct nv_error *err)
{
    struct nv_capture *capture = NULL;
    struct nv_capture_packet got[BATCH];
    unsigned seen = 0;
    uint64_t sum = 0;
    *end = nv_capture_open_memory(file, size, "file", &capture, err);
    if (*end < 0)
        return 0;
    while ((*end = nv_capture_read(capture, got, batch, err)) > 0) {
        for (int i = 0; i < *end; i++, seen++) {
            for (uint32_t at = 0; at < got[i].length; at++)
                sum += got[i].data[at];
            for (uint32_t at = 0; at < got[i].comment_length; at++)
                sum += (uint8_t)got[i].comment[at];
        }
    }
    CHECK(sum < UINT64_MAX);
    if (*end < 0)
        CHECK(nv_capture_read(capture, got, batch, NULL) == *end, "the same again");
    nv_capture_close(capture);
    return seen;
}

static void test_cut_at_every_byte(void)
{
    static uint8_t file[FILE_BYTES];
    unsigned count = list_kinds();
    for (unsigned k = 0; k < count; k++) {
        size_t size = slurp(make(&kinds[k], 4), file, sizeof(file));
        unsigned before = 0;
        for (size_t cut = 0; cut <= size; cut++) {
            struct nv_error err = {0};
            int end = 0;
            unsigned seen = read_all(file, cut, 1 + (unsigned)(cut % BATCH), &end, &err);
            CHECK(seen >= before && seen <= 4, "kind %u cut %zu: %u", k, cut, seen);
            CHECK(end == 0 || (end == -EBADMSG && strstr(err.message, "expected")), "kind %u cut %zu: %d %s", k, cut,
                  end, err.message);
            before = seen;
        }
        CHECK(before == 4, "kind %u: %u", k, before);
    }
    unlink(make(&kinds[0], 0));
}

static void test_changed_bytes(void)
{
    static uint8_t file[FILE_BYTES], changed[FILE_BYTES];
    struct nv_random random;
    unsigned count = list_kinds();
    nv_random_seed(&random, 42, 0);
    for (unsigned k = 0; k < count; k++) {
        size_t size = slurp(make(&kinds[k], 4), file, sizeof(file));
        size_t heads = size < 300 ? size : 300;
        for (unsigned round = 0; round < 20000; round++) {
            int end = 0;
            memcpy(changed, file, size);
            for (unsigned flips = 1 + round % 4; flips; flips--) {
                size_t at = nv_random_next(&random) % (round & 1 ? heads : size);
                changed[at] = (uint8_t)nv_random_next(&random);
            }
            read_all(changed, size, BATCH, &end, NULL);
            CHECK(end == 0 || end == -EBADMSG, "kind %u round %u: %d", k, round, end);
        }
    }
    unlink(make(&kinds[0], 0));
}

/* What is wrong is named with its place. */
static void test_messages(void)
{
    static uint8_t file[FILE_BYTES];
    struct nv_capture *capture = NULL;
    struct nv_capture_packet got[2];
    struct nv_error err = {0};
    list_kinds();
    size_t size = slurp(make(&kinds[2], 3), file, sizeof(file));
    CHECK(nv_capture_open_memory("hello", 5, "x", &capture, &err) == -EBADMSG);
    CHECK(strcmp(err.message, "x: byte 0: it begins with 68656c6c: expected a pcap or pcapng file") == 0, "%s",
          err.message);
    CHECK(nv_capture_open_memory(file, size - 10, "x", &capture, &err) == 0);
    CHECK(nv_capture_read(capture, got, 2, &err) == 2);
    CHECK(nv_capture_read(capture, got, 2, &err) == -EBADMSG);
    CHECK(strcmp(err.message, "x: byte 123: the file ends within a packet that begins at byte 57: expected 10 more "
                              "bytes") == 0,
          "%s", err.message);
    nv_capture_close(capture);
    CHECK(nv_capture_open("/nonexistent", &capture, &err) == -ENOENT);
    CHECK(strstr(err.message, "cannot read /nonexistent"), "%s", err.message);
    unlink(make(&kinds[0], 0));
}

/* A pipe delivers in pieces, and packets larger than what is at hand come whole. */
/* A frame check sequence that the file announces is no part of the packet. */
static void test_fcs(void)
{
    static const struct {
        uint32_t link;            /* pcap */
        int interface_fcs, flags; /* pcapng; -1: not said */
        uint32_t captured, length, wire;
    } cases[] = {
        {0x24000001, -1, -1, 10, 6, 6}, {0x24000001, -1, -1, 8, 6, 6},
        {0x24000001, -1, -1, 3, 3, 6},  {0x20000001, -1, -1, 10, 10, 10},
        {0, 4, -1, 10, 6, 6},           {0, 32, -1, 10, 6, 6},
        {0, 16, -1, 9, 8, 8},           {0, -1, 4 << 5, 10, 6, 6},
        {0, 32, 2 << 5, 10, 8, 8},      {0, 32, 1, 10, 6, 6},
        {0, -1, 1, 10, 10, 10},
    };
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        uint32_t file[32] = {0}, n = 0, captured = cases[c].captured, block;
        if (cases[c].link) {
            const uint32_t head[] = {0xa1b2c3d4, 0x00040002, 0, 0, 65535, cases[c].link, 1, 5, captured, 10, 0, 0, 0};
            memcpy(file, head, sizeof(head));
            n = 10 * 4 + captured;
        } else {
            const uint32_t section[] = {0x0a0d0d0a, 28, 0x1a2b3c4d, 1, UINT32_MAX, UINT32_MAX, 28};
            memcpy(file, section, sizeof(section));
            n = 7;
            block = cases[c].interface_fcs < 0 ? 20 : 28;
            file[n++] = 1, file[n++] = block, file[n++] = 1, file[n++] = 0;
            if (block == 28)
                file[n++] = 0x0001000d, file[n++] = (uint32_t)cases[c].interface_fcs;
            file[n++] = block;
            block = cases[c].flags < 0 ? 44 : 52;
            file[n++] = 6, file[n++] = block, file[n++] = 0, file[n++] = 0, file[n++] = 2;
            file[n++] = captured, file[n++] = 10, n += 3;
            if (block == 52)
                file[n++] = 0x00040002, file[n++] = (uint32_t)cases[c].flags;
            file[n++] = block;
            n *= 4;
        }
        struct nv_capture *capture = NULL;
        struct nv_capture_packet packet;
        struct nv_error err = {0};
        CHECK(nv_capture_open_memory(file, n, "fcs", &capture, &err) == 0, "case %zu: %s", c, err.message);
        CHECK(nv_capture_read(capture, &packet, 1, &err) == 1, "case %zu: %s", c, err.message);
        CHECK(packet.length == cases[c].length && packet.wire == cases[c].wire, "case %zu: %u of %u", c, packet.length,
              packet.wire);
        nv_capture_close(capture);
    }
}

static void test_pipe(void)
{
    enum { LARGE = 200000, COUNT = 40 };
    struct nv_capture_options options = {.format = NV_CAPTURE_PCAPNG, .interfaces = two, .interface_count = 1};
    struct nv_capture_writer *writer = NULL;
    struct nv_capture *capture = NULL;
    struct nv_error err = {0};
    char path[64];
    snprintf(path, sizeof(path), "/tmp/netvale-capture-fifo-%d", (int)getpid());
    CHECK(mkfifo(path, 0600) == 0);
    pid_t child = fork();
    if (child == 0) {
        int result = nv_capture_create(path, &options, &writer, NULL);
        for (unsigned i = 0; i < COUNT && result == 0; i++) {
            struct nv_capture_packet packet = {.data = bytes + i, .length = LARGE, .time_ns = i};
            result = nv_capture_write(writer, &packet, 1, NULL);
        }
        _exit(result == 0 && nv_capture_finish(writer, NULL) == 0 ? 0 : 1);
    }
    CHECK(nv_capture_open(path, &capture, &err) == 0, "%s", err.message);
    unsigned seen = 0;
    struct nv_capture_packet got[BATCH];
    for (int some; capture && (some = nv_capture_read(capture, got, BATCH, &err)) > 0;) {
        for (int i = 0; i < some; i++, seen++)
            CHECK(got[i].length == LARGE && got[i].time_ns == seen && memcmp(got[i].data, bytes + seen, LARGE) == 0);
    }
    CHECK(seen == COUNT, "%u %s", seen, err.message);
    nv_capture_close(capture);
    unlink(path);
}

static void test_refusals(void)
{
    struct nv_capture_options options = {.format = NV_CAPTURE_PCAP, .interfaces = two, .interface_count = 2};
    struct nv_capture_writer *writer = NULL;
    struct nv_error err = {0};
    CHECK(nv_capture_create("/dev/null", &options, &writer, &err) == -EINVAL && strstr(err.message, "use pcapng"));
    CHECK(nv_capture_create("/nonexistent/x", &options, &writer, &err) == -ENOENT);
    options.interface_count = 1;
    CHECK(nv_capture_create("/dev/null", &options, &writer, &err) == 0, "%s", err.message);
    struct nv_capture_packet packet = {.data = bytes, .length = 10, .interface = 1};
    CHECK(nv_capture_write(writer, &packet, 1, &err) == -EINVAL);
    packet = (struct nv_capture_packet){.data = bytes, .length = 10, .wire = 9};
    CHECK(nv_capture_write(writer, &packet, 1, &err) == -EINVAL);
    packet = (struct nv_capture_packet){.data = bytes, .length = NV_CAPTURE_MAX_PACKET + 1};
    CHECK(nv_capture_write(writer, &packet, 1, &err) == -EINVAL);
    packet = (struct nv_capture_packet){.data = bytes, .length = 10, .time_ns = UINT64_MAX};
    CHECK(nv_capture_write(writer, &packet, 1, &err) == -ERANGE, "%s", err.message);
    packet.time_ns = 0;
    CHECK(nv_capture_write(writer, &packet, 1, &err) == 0);
    CHECK(nv_capture_add_interface(writer, two, &err) == -EINVAL);
    CHECK(nv_capture_statistics(writer, 0, 0, 0, 0, &err) == -EINVAL);
    CHECK(nv_capture_finish(writer, &err) == 0);

    /* A full disk is told by what notices it, and by everything after. */
    CHECK(nv_capture_create("/dev/full", &options, &writer, &err) == 0, "%s", err.message);
    CHECK(nv_capture_flush(writer, &err) == -ENOSPC && strstr(err.message, "cannot write /dev/full"));
    CHECK(nv_capture_write(writer, &packet, 1, &err) == -ENOSPC);
    CHECK(nv_capture_finish(writer, &err) == -ENOSPC);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"what is written is read", test_round_trip},
        {"cut at every byte", test_cut_at_every_byte},
        {"bytes changed at random", test_changed_bytes},
        {"what is wrong is named with its place", test_messages},
        {"frame check sequences", test_fcs},
        {"through a FIFO", test_pipe},
        {"refusals", test_refusals},
    };
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
