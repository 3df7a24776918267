/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world.h - this process's view of one directory: its table, its mapped regions, the FIFOs it wakes.
 */
#ifndef NETVALE_WORLD_H
#define NETVALE_WORLD_H

#include "memory/region.h"

struct nv_world {
    struct nv_world *next;
    unsigned refs;
    char path[NV_DIR_PATH];
    int dirfd; /* not locked; for opening files by name */
    struct nv_table *table;
    uint64_t table_ino;
    struct nv_region *regions;
    nv_token mine[NV_MAX_PORTS]; /* ports this process has open: their buffers may be moved between them */
    struct {
        int fd_plus_1; /* 0: not open */
        uint32_t generation;
    } wake[NV_MAX_DESCS];
};

/*
 * One lock for all of this process's shared bookkeeping (worlds, mapped regions, wake descriptors). The data path
 * takes it only to wake a sleeper and to look at a switch that changed.
 */
void nv_process_lock(void);
void nv_process_unlock(void);

/*
 * Lock a directory (NULL: the default) and attach to its world, making both when `create` says so.
 * Returns the lock's descriptor with *out counted, or -errno with err; -ENOENT: there is no such world.
 */
int nv_world_enter(const char *dir, bool create, struct nv_world **out, struct nv_error *err);

/* Lock again a world we are in. Returns the lock's descriptor or -errno with err. */
int nv_world_relock(struct nv_world *w, struct nv_error *err);

/* Give back a count of the world. */
void nv_world_put(struct nv_world *w);

/* Map a region, or count it once more. NULL with err. Give it back with nv_world_region_put. */
struct nv_region *nv_world_region(struct nv_world *w, uint16_t mem_id, struct nv_error *err);
void nv_world_region_put(struct nv_world *w, struct nv_region *r);

/* Wake the descriptor(s) an armed word names on the port `owner`. False: one of them could not be. */
bool nv_world_wake(struct nv_world *w, uint32_t armed, nv_token owner);

/* Name of a descriptor's FIFO into buf[32]. */
void nv_fifo_name(char *buf, uint32_t desc);

/* Is this descriptor still held by some process? Directory locked or not. */
bool nv_desc_alive(const struct nv_world *w, uint32_t desc);

#endif
