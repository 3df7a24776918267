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

/* The kernel moves frames, not slots, and chooses their queue: what is left out here is in tap_test.c. */
static bool tap_has(void (*run)(void))
{
    return run != chains && run != broken_slots && run != one_ring && run != flags && run != bridge_without_copying;
}

int main(int argc, char **argv)
{
    static char names[TESTS][128];
    struct check_test tests[TESTS];
    int failed = 0;
    const char *no_lab = NULL;
    bool in_lab = false;
    for (kind = kinds; kind < kinds + sizeof(kinds) / sizeof(kinds[0]); kind++) {
        size_t n = 0;
        if (kind->kernel && !in_lab && !no_lab) {
            no_lab = lab_enter();
            if (!no_lab && lab_pair(LAB_A, LAB_B, LAB_MTU, 1))
                no_lab = "the kernel has no veth pairs";
            in_lab = no_lab == NULL;
        }
        if (kind->kernel && no_lab) {
            printf("skip %s %s\n", kind->title, no_lab);
            continue;
        }
        for (size_t i = 0; i < TESTS; i++) {
            if (kind->kernel && !tap_has(every_kind[i].run))
                continue;
            snprintf(names[n], sizeof(names[n]), "%s: %s", kind->title, every_kind[i].name);
            tests[n] = (struct check_test){names[n], every_kind[i].run};
            n++;
        }
        failed |= check_main(argc, argv, tests, n);
    }
    return failed;
}
