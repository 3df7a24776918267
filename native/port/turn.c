/* SPDX-License-Identifier: BSD-2-Clause */
/* turn.c - a ring that another opener is in: waiting for it, and finding out that it died. */
#include "port/turn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TURN_WAIT_NS 2000000 /* a sync takes microseconds; its process may have lost the processor meanwhile */
#define PROBE_NS     200000  /* who stays longer is looked for */
#define PID_BITS     22      /* the kernel's limit (PID_MAX_LIMIT) */
#define SPACE_SHIFT  47      /* of what tells pid namespaces apart */

uint64_t nv_turn_process;

/* Inode numbers of namespaces follow each other: the low bits tell those of one machine apart. */
static uint64_t pid_namespace(void)
{
    struct stat st;
    return stat("/proc/self/ns/pid", &st) == 0 ? (uint64_t)st.st_ino << SPACE_SHIFT : 0;
}

void nv_turn_renew(void)
{
    __atomic_store_n(&nv_turn_process, ((uint64_t)getpid() & ((1u << PID_BITS) - 1)) | pid_namespace(),
                     __ATOMIC_RELAXED);
}

/* Has the process ended? A zombie has; of one that cannot be looked at we do not know it. */
static bool process_ended(pid_t pid)
{
    char path[32], text[256];
    if (kill(pid, 0) < 0)
        return errno == ESRCH;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n > 0 ? n : 0] = 0;
    const char *end = strrchr(text, ')'); /* of the program's name; the state follows */
    return end && end[1] == ' ' && (end[2] == 'Z' || end[2] == 'X');
}

bool nv_turn_lives(const struct nv_world *w, uint64_t word)
{
    uint32_t desc = (uint32_t)(word >> NV_TURN_DESC_SHIFT) & 0xfff;
    uint32_t generation = (uint32_t)(word >> (NV_TURN_DESC_SHIFT + 12)) & 0xfff;
    const struct nv_desc_entry *d = &w->table->desc[desc];
    if (!nv_load(d->live) || (nv_load(d->generation) & 0xfff) != generation || !nv_desc_alive(w, desc))
        return false;
    if (word >> SPACE_SHIFT != nv_turn_process >> SPACE_SHIFT)
        return true;
    return !process_ended((pid_t)(word & ((1u << PID_BITS) - 1)));
}

static bool take(struct nv_ring_ctl *ctl, uint64_t *seen, uint64_t mine)
{
    return __atomic_compare_exchange_n(&ctl->turn, seen, mine, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

enum nv_turn nv_turn_wait(struct nv_port *p, struct nv_ring_ctl *ctl, uint64_t seen, uint64_t mine)
{
    if (seen == mine)
        return NV_TURN_HELD;
    int64_t start = nv_clock_ns(), now = start, probe = start + PROBE_NS;
    /* One that we have waited for in vain is not waited for again, until it moves. */
    int64_t until = __atomic_load_n(&p->stopped_in_turn, __ATOMIC_RELAXED) == seen ? start : start + TURN_WAIT_NS;
    uint64_t holder = seen;
    if (until == start)
        probe = __atomic_load_n(&p->probe_ns, __ATOMIC_RELAXED);
    for (;;) {
        seen = 0;
        if (take(ctl, &seen, mine)) {
            __atomic_store_n(&p->stopped_in_turn, 0, __ATOMIC_RELAXED);
            return NV_TURN_TAKEN;
        }
        if (seen != holder) {
            holder = seen;
            probe = now + PROBE_NS;
        } else if (now >= probe) {
            probe = now + TURN_WAIT_NS;
            if (!nv_turn_lives(p->world, holder) && take(ctl, &seen, mine))
                return NV_TURN_HEIR;
        }
        if (now >= until)
            break;
        sched_yield();
        now = nv_clock_ns();
    }
    __atomic_store_n(&p->stopped_in_turn, holder, __ATOMIC_RELAXED);
    __atomic_store_n(&p->probe_ns, probe, __ATOMIC_RELAXED);
    __atomic_fetch_add(&ctl->turned_away, 1, __ATOMIC_RELAXED);
    return NV_TURN_BUSY;
}
