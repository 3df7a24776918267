/* SPDX-License-Identifier: BSD-2-Clause */
/* world.c - this process's view of one directory. */
#include "port/mend.h"
#include "port/turn.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define TABLE_FILE "table"

static pthread_mutex_t process_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct nv_world *worlds;

void nv_process_lock(void)
{
    pthread_mutex_lock(&process_mutex);
}

void nv_process_unlock(void)
{
    pthread_mutex_unlock(&process_mutex);
}

static void fill_table(void *map, void *arg)
{
    struct nv_table *table = map;
    (void)arg;
    table->magic = NV_TABLE_MAGIC;
    table->layout = NV_LAYOUT;
    table->size = sizeof(*table);
    table->next_mem_id = 2; /* 1 is the global region of netmap's NICs */
    table->next_generation = 1;
}

/* Map the table that is there, mended. NULL with err; *useless: it is none of ours, or of another version. */
static struct nv_table *table_map(int lockfd, uint64_t *ino, bool *useless, struct nv_error *err)
{
    size_t size;
    struct nv_table *table = nv_file_map(lockfd, TABLE_FILE, &size, ino, err);
    *useless = !table && err->code == EPERM;
    if (!table || nv_table_mend_header(table, size))
        return table;
    *useless = true;
    nv_fail(err, EPROTO,
            "the port table has layout %u (%zu bytes), this library has %u (%zu bytes): "
            "a different version made it, and programs that use it still run",
            table->layout, size, NV_LAYOUT, sizeof(*table));
    munmap(table, size);
    return NULL;
}

