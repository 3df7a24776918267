/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * open.c - opening and closing descriptors of ports.
 *
 * Under the directory's lock: clear away the dead, find or make the port (create.c), then bind a descriptor to
 * it. The descriptor is entered first, so that whatever a process that dies half-way has taken is found dead and
 * swept by the next one.
 */
#include "port/create.h"
#include "port/kind.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SPIN_START_NS 20000

/* What to do with a port, by its entry. 0, or -EPROTO with err: no kind of this build has that number. */
static int find_ops(struct nv_port *p, struct nv_error *err)
{
    const struct nv_kind *kind = nv_kind_of(p->entry->kind);
    p->ops = kind ? kind->ops : NULL;
    return p->ops ? 0
                  : nv_fail(err, EPROTO, "%s: a kind of port (%u) that this build has not", p->name, p->entry->kind);
}

/* The last part of a path, without the ending that scripts have. */
static void base_name(char *out, size_t size, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    int n = dot && dot > name && (!strcmp(dot, ".js") || !strcmp(dot, ".mjs")) ? (int)(dot - name) : (int)strlen(name);
    snprintf(out, size, "%.*s", n, name);
}

/* What this program is called, for others' messages: as the shell knows it, and of Node the script. */
static void name_program(char *out, size_t size)
{
    char text[512];
    base_name(out, size, program_invocation_name);
    int fd = strcmp(out, "node") ? -1 : open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n > 0 ? n : 0] = 0;
    const char *script = text + strlen(text) + 1;
    if (script < text + n && *script && *script != '-')
        base_name(out, size, script);
}

