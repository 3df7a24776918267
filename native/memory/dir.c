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

#define LOCK_QUIET_MS 5000
#define LOCK_WAIT_MS  60000
#define MADE_HERE     S_ISVTX /* the mode of a directory tells, from its first moment on, that the library made it */

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

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The process that holds the lock on an inode, as /proc/locks has it; 0: it does not tell. */
static unsigned lock_holder(ino_t inode)
{
    char line[256];
    unsigned holder = 0;
    FILE *locks = fopen("/proc/locks", "re");
    while (locks && !holder && fgets(line, sizeof(line), locks)) {
        unsigned pid;
        unsigned long long number;
        if (sscanf(line, "%*s FLOCK %*s WRITE %u %*x:%*x:%llu", &pid, &number) == 2 && number == inode)
            holder = pid;
    }
    if (locks)
        fclose(locks);
    return holder;
}

char nv_process_state(unsigned pid, char *name)
{
    char path[32], text[128] = "";
    snprintf(path, sizeof(path), "/proc/%u/stat", pid);
    FILE *f = fopen(path, "re");
    const char *got = f ? fgets(text, sizeof(text), f) : NULL, *open = strchr(text, '('), *end = strrchr(text, ')');
    if (f)
        fclose(f);
    if (!got || !open || !end || end - open > 16 || end[1] != ' ')
        return '?';
    snprintf(name, 16, "%.*s", (int)(end - open - 1), open + 1);
    return end[2];
}

/* Nothing was opened or closed for LOCK_QUIET_MS: whoever has the lock does not go on. */
static int holder_stands(ino_t inode, const char *path, struct nv_error *err)
{
    char name[16] = "";
    const unsigned pid = lock_holder(inode);
    const char state = pid ? nv_process_state(pid, name) : '?';
    if (state == '?')
        return nv_fail(err, EBUSY,
                       "%s has been locked for %d s: a process that opens or closes a port there is stopped "
                       "(look for state T in ps)",
                       path, LOCK_QUIET_MS / 1000);
    return nv_fail(
        err, EBUSY, "%s has been locked for %d s by %s (process %u), which %s", path, LOCK_QUIET_MS / 1000, name, pid,
        state == 'T' || state == 't' ? "is stopped while it opens or closes a port there" : "does not go on");
}

/*
 * A holder that was stopped would keep us for ever: try until nothing has moved in the directory for LOCK_QUIET_MS.
 * While others come and go it is only busy, and our turn will come; after LOCK_WAIT_MS we say that.
 */
static int lock_bounded(int fd, const char *path, struct nv_error *err)
{
    const int64_t start = now_ms();
    int64_t quiet_since = start;
    struct stat seen = {0}, st;
    for (unsigned tries = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; tries++) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return nv_fail(err, errno, "cannot lock %s: %s", path, strerror(errno));
        if (tries % 16 == 0 && fstat(fd, &st) == 0) {
            const int64_t now = now_ms();
            if (st.st_mtim.tv_sec != seen.st_mtim.tv_sec || st.st_mtim.tv_nsec != seen.st_mtim.tv_nsec)
                quiet_since = now;
            seen = st;
            if (now - quiet_since >= LOCK_QUIET_MS)
                return holder_stands(st.st_ino, path, err);
            if (now - start >= LOCK_WAIT_MS)
                return nv_fail(err, EBUSY,
                               "%s is busy: other processes have opened and closed ports there all the time for %d s",
                               path, LOCK_WAIT_MS / 1000);
        }
        /* Not all at the same times, or the same ones would be too late each time. */
        nanosleep(&(struct timespec){.tv_nsec = 200000 + (long)((unsigned)getpid() * 7919u + tries * 104729u) % 800000},
                  NULL);
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

void nv_dir_pause(int dirfd)
{
    __atomic_fetch_add(&turns, 1, __ATOMIC_ACQ_REL);
    flock(dirfd, LOCK_UN);
}

int nv_dir_resume(int dirfd, const char *path, struct nv_error *err)
{
    int error = lock_bounded(dirfd, path, err);
    __atomic_fetch_add(&turns, 1, __ATOMIC_ACQ_REL);
    return error;
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
