/* SPDX-License-Identifier: BSD-2-Clause */
/* dir.c - the directory in shared memory that is one world of ports. */
#include "memory/dir.h"
#include "memory/step.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_WAIT_MS 5000
#define MADE_HERE    S_ISVTX /* the mode of a directory tells, from its first moment on, that the library made it */

int nv_dir_path(const char *dir, char *path, struct nv_error *err)
{
    int n;
    if (!dir || !*dir)
        dir = getenv("NETVALE_DIR");
    if (dir && *dir) {
        if (dir[0] != '/')
            return nv_fail(err, EINVAL, "NETVALE_DIR \"%s\" must be an absolute path", dir);
        n = snprintf(path, NV_DIR_PATH, "%s", dir);
    } else {
        n = snprintf(path, NV_DIR_PATH, "/dev/shm/netvale-%u", (unsigned)geteuid());
    }
    if (n >= NV_DIR_PATH - 32)
        return nv_fail(err, ENAMETOOLONG, "the directory name \"%.64s...\" is too long", path);
    while (n > 1 && path[n - 1] == '/')
        path[--n] = 0;
    return 0;
}

/* The directory must be ours alone: nobody else may put files or links under our names. */
static int check_dir(int fd, const char *path, struct nv_error *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return nv_fail(err, errno, "%s: %s", path, strerror(errno));
    if (st.st_uid != geteuid())
        return nv_fail(err, EPERM, "%s belongs to user %u, not to %u: set NETVALE_DIR to a directory of your own", path,
                       (unsigned)st.st_uid, (unsigned)geteuid());
    if (st.st_mode & 077)
        return nv_fail(err, EPERM, "%s is open to other users (mode %03o): chmod 700 it or set NETVALE_DIR", path,
                       (unsigned)st.st_mode & 0777);
    return 0;
}

/* A holder that was stopped would keep us for ever: try for LOCK_WAIT_MS, then say so. */
static int lock_bounded(int fd, const char *path, struct nv_error *err)
{
    for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited++) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return nv_fail(err, errno, "cannot lock %s: %s", path, strerror(errno));
        if (waited >= LOCK_WAIT_MS)
            return nv_fail(err, EBUSY,
                           "%s has been locked for %d s: a process that opens or closes a port there is "
                           "stopped (look for state T in ps)",
                           path, LOCK_WAIT_MS / 1000);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return 0;
}

/* Threads of one process know nothing of each other by a flock alone: what one did under it the next shall see. */
static unsigned turns;

int nv_dir_lock(const char *path, bool create, struct nv_error *err)
{
    for (;;) {
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT && create) {
            if (mkdir(path, 0700 | MADE_HERE) < 0 && errno != EEXIST)
                return nv_fail(err, errno, "cannot make %s: %s", path, strerror(errno));
            continue;
        }
        if (fd < 0)
            return nv_fail(err, errno, "cannot open %s: %s%s", path, strerror(errno),
                           errno == ELOOP || errno == ENOTDIR ? " (it must be a directory, not a link)" : "");
        int error = check_dir(fd, path, err);
        if (!error)
            error = lock_bounded(fd, path, err);
        struct stat held, named;
        if (!error && (fstat(fd, &held) < 0 || stat(path, &named) < 0 || held.st_ino != named.st_ino)) {
            close(fd); /* the last leaver removed it while we waited: start over */
            continue;
        }
        if (error) {
            close(fd);
            return error;
        }
        __atomic_fetch_add(&turns, 1, __ATOMIC_ACQ_REL);
        return fd;
    }
}

void nv_dir_remove(int dirfd, const char *path)
{
    struct stat st;
    unlinkat(dirfd, "tmp.table", 0); /* of one that died while it made the table */
    if (fstat(dirfd, &st) == 0 && (st.st_mode & MADE_HERE))
        rmdir(path);
}

void nv_dir_unlock(int dirfd)
{
    __atomic_fetch_add(&turns, 1, __ATOMIC_ACQ_REL);
    flock(dirfd, LOCK_UN); /* a child forked meanwhile has the descriptor too: closing ours would not be enough */
    close(dirfd);
}

static int back(int fd, size_t from, size_t to)
{
    int error = 0;
    if (to > from)
        do
            error = posix_fallocate(fd, (off_t)from, (off_t)(to - from));
        while (error == EINTR);
    return -error;
}

int nv_file_back(int dirfd, const char *name, size_t from, size_t to)
{
    int fd = openat(dirfd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int error = back(fd, from, to);
    close(fd);
    return error;
}

static void *map_fd(int fd, size_t size)
{
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return map == MAP_FAILED ? NULL : map;
}

void *nv_file_create(int dirfd, const char *name, size_t size, size_t backed, void (*fill)(void *map, void *arg),
                     void *arg, struct nv_error *err)
{
    char temporary[96];
    snprintf(temporary, sizeof(temporary), "tmp.%s", name);
    unlinkat(dirfd, temporary, 0);
    int fd = openat(dirfd, temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        nv_fail(err, errno, "cannot make %s: %s", name, strerror(errno));
        return NULL;
    }
    void *map = NULL;
    int error = ftruncate(fd, (off_t)size) < 0 ? -errno : back(fd, 0, backed);
    if (!error && !(map = map_fd(fd, size)))
        error = -errno;
    if (!error) {
        fill(map, arg);
        NV_STEP("file");
        if (renameat(dirfd, temporary, dirfd, name) < 0)
            error = -errno;
    }
    close(fd);
    if (error) {
        if (map)
            munmap(map, size);
        unlinkat(dirfd, temporary, 0);
        nv_fail(err, -error, "cannot make %s (%zu bytes): %s", name, backed,
                error == -ENOSPC ? "shared memory is full" : strerror(-error));
        return NULL;
    }
    return map;
}

void *nv_file_map(int dirfd, const char *name, size_t *size, uint64_t *ino, struct nv_error *err)
{
    int fd = openat(dirfd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        nv_fail(err, errno, "cannot open %s: %s", name, strerror(errno));
        return NULL;
    }
    struct stat st;
    void *map = NULL;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_size < 4096)
        nv_fail(err, EPERM, "%s is not a file of this library", name);
    else if (!(map = map_fd(fd, (size_t)st.st_size)))
        nv_fail(err, errno, "cannot map %s: %s", name, strerror(errno));
    close(fd);
    if (map) {
        *size = (size_t)st.st_size;
        if (ino)
            *ino = st.st_ino;
    }
    return map;
}

bool nv_file_number(const char *name, const char *prefix, unsigned *number, const char **rest)
{
    size_t n = strlen(prefix);
    if (strncmp(name, prefix, n) != 0 || name[n] < '0' || name[n] > '9')
        return false;
    char *end;
    unsigned long value = strtoul(name + n, &end, 10);
    *number = value > UINT_MAX ? UINT_MAX : (unsigned)value;
    if (rest)
        *rest = end;
    return true;
}