/* Enter a descriptor into the table, its FIFO made and locked. */
static int enter_desc(struct nv_port *p, int lockfd, struct nv_error *err)
{
    struct nv_table *t = p->world->table;
    uint32_t d = 0;
    while (d < NV_MAX_DESCS && t->desc[d].live)
        d++;
    if (d == NV_MAX_DESCS)
        return nv_fail(err, ENOSPC, "%s: %u descriptors are open in %s, no more are possible", p->name, d,
                       p->world->path);
    char fifo[32];
    nv_fifo_name(fifo, d);
    unlinkat(lockfd, fifo, 0);
    if (mkfifoat(lockfd, fifo, 0600) < 0)
        return nv_fail(err, errno, "%s: cannot make its wait descriptor: %s", p->name, strerror(errno));
    p->fd = openat(lockfd, fifo, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    /* Somebody who asks whether the descriptor lives holds it for a moment: wait for that. */
    if (p->fd < 0 || flock(p->fd, LOCK_EX) < 0) {
        int error = errno;
        unlinkat(lockfd, fifo, 0);
        return nv_fail(err, error, "%s: cannot hold its wait descriptor: %s", p->name, strerror(error));
    }
    p->wait_fd = p->fd;
    p->desc = d;
    p->desc_entry = &t->desc[d];
    p->generation = nv_next_generation(t);
    nv_store(p->desc_entry->generation, p->generation);
    nv_store(p->desc_entry->port, 0);
    nv_store(p->desc_entry->inside, 0);
    nv_store(p->desc_entry->wakeups_received, 0);
    nv_store(p->desc_entry->extra, 0);
    p->desc_entry->pid = (uint32_t)getpid();
    name_program(p->desc_entry->program, sizeof(p->desc_entry->program));
    nv_store(p->desc_entry->live, 1);
    NV_STEP("descriptor");
    return 0;
}

/* Which rings the name asks for: all, one, or one direction only. */
static int choose_rings(struct nv_port *p, const struct nv_name *name, struct nv_error *err)
{
    uint16_t tx = p->entry->tx_rings, rx = p->entry->rx_rings, id = name->ring_id;
    p->range = (struct nv_ring_range){0, (uint16_t)(tx - 1), 0, (uint16_t)(rx - 1)};
    if (name->mode == NR_REG_ONE_NIC) {
        if (id >= tx && id >= rx)
            return nv_fail(err, EINVAL, "%s has %u tx and %u rx rings, there is no ring %u", p->name, tx, rx, id);
        uint16_t tx_id = id < tx ? id : 0, rx_id = id < rx ? id : 0;
        p->range = (struct nv_ring_range){tx_id, tx_id, rx_id, rx_id};
    }
    if (name->flags & NR_RX_RINGS_ONLY)
        p->range.last_tx = (uint16_t)(p->range.first_tx - 1);
    if (name->flags & NR_TX_RINGS_ONLY)
        p->range.last_rx = (uint16_t)(p->range.first_rx - 1);
    return 0;
}

static bool overlap(uint16_t a, uint16_t b, uint16_t c, uint16_t d)
{
    return (uint16_t)(b + 1) > a && (uint16_t)(d + 1) > c && a <= d && c <= b;
}

/* NR_EXCLUSIVE: nobody else on these rings. */
static int check_exclusive(const struct nv_port *p, bool exclusive, struct nv_error *err)
{
    const struct nv_table *t = p->world->table;
    for (uint32_t d = 0; d < NV_MAX_DESCS; d++) {
        const struct nv_desc_entry *o = &t->desc[d];
        if (!o->live || d == p->desc || o->port != p->token || !(exclusive || o->exclusive))
            continue;
        if (overlap(p->range.first_tx, p->range.last_tx, o->first_tx, o->last_tx) ||
            overlap(p->range.first_rx, p->range.last_rx, o->first_rx, o->last_rx))
            return nv_fail(err, EBUSY, "%s is in use by %.15s (process %u)%s", p->name, o->program, o->pid,
                           o->exclusive ? ", which has it exclusively" : ": it cannot be had exclusively");
    }
    return 0;
}

/* Link n buffers from ni_bufs_head, as netmap hands out extra buffers. */
static int add_extra_bufs(struct nv_port *p, uint32_t n, struct nv_error *err)
{
    uint32_t *bufs = n ? malloc(n * sizeof(*bufs)) : NULL, taken = 0;
    int error = n && !bufs ? -ENOMEM : 0;
    nv_store(p->desc_entry->extra, n); /* before one of them could be missed: sweep.c */
    if (bufs)
        taken = nv_region_take_bufs(p->region, p->token, bufs, n, &error);
    for (uint32_t i = taken; i-- > 0;) {
        memcpy(nv_region_buf(p->region, bufs[i]), &p->nifp->ni_bufs_head, sizeof(uint32_t));
        p->nifp->ni_bufs_head = bufs[i];
    }
    free(bufs);
    return error ? nv_fail(err, -error, "%s: only %u of %u extra buffers can be had: %s", p->name, taken, n,
                           error == -ENOSPC ? "shared memory is full" : "its region has no more")
                 : 0;
}

static int make_interface(struct nv_port *p, const struct nv_open_options *opt, struct nv_error *err)
{
    int index = nv_region_take_if(p->region, nv_desc_owner(p->desc, p->generation));
    if (index < 0)
        return nv_fail(err, ENOMEM, "%s: region %u has no room for another descriptor", p->name, p->region->mem_id);
    p->desc_entry->if_index = (uint32_t)index;
    struct netmap_if *nifp = p->nifp = nv_region_if(p->region, (uint32_t)index);
    const struct nv_port_entry *e = p->entry;
    memset(nifp, 0, p->region->control->geometry.if_size);
    snprintf(nifp->ni_name, sizeof(nifp->ni_name), "%.15s", p->name);
    *(uint32_t *)(uintptr_t)&nifp->ni_version = NETMAP_API;
    *(uint32_t *)(uintptr_t)&nifp->ni_flags = NI_PRIV_MEM;
    *(uint32_t *)(uintptr_t)&nifp->ni_tx_rings = e->tx_rings;
    *(uint32_t *)(uintptr_t)&nifp->ni_rx_rings = e->rx_rings;
    *(uint32_t *)(uintptr_t)&nifp->ni_host_tx_rings = 1; /* as netmap has it: there, but not to be had */
    *(uint32_t *)(uintptr_t)&nifp->ni_host_rx_rings = 1;
    ssize_t *ofs = (ssize_t *)(uintptr_t)nifp->ring_ofs;
    for (unsigned i = 0; i < nv_tx_count(p); i++) {
        unsigned ring = p->range.first_tx + i;
        ofs[ring] = (char *)nv_region_ring(p->region, e->first_tx + ring) - (char *)nifp;
    }
    for (unsigned i = 0; i < nv_rx_count(p); i++) {
        unsigned ring = p->range.first_rx + i;
        ofs[e->tx_rings + 1 + ring] = (char *)nv_region_ring(p->region, e->first_rx + ring) - (char *)nifp;
    }
    return add_extra_bufs(p, opt->extra_bufs, err);
}

/* What this process needs to use the rings. */
static int open_rings(struct nv_port *p, struct nv_error *err)
{
    const struct nv_port_entry *e = p->entry;
    if (!nv_region_has_rings(p->region, e->first_tx, e->tx_rings, p->token) ||
        !nv_region_has_rings(p->region, e->first_rx, e->rx_rings, p->token))
        return nv_fail(err, EIO, "%s: somebody wrote rubbish into the port table", p->name);
    p->tx = calloc(nv_tx_count(p) + 1u, sizeof(*p->tx));
    p->rx = calloc(nv_rx_count(p) + 1u, sizeof(*p->rx));
    if (!p->tx || !p->rx)
        return nv_fail(err, ENOMEM, "out of memory");
    for (unsigned i = 0; i < nv_rx_count(p); i++) {
        struct nv_rxq *rx = &p->rx[i];
        rx->id = p->range.first_rx + i;
        rx->object = p->entry->first_rx + rx->id;
        rx->ctl = nv_region_ctl(p->region, rx->object);
        rx->ring = nv_region_ring(p->region, rx->object);
        rx->releases_wake = (nv_kind_of(p->entry->kind)->flags & NV_KIND_LATE) != 0;
    }
    for (unsigned i = 0; i < nv_tx_count(p); i++) {
        struct nv_txq *tx = &p->tx[i];
        tx->id = p->range.first_tx + i;
        tx->ctl = nv_region_ctl(p->region, p->entry->first_tx + tx->id);
        tx->ring = nv_region_ring(p->region, p->entry->first_tx + tx->id);
        int error = p->ops->tx_open ? p->ops->tx_open(p, tx, err) : 0;
        if (error)
            return error;
    }
    return 0;
}

/* The port has an opener now. One who wants copies gets them on rings that others opened before, too. */
static void set_caps(struct nv_port *p, bool copy)
{
    uint32_t old = p->entry->caps, caps = old | NV_CAP_OPENED;
    if (copy)
        caps &= ~(uint32_t)NV_CAP_EXCHANGE;
    __atomic_store_n(&p->entry->caps, caps, __ATOMIC_RELEASE);
    const struct nv_kind *kind = nv_kind_of(p->entry->kind);
    if (kind->changed && ((old ^ caps) & NV_CAP_EXCHANGE))
        kind->changed(p);
}

/* Bind the descriptor to its port: rings, interface, flags. */
static int bind_desc(struct nv_port *p, const struct nv_name *name, const struct nv_open_options *opt,
                     struct nv_error *err)
{
    struct nv_desc_entry *d = p->desc_entry;
    bool exclusive = (name->flags & NR_EXCLUSIVE) || (opt->flags & NV_OPEN_EXCLUSIVE);
    int error = choose_rings(p, name, err);
    if (!error)
        error = check_exclusive(p, exclusive, err);
    if (error)
        return error;
    d->first_tx = p->range.first_tx, d->last_tx = p->range.last_tx;
    d->first_rx = p->range.first_rx, d->last_rx = p->range.last_rx;
    d->exclusive = exclusive;
    if ((error = make_interface(p, opt, err)) != 0)
        return error;
    set_caps(p, (opt->flags & NV_OPEN_COPY) != 0);
    return open_rings(p, err);
}

static void set_mine(struct nv_port *p)
{
    __atomic_store_n(&p->world->mine[nv_token_index(p->token)], p->token, __ATOMIC_RELAXED);
}

/* Give back what the kind holds for the port. */
static void close_kind(struct nv_port *p)
{
    if (p->ops && p->ops->close)
        p->ops->close(p);
}

/* Free what the process holds of a port, open or half open; not what stands in shared memory. */
static void forget(struct nv_port *p)
{
    for (unsigned i = 0; p->tx && i < nv_tx_count(p); i++)
        if (p->tx[i].ctl && p->ops->tx_close)
            p->ops->tx_close(p, &p->tx[i]);
    for (unsigned i = 0; p->rx && i < nv_rx_count(p); i++) {
        free(p->rx[i].checked);
        for (struct nv_set_aside *aside; (aside = p->rx[i].aside) != NULL;) {
            p->rx[i].aside = aside->next;
            free(aside);
        }
    }
    close_kind(p);
    if (p->region)
        nv_world_region_put(p->world, p->region);
    nv_world_put(p->world);
    free(p->tx);
    free(p->rx);
    free(p->suspects);
    free(p);
}

static struct nv_port *new_port(struct nv_world *w)
{
    struct nv_port *p = calloc(1, sizeof(*p));
    if (p) {
        p->world = w;
        p->fd = p->wait_fd = -1;
        p->spin_ns = SPIN_START_NS;
    }
    return p;
}

/* The name without mode and options, by which the port is found. */
static void set_name(struct nv_port *p, const struct nv_name *name)
{
    const struct nv_kind *kind = name->kind;
    if ((kind->flags & NV_KIND_PREFIXED) || !*name->name)
        snprintf(p->name, sizeof(p->name), "%s:%.*s", kind->prefix, NV_PORT_SIZE - 1, name->name);
    else
        snprintf(p->name, sizeof(p->name), "%s", name->name);
}

/* All of nv_open that happens under the lock. */
static int open_locked(struct nv_port *p, int lockfd, const struct nv_name *name, const struct nv_open_options *opt,
                       struct nv_error *err)
{
    nv_reclaim(p->world, lockfd);
    int error = enter_desc(p, lockfd, err);
    if (!error)
        error = nv_port_find_or_create(p, lockfd, name, opt, err);
    if (!error) {
        nv_store(p->desc_entry->port, p->token);
        error = find_ops(p, err);
        if (!error && p->ops->open)
            error = p->ops->open(p, name, err);
    }
    if (!error) {
        error = bind_desc(p, name, opt, err);
    }
    if (error) {
        if (p->nifp)
            nv_port_give_extra(p); /* the port may stay */
        close_kind(p);
        if (p->fd >= 0)
            close(p->fd); /* the descriptor is dead: all it took is swept */
        if (!p->adrift)
            nv_reclaim(p->world, lockfd);
        return error;
    }
    set_mine(p);
    nv_port_announce(p);
    return 0;
}

int nv_open(const char *text, const struct nv_open_options *options, struct nv_port **out, struct nv_error *err)
{
    const struct nv_open_options none = {0}, *opt = options ? options : &none;
    struct nv_error why = {0};
    struct nv_world *w = NULL;
    struct nv_name *name = malloc(sizeof(*name));
    *out = NULL;
    if (!name)
        return nv_fail(err, ENOMEM, "out of memory");
    int error = nv_name_parse(text, name, &why);
    if (!error)
        error = nv_port_supported(text, name, &why);
    int lockfd = error ? error : nv_world_enter(opt->dir, !(opt->flags & NV_OPEN_EXISTING), &w, &why);
    if (lockfd == -ENOENT && !error && (opt->flags & NV_OPEN_EXISTING))
        nv_fail(&why, ENOENT, "%s does not exist", text);
    struct nv_port *p = NULL;
    if (lockfd >= 0) {
        p = new_port(w);
        if (p)
            set_name(p, name);
        error = p ? open_locked(p, lockfd, name, opt, &why) : nv_fail(&why, ENOMEM, "out of memory");
        if (!p || !p->adrift)
            nv_world_leave(w, lockfd);
        nv_dir_unlock(lockfd);
    } else {
        error = lockfd;
    }
    free(name);
    if (error) {
        if (p)
            forget(p);
        else if (lockfd >= 0)
            nv_world_put(w);
        return nv_fail(err, why.code, "%s", why.message);
    }
    *out = p;
    return 0;
}

/* The directory and the number of the descriptor a FIFO belongs to. */
static int recognise(int fd, char *dir, uint32_t *desc)
{
    char link[64], path[NV_DIR_PATH + 64], *slash;
    struct stat st;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof(path) - 1);
    if (n <= 0 || fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode))
        return -EBADF;
    path[n] = 0;
    if (path[0] != '/' || !(slash = strrchr(path, '/')) || slash == path || slash - path >= NV_DIR_PATH ||
        !nv_file_number(slash + 1, "wait.", desc, NULL) || *desc >= NV_MAX_DESCS)
        return -EBADF;
    *slash = 0;
    snprintf(dir, NV_DIR_PATH, "%.*s", NV_DIR_PATH - 1, path);
    return 0;
}

