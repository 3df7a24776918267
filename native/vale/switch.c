/* SPDX-License-Identifier: BSD-2-Clause */
/* switch.c - the control page of a VALE switch. */
#include "vale/switch.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>

void nv_switch_file(char *buf, const char *name)
{
    snprintf(buf, 64, "switch.%s", name);
}

static void fill(void *map, void *arg)
{
    struct nv_switch *sw = map;
    (void)arg;
    sw->magic = NV_SWITCH_MAGIC;
    sw->layout = NV_LAYOUT;
}

struct nv_switch *nv_switch_map(struct nv_world *w, int lockfd, const char *name, bool create, struct nv_error *err)
{
    char file[64];
    struct stat st;
    nv_switch_file(file, name);
    if (create && fstatat(w->dirfd, file, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT) {
        void *map = nv_file_create(lockfd, file, sizeof(struct nv_switch), sizeof(struct nv_switch), fill, NULL, err);
        if (!map)
            return NULL;
        munmap(map, sizeof(struct nv_switch));
    }
    size_t size;
    struct nv_switch *sw = nv_file_map(w->dirfd, file, &size, NULL, err);
    if (sw && size == sizeof(*sw) && (sw->magic != NV_SWITCH_MAGIC || sw->layout != NV_LAYOUT))
        fill(sw, NULL); /* the table, which is of this version, tells of it: somebody wrote rubbish there */
    if (sw && (sw->magic != NV_SWITCH_MAGIC || sw->layout != NV_LAYOUT || size != sizeof(*sw))) {
        nv_fail(err, EPROTO, "switch %s has layout %u (%zu bytes), this library has %u (%zu bytes)", name, sw->layout,
                size, NV_LAYOUT, sizeof(*sw));
        munmap(sw, size);
        return NULL;
    }
    return sw;
}

void nv_switch_unmap(struct nv_switch *sw)
{
    munmap(sw, sizeof(*sw));
}

void nv_switch_changed(struct nv_switch *sw)
{
    __atomic_store_n(&sw->epoch, sw->epoch + 1, __ATOMIC_RELEASE);
}

int nv_switch_attach(struct nv_switch *sw, nv_token port)
{
    for (unsigned i = 0; i < NV_SWITCH_PORTS; i++)
        if (!sw->port[i]) {
            __atomic_store_n(&sw->port[i], port, __ATOMIC_RELEASE);
            NV_STEP("attach");
            nv_switch_changed(sw);
            return (int)i;
        }
    return -ENOSPC;
}

static void forget(struct nv_switch *sw, unsigned index)
{
    for (unsigned i = 0; i < NV_LEARN_ENTRIES; i++)
        if ((__atomic_load_n(&sw->learnt[i], __ATOMIC_RELAXED) & 0xffff) == index + 1)
            __atomic_store_n(&sw->learnt[i], 0, __ATOMIC_RELAXED);
}

/* In an order that one who finds it half done can begin again. */
unsigned nv_switch_detach(struct nv_switch *sw, nv_token port)
{
    unsigned left = 0;
    for (unsigned i = 0; i < NV_SWITCH_PORTS; i++) {
        if (sw->port[i] == port) {
            forget(sw, i);
            __atomic_store_n(&sw->port[i], 0, __ATOMIC_RELEASE);
            NV_STEP("detach");
        }
        left += sw->port[i] != 0;
    }
    nv_switch_changed(sw);
    return left;
}
