/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dir.h - the directory in shared memory that is one world of ports: finding, checking, locking it.
 *
 * All changes to what exists (ports, regions, switches) happen under the directory's flock, which goes
 * with the process that holds it. The data path never takes it.
 */
#ifndef NETVALE_DIR_H
#define NETVALE_DIR_H

#include "memory/error.h"

#define NV_DIR_PATH 256

/* Absolute path of the world `dir` (NULL: $NETVALE_DIR, else /dev/shm/netvale-<uid>) into path[NV_DIR_PATH]. */
int nv_dir_path(const char *dir, char *path, struct nv_error *err);

/*
 * Open and lock the directory, making it (0700) when `create` says so. Waits at most five seconds for one holder (it is
 * stopped), a minute for many. Returns the descriptor that holds the lock, or -ENOENT, -EPERM (not ours or open to
 * others), -EBUSY.
 */
int nv_dir_lock(const char *path, bool create, struct nv_error *err);
void nv_dir_unlock(int dirfd);

/* Let others in for a while: for what takes long and nobody else looks at. Resume: 0, or -EBUSY, not locked. */
void nv_dir_pause(int dirfd);
int nv_dir_resume(int dirfd, const char *path, struct nv_error *err);

/* Name (16 bytes) and state letter of a process of our pid namespace, 'T' when it is stopped; '?': not known. */
char nv_process_state(unsigned pid, char *name);

/* The directory, locked by dirfd, has no table: remove it if the library made it. */
void nv_dir_remove(int dirfd, const char *path);

/*
 * Make a file of `size` bytes whole: written under a temporary name with memory behind its first `backed`
 * bytes, given to fill(), then renamed. Call with the directory locked. Returns the mapping, or NULL with err.
 */
void *nv_file_create(int dirfd, const char *name, size_t size, size_t backed, void (*fill)(void *map, void *arg),
                     void *arg, struct nv_error *err);

/*
 * Map an existing file of the directory; *size is its size, *ino its inode. NULL with err: -ENOENT, or
 * -EPERM when it is not a plain file of ours.
 */
void *nv_file_map(int dirfd, const char *name, size_t *size, uint64_t *ino, struct nv_error *err);

/* Read the number that follows `prefix` in a file name; *rest (may be NULL) is what follows it. False: no such name. */
bool nv_file_number(const char *name, const char *prefix, unsigned *number, const char **rest);

/* Give memory to bytes [from, to) of a file; -ENOSPC when shared memory is full. */
int nv_file_back(int dirfd, const char *name, size_t from, size_t to);

#endif