static int attach_locked(struct nv_port *p, int lockfd, int fd, uint32_t desc, struct nv_error *err)
{
    struct nv_table *t = p->world->table;
    struct nv_desc_entry *d = &t->desc[desc];
    struct stat named, held;
    char fifo[32];
    nv_fifo_name(fifo, desc);
    if (!d->live || fstat(fd, &held) < 0 || fstatat(lockfd, fifo, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
        named.st_ino != held.st_ino || t->port[nv_token_index(d->port)].token != d->port)
        return nv_fail(err, EBADF, "descriptor %d belongs to no open port", fd);
    p->desc = desc;
    p->desc_entry = d;
    p->generation = d->generation;
    p->token = d->port;
    p->entry = &t->port[nv_token_index(d->port)];
    if (find_ops(p, err))
        return -EPROTO;
    if (nv_kind_of(p->entry->kind)->flags & NV_KIND_PRIVATE)
        return nv_fail(err, EOPNOTSUPP, "%s: a port of this kind cannot be passed to another process", p->entry->name);
    p->range = (struct nv_ring_range){d->first_tx, d->last_tx, d->first_rx, d->last_rx};
    snprintf(p->name, sizeof(p->name), "%s", p->entry->name);
    if ((p->region = nv_world_region(p->world, p->entry->mem_id, err)) == NULL)
        return -EIO;
    p->nifp = nv_region_if(p->region, d->if_index);
    if ((p->fd = p->wait_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3)) < 0)
        return nv_fail(err, errno, "cannot duplicate descriptor %d: %s", fd, strerror(errno));
    int error = open_rings(p, err);
    if (!error)
        set_mine(p);
    return error;
}