static struct nv_table *table_open(int lockfd, bool create, uint64_t *ino, struct nv_error *err)
{
    struct stat st;
    if (fstatat(lockfd, TABLE_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT && create) {
        void *map =
            nv_file_create(lockfd, TABLE_FILE, sizeof(struct nv_table), sizeof(struct nv_table), fill_table, NULL, err);
        if (!map)
            return NULL;
        munmap(map, sizeof(struct nv_table));
    }
    bool useless;
    struct nv_table *table = table_map(lockfd, ino, &useless, err);
    /* Nobody needs it any more: it goes out of the way, and what it told of with it (remove_files). */
    if (table || !useless || !create || nv_dir_in_use(lockfd) ||
        renameat(lockfd, TABLE_FILE, lockfd, NV_DAMAGED_TABLE) < 0)
        return table;
    err->code = 0;
    return table_open(lockfd, create, ino, err);
}

/* The world of a locked directory. Process lock held. */
static struct nv_world *world_of(const char *path, int lockfd, bool create, struct nv_error *err)
{
    uint64_t ino;
    struct nv_table *table = table_open(lockfd, create, &ino, err);
    if (!table)
        return NULL;
    for (struct nv_world *w = worlds; w; w = w->next)
        if (w->table_ino == ino && !strcmp(w->path, path)) {
            munmap(table, sizeof(*table));
            w->refs++;
            return w;
        }
    struct nv_world *w = calloc(1, sizeof(*w));
    if (w)
        w->dirfd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (!w || w->dirfd < 0) {
        nv_fail(err, w ? errno : ENOMEM, "cannot enter %s: %s", path, strerror(w ? errno : ENOMEM));
        munmap(table, sizeof(*table));
        free(w);
        return NULL;
    }
    w->refs = 1;
    snprintf(w->path, sizeof(w->path), "%s", path);
    w->table = table;
    w->table_ino = ino;
    w->next = worlds;
    worlds = w;
    return w;
}

static void begin_child(void)
{
    nv_turn_renew();
    nv_process_unlock();
}

static void hold_over_fork(void)
{
    pthread_atfork(nv_process_lock, nv_process_unlock, begin_child); /* the child must not inherit it locked */
    nv_turn_renew();
}

int nv_world_enter(const char *dir, bool create, struct nv_world **out, struct nv_error *err)
{
    char path[NV_DIR_PATH];
    struct nv_error why = {0};
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, hold_over_fork);
    int error = nv_dir_path(dir, path, err);
    if (error)
        return error;
    int lockfd = nv_dir_lock(path, create, err);
    if (lockfd < 0)
        return lockfd;
    nv_process_lock();
    *out = world_of(path, lockfd, create, &why);
    nv_process_unlock();
    if (!*out) {
        if (faccessat(lockfd, TABLE_FILE, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
            nv_dir_remove(lockfd, path);
        nv_dir_unlock(lockfd);
        return nv_fail(err, why.code, "%s", why.message);
    }
    return lockfd;
}

int nv_world_relock(struct nv_world *w, struct nv_error *err)
{
    int lockfd = nv_dir_lock(w->path, false, err);
    if (lockfd < 0)
        return lockfd;
    struct stat st;
    if (fstatat(lockfd, TABLE_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == w->table_ino)
        return lockfd;
    nv_dir_unlock(lockfd);
    return nv_fail(err, ESTALE, "%s was removed and made again under our feet", w->path);
}

void nv_world_put(struct nv_world *w)
{
    nv_process_lock();
    if (--w->refs == 0) {
        struct nv_world **at = &worlds;
        while (*at != w)
            at = &(*at)->next;
        *at = w->next;
        for (unsigned i = 0; i < NV_MAX_DESCS; i++)
            if (w->wake[i].fd_plus_1)
                close(w->wake[i].fd_plus_1 - 1);
        munmap(w->table, sizeof(*w->table));
        close(w->dirfd);
        free(w);
    }
    nv_process_unlock();
}

struct nv_region *nv_world_region(struct nv_world *w, uint16_t mem_id, struct nv_error *err)
{
    char name[32];
    struct stat st;
    nv_region_file(name, mem_id, "control");
    nv_process_lock();
    struct nv_region *r = NULL;
    if (fstatat(w->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        for (r = w->regions; r && (r->mem_id != mem_id || r->ino != st.st_ino); r = r->next)
            ;
    if (r) {
        r->refs++;
    } else if ((r = nv_region_map(w->dirfd, mem_id, err)) != NULL) {
        r->next = w->regions;
        w->regions = r;
    }
    nv_process_unlock();
    return r;
}

void nv_world_region_put(struct nv_world *w, struct nv_region *r)
{
    nv_process_lock();
    if (--r->refs == 0) {
        struct nv_region **at = &w->regions;
        while (*at != r)
            at = &(*at)->next;
        *at = r->next;
        nv_region_unmap(r);
    }
    nv_process_unlock();
}

void nv_fifo_name(char *buf, uint32_t desc)
{
    snprintf(buf, 32, "wait.%u", desc);
}

bool nv_desc_alive(const struct nv_world *w, uint32_t desc)
{
    char name[32];
    nv_fifo_name(name, desc);
    int fd = openat(w->dirfd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno != ENOENT && errno != ENXIO;
    bool alive = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    close(fd);
    return alive;
}

/* The FIFO of a descriptor, opened once. -errno when it cannot be. Process lock held. */
static int wake_fd(struct nv_world *w, uint32_t desc)
{
    uint32_t generation = __atomic_load_n(&w->table->desc[desc].generation, __ATOMIC_ACQUIRE);
    if (w->wake[desc].fd_plus_1 && w->wake[desc].generation != generation) {
        close(w->wake[desc].fd_plus_1 - 1);
        w->wake[desc].fd_plus_1 = 0;
    }
    if (!w->wake[desc].fd_plus_1) {
        char name[32];
        nv_fifo_name(name, desc);
        /* For reading too: a reader that was killed must cost us an unread byte, not a SIGPIPE. */
        int fd = openat(w->dirfd, name, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            return -errno;
        w->wake[desc].fd_plus_1 = fd + 1;
        w->wake[desc].generation = generation;
    }
    return w->wake[desc].fd_plus_1 - 1;
}

static bool wake_desc(struct nv_world *w, uint32_t desc)
{
    if (desc >= NV_MAX_DESCS)
        return true;
    nv_process_lock(); /* as long as we use the descriptor, lest another thread closes it */
    int fd = wake_fd(w, desc);
    bool woken = fd >= 0 || fd == -ENOENT; /* nobody is there any more */
    if (fd >= 0 && write(fd, "", 1) < 0)
        woken = errno == EAGAIN; /* full: it is readable already */
    nv_process_unlock();
    return woken;
}

bool nv_world_wake(struct nv_world *w, uint32_t armed, nv_token owner)
{
    bool all = true;
    if (armed != NV_ARMED_ALL)
        return wake_desc(w, armed - 1);
    for (uint32_t d = 0; d < NV_MAX_DESCS; d++)
        if (__atomic_load_n(&w->table->desc[d].live, __ATOMIC_ACQUIRE) && nv_load(w->table->desc[d].port) == owner)
            all &= wake_desc(w, d);
    return all;
}
