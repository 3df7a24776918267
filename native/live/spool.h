/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spool.h - records of a data path on their way to a file: one thread puts them into a ring in memory, the spool's own
 * thread writes them. Nothing that a file can do - a FIFO nobody reads, a slow disk, one that is full - holds up who
 * puts; records for which the ring has no room are lost, each of them whole, and counted.
 */
#ifndef NETVALE_LIVE_SPOOL_H
#define NETVALE_LIVE_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory/error.h"

#define NV_SPOOL_SIZE (16u << 20) /* bytes of the ring: a record takes 4 more than it has; memory as it is used */

struct nv_spool;

/*
 * Start a spool that writes to the descriptor fd, which is the spool's from here on (also when this fails) and is
 * closed at its end. `name` is for messages. 0 and *out, or -errno with err.
 */
int nv_spool_start(int fd, const char *name, struct nv_spool **out, struct nv_error *err);
/* The same with a file that is made or emptied; -errno as open(2). */
int nv_spool_create(const char *path, struct nv_spool **out, struct nv_error *err);

/* Put a record of at least one byte. False: there is no room, it is lost. By one thread at a time, as nv_spool_wake. */
bool nv_spool_put(struct nv_spool *spool, const void *record, size_t bytes);
/* What was put is to be written soon: within a tenth of a second it is without that. */
void nv_spool_wake(struct nv_spool *spool);

/*
 * Write what was put, for as long as the file takes it (2 seconds without progress, or an error, and no longer), close
 * and free. *lost is increased by the records that were put and not written to their end. 0, or -errno with err: the
 * file's error, when it cost records, or that of its end. NULL is fine.
 */
int nv_spool_finish(struct nv_spool *spool, uint64_t *lost, struct nv_error *err);

#endif