int nv_open_fd(int fd, struct nv_port **out, struct nv_error *err)
{
    char dir[NV_DIR_PATH];
    uint32_t desc;
    struct nv_world *w;
    *out = NULL;
    if (recognise(fd, dir, &desc) < 0)
        return nv_fail(err, EBADF, "descriptor %d is not the wait descriptor of a port", fd);
    int lockfd = nv_world_enter(dir, false, &w, err);
    if (lockfd < 0)
        return lockfd;
    struct nv_port *p = new_port(w);
    int error = p ? attach_locked(p, lockfd, fd, desc, err) : nv_fail(err, ENOMEM, "out of memory");
    nv_dir_unlock(lockfd);
    if (error && p) {
        if (p->fd >= 0)
            close(p->fd);
        forget(p);
    } else if (error) {
        nv_world_put(w);
    }
    *out = error ? NULL : p;
    return error;
}

void nv_close(struct nv_port *p)
{
    if (!p)
        return;
    struct nv_world *w = p->world;
    int lockfd = nv_world_relock(w, NULL);
    close_kind(p); /* before the name is free again */
    close(p->fd);
    if (lockfd >= 0) {
        nv_port_departs(p);
        nv_reclaim(w, lockfd);
        nv_world_leave(w, lockfd);
        nv_dir_unlock(lockfd);
    }
    forget(p);
}
