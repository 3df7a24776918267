/* SPDX-License-Identifier: BSD-2-Clause */
/* list.c - what exists in a directory, and clearing away what the dead left. */
#include "port/kind.h"
#include "port/port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Copy what is there under the lock; the callback runs without it. Returns the count or -errno. */
static int snapshot(const char *dir, struct nv_port_info **out, struct nv_error *err)
{
    struct nv_world *w;
    int lockfd = nv_world_enter(dir, false, &w, err);
    *out = NULL;
    if (lockfd == -ENOENT)
        return 0; /* no directory or no table: no ports */
    if (lockfd < 0)
        return lockfd;
    nv_reclaim(w, lockfd);
    int n = 0;
    struct nv_port_info *list = *out = calloc(NV_MAX_PORTS, sizeof(*list));
    for (uint32_t i = 0; list && i < NV_MAX_PORTS; i++) {
        const struct nv_port_entry *e = &w->table->port[i];
        if (!e->token || nv_load(e->ready) != e->token)
            continue; /* nobody, or being made */
        struct nv_port_info *info = &list[n++];
        snprintf(info->name, sizeof(info->name), "%s", e->name);
        const struct nv_kind *kind = nv_kind_of(e->kind);
        info->kind = kind ? kind->name : "unknown";
        info->mem_id = e->mem_id;
        info->tx_rings = e->tx_rings, info->rx_rings = e->rx_rings;
        info->tx_slots = e->tx_slots, info->rx_slots = e->rx_slots;
        for (uint32_t d = 0; d < NV_MAX_DESCS; d++)
            info->openers += w->table->desc[d].live && w->table->desc[d].port == e->token;
    }
    nv_world_leave(w, lockfd);
    nv_dir_unlock(lockfd);
    nv_world_put(w);
    return list ? n : nv_fail(err, ENOMEM, "out of memory");
}

int nv_list(const char *dir, int (*fn)(void *arg, const struct nv_port_info *info), void *arg, struct nv_error *err)
{
    struct nv_port_info *list;
    int n = snapshot(dir, &list, err);
    for (int i = 0; i < n; i++)
        if (fn(arg, &list[i]))
            break;
    free(list);
    return n < 0 ? n : 0;
}

int nv_gc(const char *dir, struct nv_error *err)
{
    struct nv_world *w;
    int lockfd = nv_world_enter(dir, false, &w, err);
    if (lockfd == -ENOENT)
        return 0;
    if (lockfd < 0)
        return lockfd;
    int removed = nv_reclaim(w, lockfd);
    nv_world_leave(w, lockfd);
    nv_dir_unlock(lockfd);
    nv_world_put(w);
    return removed;
}
