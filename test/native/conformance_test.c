/* SPDX-License-Identifier: BSD-2-Clause */
/* conformance_test.c - what every kind of port must do, in one process and in two. */
#include "conformance_layout.h"
#include "conformance_open.h"
#include "conformance_packets.h"
#include "conformance_rings.h"
#include "conformance_wait.h"

static const struct check_test every_kind[] = {
    {"layout of the region", layout},
    {"rings through net/netmap_user.h alone", netmap_macros_only},
    {"ring sizes from 2 to 4096", ring_sizes},
    {"extra buffers", extra_buffers},
    {"extra buffers come back", extra_buffers_return},
    {"head and cur of a tx ring", tx_head_and_cur},
    {"head and cur of an rx ring", rx_head_and_cur},
    {"syncs with nothing new", nothing_new},
    {"wrapping around at every offset", wrap_around},
    {"releasing one at a time", release_slowly},
    {"every length", every_length},
    {"fragments", chains},
    {"broken slots", broken_slots},
    {"statistics", statistics},
    {"who keeps the buffers", who_keeps_the_buffers},
    {"bridging without copying", bridge_without_copying},
    {"one ring", one_ring},
    {"flags T, R and x", flags},
    {"only what exists", existing},
    {"two openers", two_openers},
    {"closing and opening again", close_and_reopen},
    {"waiting", wait_results},
    {"waiting for room", wait_for_room},
    {"a signal while waiting", interrupted},
    {"own poll, select and epoll loops", own_loop},
    {"monitors", monitors},
    {"completions", completions},
    {"watermarks", watermarks},
};
#define TESTS (sizeof(every_kind) / sizeof(every_kind[0]))

int main(int argc, char **argv)
{
    static char names[TESTS][128];
    struct check_test tests[TESTS];
    int failed = 0;
    for (kind = kinds; kind < kinds + sizeof(kinds) / sizeof(kinds[0]); kind++) {
        for (size_t i = 0; i < TESTS; i++) {
            snprintf(names[i], sizeof(names[i]), "%s: %s", kind->title, every_kind[i].name);
            tests[i] = (struct check_test){names[i], every_kind[i].run};
        }
        failed |= check_main(argc, argv, tests, TESTS);
    }
    return failed;
}
