/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * capture_golden_test.c - the files of test/golden/capture, which the TypeScript writer and reader are tested with as
 * well: the same bytes from both writers, the same packets to both readers.
 */
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "capture/capture.h"
#include "check.h"

#define TIME UINT64_C(1700000000123456789)

enum { ROOM = 4096 };

static uint8_t bytes[256];

static const struct nv_capture_interface two[2] = {
    {.name = "em0", .link_type = NV_CAPTURE_ETHERNET},
    {.name = "em1", .link_type = NV_CAPTURE_RAW, .snap_length = 61},
};

static const struct nv_capture_packet plain[] = {
    {.data = bytes, .length = 60, .time_ns = TIME},
    {.data = bytes, .length = 61, .wire = 1514, .time_ns = TIME + 1000001},
};

static const struct nv_capture_packet rich[] = {
    {.data = bytes, .length = 60, .time_ns = TIME, .direction = NV_CAPTURE_IN},
    {.data = bytes,
     .length = 61,
     .wire = 1514,
     .time_ns = TIME + 1000001,
     .interface = 1,
     .direction = NV_CAPTURE_OUT,
     .comment = "cut",
     .comment_length = 3},
    {.data = bytes, .time_ns = TIME + 2000002, .comment = "four", .comment_length = 4},
};

static const bool big_endian_host = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

static const struct golden {
    const char *name;
    bool ng, microseconds, big;
} files[] = {
    {"us-little.pcap", false, true, false},
    {"ns-big.pcap", false, false, true},
    {"little.pcapng", true, false, false},
    {"us-big.pcapng", true, true, true},
};

static size_t slurp(const char *path, uint8_t *into)
{
    int fd = open(path, O_RDONLY);
    ssize_t size = fd < 0 ? 0 : read(fd, into, ROOM);
    if (fd >= 0)
        close(fd);
    return size > 0 ? (size_t)size : 0;
}

static const char *golden_path(const struct golden *golden)
{
    static char path[128];
    snprintf(path, sizeof(path), "test/golden/capture/%s", golden->name);
    return path;
}

static void test_writes(void)
{
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        const struct golden *golden = &files[i];
        static uint8_t want[ROOM], got[ROOM];
        struct nv_capture_options options = {.format = golden->ng ? NV_CAPTURE_PCAPNG : NV_CAPTURE_PCAP,
                                             .microseconds = golden->microseconds,
                                             .swapped = golden->big != big_endian_host,
                                             .interfaces = two,
                                             .interface_count = golden->ng ? 2 : 1};
        struct nv_capture_writer *writer = NULL;
        struct nv_error err = {0};
        char path[64];
        snprintf(path, sizeof(path), "/tmp/netvale-golden-%d", (int)getpid());
        CHECK(nv_capture_create(path, &options, &writer, &err) == 0, "%s", err.message);
        if (!writer)
            return;
        CHECK(nv_capture_write(writer, golden->ng ? rich : plain, golden->ng ? 3 : 2, &err) == 0, "%s", err.message);
        if (golden->ng)
            CHECK(nv_capture_statistics(writer, 1, TIME + 3000003, 7, 6, &err) == 0, "%s", err.message);
        CHECK(nv_capture_finish(writer, &err) == 0, "%s", err.message);
        size_t size = slurp(golden_path(golden), want);
        CHECK(size > 0, "%s", golden->name);
        CHECK(slurp(path, got) == size && memcmp(got, want, size) == 0, "%s", golden->name);
        unlink(path);
    }
}

static void test_reads(void)
{
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        const struct golden *golden = &files[i];
        const struct nv_capture_packet *want = golden->ng ? rich : plain;
        uint64_t unit = golden->microseconds ? 1000 : 1;
        struct nv_capture *capture = NULL;
        struct nv_capture_packet got[8];
        struct nv_error err = {0};
        CHECK(nv_capture_open(golden_path(golden), &capture, &err) == 0, "%s", err.message);
        if (!capture)
            return;
        int count = nv_capture_read(capture, got, 8, &err);
        CHECK(count == (golden->ng ? 3 : 2), "%s: %d", golden->name, count);
        for (int p = 0; p < count; p++) {
            CHECK(got[p].length == want[p].length && memcmp(got[p].data, bytes, got[p].length) == 0);
            CHECK(got[p].wire == (want[p].wire ? want[p].wire : want[p].length));
            CHECK(got[p].time_ns == want[p].time_ns / unit * unit, "%s", golden->name);
            CHECK(got[p].interface == want[p].interface && got[p].direction == want[p].direction);
            CHECK(got[p].comment_length == want[p].comment_length);
        }
        CHECK(nv_capture_read(capture, got, 8, &err) == 0);
        nv_capture_close(capture);
    }
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"the writer writes the golden files", test_writes},
        {"the reader reads the golden files", test_reads},
    };
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
