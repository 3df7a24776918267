/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reclaim.c - finding the dead and taking down what they left.
 *
 * A clean close and a kill -9 take the same way: the descriptor's FIFO is no longer locked by anybody, so the
 * descriptor is dead; a port without descriptors is taken down; what carried its token in a region is free again;
 * a file that nothing refers to is removed; when no port is left, everything is. Runs at the start of every open
 * and list, in every close, and by nv_gc.
 */
#include "port/kind.h"
#include "port/mend.h"
#include "port/port.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool port_lives(const struct nv_table *t, nv_token token)
{
    return token && t->port[nv_token_index(token)].token == token;
}

uint32_t nv_desc_owner(uint32_t desc, uint32_t generation)
{
    return ((generation & 0xfffff) << 12 | desc) + 1;
}

static bool desc_owner_lives(const struct nv_table *t, uint32_t owner)
{
    uint32_t desc = (owner - 1) & 0xfff;
    return t->desc[desc].live && nv_desc_owner(desc, t->desc[desc].generation) == owner;
}

static int bury_descs(struct nv_world *w, int lockfd)
{
    int buried = 0;
    for (uint32_t d = 0; d < NV_MAX_DESCS; d++) {
        if (!w->table->desc[d].live || nv_desc_alive(w, d))
            continue;
        char name[32];
        nv_fifo_name(name, d);
        unlinkat(lockfd, name, 0);
        NV_STEP("buried");
        __atomic_store_n(&w->table->desc[d].live, 0, __ATOMIC_RELEASE);
        buried++;
    }
    return buried;
}

static void take_down_port(struct nv_world *w, int lockfd, struct nv_port_entry *e)
{
    const struct nv_kind *kind = nv_kind_of(e->kind);
    if (kind && kind->leave)
        kind->leave(w, lockfd, e);
    struct nv_region *r = nv_world_region(w, e->mem_id, NULL);
    if (r) {
        for (uint32_t i = 0; i < e->rx_rings; i++)
            if (nv_region_has_rings(r, e->first_rx + i, 1, e->token))
                nv_queue_close(&nv_region_ctl(r, e->first_rx + i)->queue);
        nv_world_region_put(w, r);
    }
    nv_store(e->token, 0);
    nv_store(e->kind, 0);
    e->name[0] = 0;
}

/* A port that nobody opened yet may live without an opener. */
static bool waits_for_opener(const struct nv_table *t, const struct nv_port_entry *e, const uint16_t *users)
{
    const struct nv_kind *kind = nv_kind_of(e->kind);
    return kind && kind->waits && !(e->caps & NV_CAP_OPENED) && kind->waits(t, e, users);
}

static int bury_ports(struct nv_world *w, int lockfd)
{
    struct nv_table *t = w->table;
    uint16_t users[NV_MAX_PORTS] = {0};
    int buried = 0;
    for (uint32_t d = 0; d < NV_MAX_DESCS; d++)
        if (t->desc[d].live && port_lives(t, t->desc[d].port))
            users[nv_token_index(t->desc[d].port)]++;
    for (uint32_t p = 0; p < NV_MAX_PORTS; p++) {
        struct nv_port_entry *e = &t->port[p];
        if (!e->token || users[p] || waits_for_opener(t, e, users))
            continue;
        take_down_port(w, lockfd, e);
        buried++;
    }
    return buried;
}

/* Does a living sender still hold a lease on this closed queue? Then it may still write into its buffers. */
static bool lease_open(const struct nv_world *w, const struct nv_queue *q)
{
    for (uint32_t i = 0; i <= q->mask; i++) {
        uint64_t r = __atomic_load_n(nv_queue_record(q, i), __ATOMIC_ACQUIRE);
        const struct nv_desc_entry *d = &w->table->desc[nv_record_desc(r)];
        if (nv_record_state(r) == NV_LEASE_OPEN && d->live && (d->generation & 0xfff) == nv_record_generation(r))
            return true;
    }
    return false;
}

/*
 * Rings of gone ports become free, but for those that a living sender holds a lease on: their tokens are kept.
 * Returns how many are kept; beyond `room` they are not noted.
 */
static uint32_t sweep_rings(struct nv_world *w, struct nv_region *r, nv_token *kept, uint32_t room)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->control->geometry.ring_total; i++) {
        if (!r->ring_owner[i] || port_lives(w->table, r->ring_owner[i]))
            continue;
        if (!lease_open(w, &nv_region_ctl(r, i)->queue))
            nv_store(r->ring_owner[i], 0);
        else if (n++ < room)
            kept[n - 1] = r->ring_owner[i];
    }
    return n;
}

/* A set of buffers, one bit each. */
static void mark(uint8_t *set, uint32_t total, uint32_t buf)
{
    if (buf < total)
        set[buf >> 3] |= (uint8_t)(1u << (buf & 7));
}

