/* SPDX-License-Identifier: BSD-2-Clause */
/* file.h - a pcapng file that a data path fills: packets go through a spool, and wait for no file. */
#ifndef NETVALE_RELAY_FILE_H
#define NETVALE_RELAY_FILE_H

#include "capture/capture.h"
#include "live/spool.h"

enum { RELAY_FILE_PORTS = 2 };

struct relay_file {
    struct nv_spool *spool;
    struct nv_capture_writer *writer; /* NULL: there is no file */
};

/* Make or empty a file whose interfaces are the ports of these names (at most RELAY_FILE_PORTS). 0 or -errno. */
int relay_file_create(struct relay_file *file, const char *path, const char *const names[], unsigned count,
                      struct nv_error *err);
/* What was written to it is to reach it soon. */
void relay_file_wake(const struct relay_file *file);
/* Close; *lost is increased by the packets that did not reach it. 0, or the file's -errno. */
int relay_file_close(struct relay_file *file, uint64_t *lost, struct nv_error *err);

#endif