/* Buffers in the queues of living ports are not the dead's, whatever their token says: they are on their way. */
static uint8_t *buffers_in_queues(const struct nv_world *w, struct nv_region *r)
{
    uint32_t total = r->control->geometry.buf_total;
    uint8_t *set = calloc(1, total / 8 + 1);
    for (uint32_t i = 0; set && i < r->control->geometry.ring_total; i++) {
        const struct nv_queue *q = &nv_region_ctl(r, i)->queue;
        if (!port_lives(w->table, r->ring_owner[i]) || !q->owner)
            continue;
        uint32_t pos = __atomic_load_n(&q->consumed, __ATOMIC_ACQUIRE);
        uint32_t end = __atomic_load_n(&q->refill, __ATOMIC_ACQUIRE);
        for (; (int32_t)(end - pos) > 0; pos++) {
            mark(set, total, nv_queue_buffer(q, pos));
            mark(set, total, nv_entry_buf(__atomic_load_n(&q->full[pos & q->mask], __ATOMIC_RELAXED)));
        }
    }
    return set;
}

/* Free what tokens of gone ports still hold in a region. Returns how much must be looked at again later. */
static uint32_t sweep(struct nv_world *w, struct nv_region *r)
{
    nv_token kept[64];
    uint32_t rings = sweep_rings(w, r, kept, 64), later = rings;
    if (rings > 64)
        return later; /* more than we can tell apart: next time */
    uint8_t *queued = buffers_in_queues(w, r);
    for (uint32_t i = NV_FIRST_BUF; queued && i < r->control->geometry.buf_total; i++) {
        nv_token owner = __atomic_load_n(&r->buf_owner[i], __ATOMIC_ACQUIRE);
        if (!owner || port_lives(w->table, owner))
            continue;
        uint32_t k = 0;
        while (k < rings && kept[k] != owner)
            k++;
        if (k < rings || queued[i >> 3] & 1u << (i & 7))
            later++;
        else
            __atomic_compare_exchange_n(&r->buf_owner[i], &owner, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    }
    free(queued);
    for (uint32_t i = 0; i < r->control->geometry.if_total; i++)
        if (r->if_owner[i] && !desc_owner_lives(w->table, r->if_owner[i]))
            r->if_owner[i] = 0;
    return later;
}

static void sweep_regions(struct nv_world *w)
{
    struct nv_table *t = w->table;
    uint8_t seen[8192] = {0}; /* by memory id */
    uint32_t pending = 0;
    for (uint32_t p = 0; p < NV_MAX_PORTS; p++) {
        uint16_t id = t->port[p].mem_id;
        if (!t->port[p].token || seen[id >> 3] & 1u << (id & 7))
            continue;
        seen[id >> 3] |= (uint8_t)(1u << (id & 7));
        struct nv_region *r = nv_world_region(w, id, NULL);
        if (!r)
            continue;
        pending += sweep(w, r);
        nv_world_region_put(w, r);
    }
    t->sweep_pending = pending;
}

/* Does any port or descriptor of the table refer to this file? */
static bool file_in_use(const struct nv_table *t, const char *name)
{
    unsigned n;
    const char *rest;
    if (!strcmp(name, "table"))
        return true;
    if (nv_file_number(name, "wait.", &n, &rest) && !*rest)
        return n < NV_MAX_DESCS && t->desc[n].live;
    if (nv_file_number(name, "region.", &n, &rest) && (!strcmp(rest, ".data") || !strcmp(rest, ".control"))) {
        for (uint32_t p = 0; p < NV_MAX_PORTS; p++)
            if (t->port[p].token && t->port[p].mem_id == n)
                return true;
        return false;
    }
    if (nv_file_number(name, "tmp.region.", &n, NULL)) { /* being made, by one that has not locked the directory */
        for (uint32_t p = 0; p < NV_MAX_PORTS; p++)
            if (t->port[p].token && t->port[p].mem_id == n && nv_load(t->port[p].ready) != t->port[p].token)
                return true;
        return false;
    }
    for (unsigned k = 0; k < nv_kind_count; k++) {
        const struct nv_kind *kind = nv_kinds[k];
        const size_t length = kind->file_prefix ? strlen(kind->file_prefix) : 0;
        if (!length || strncmp(name, kind->file_prefix, length) != 0)
            continue;
        for (uint32_t p = 0; p < NV_MAX_PORTS; p++)
            if (t->port[p].token && nv_kind_of(t->port[p].kind) == kind && kind->uses_file(&t->port[p], name + length))
                return true;
        return false;
    }
    return strncmp(name, "tmp.", 4) != 0; /* not ours otherwise: leave it */
}

static int remove_files(const struct nv_world *w, int lockfd)
{
    int removed = 0;
    int fd = openat(lockfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    for (struct dirent *f; (f = readdir(dir)) != NULL;)
        if (f->d_name[0] != '.' && !file_in_use(w->table, f->d_name))
            removed += unlinkat(lockfd, f->d_name, 0) == 0;
    closedir(dir);
    return removed;
}

int nv_reclaim(struct nv_world *w, int lockfd)
{
    struct nv_table *t = w->table;
    int count = nv_table_mend(t);
    count += bury_descs(w, lockfd) + bury_ports(w, lockfd);
    if (count || t->sweep_pending)
        sweep_regions(w);
    return count + remove_files(w, lockfd);
}

void nv_world_leave(struct nv_world *w, int lockfd)
{
    struct nv_table *t = w->table;
    for (uint32_t p = 0; p < NV_MAX_PORTS; p++)
        if (t->port[p].token)
            return;
    unlinkat(lockfd, "table", 0);
    NV_STEP("leave");
    nv_dir_remove(lockfd, w->path);
}
