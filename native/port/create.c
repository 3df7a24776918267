/* SPDX-License-Identifier: BSD-2-Clause */
/* create.c - making ports: which region, which rings, which switch, which other end. */
#include "port/create.h"

#include <errno.h>
#include <time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_SLOTS 1024u
#define MAX_SLOTS     4096u
#define MAKING_MS     60000 /* that another process may take to make what we want to open */
#define STOPPED_MS    5000  /* the same when it is stopped */

/* "valeS:P, netmap:P{N (pipes), tap:NAME, null:": the kinds whose ports are in this build. */
static const char *list_kinds(char *text, size_t size)
{
    size_t n = 0;
    for (unsigned i = 0; i < nv_kind_count && n < size; i++)
        if (nv_kinds[i]->ops)
            n += (size_t)snprintf(text + n, size - n, "%s%s", n ? ", " : "", nv_kinds[i]->shape);
    return text;
}

int nv_port_supported(const char *text, const struct nv_name *n, struct nv_error *err)
{
    char list[160];
    bool pipe = n->pipe != NV_PIPE_NONE;
    if (!nv_kind_asked(n)->ops)
        return nv_fail(err, EOPNOTSUPP, "%s: ports of kind %s: are not in this build; there are %s", text,
                       n->kind->prefix, list_kinds(list, sizeof(list)));
    if (n->mode == NR_REG_SW || n->mode == NR_REG_NIC_SW || n->mode == NR_REG_ONE_SW)
        return nv_fail(err, EINVAL, "%s: a %s has no host rings", text, pipe ? "pipe" : "port of this kind");
    if (n->flags & (NR_MONITOR_TX | NR_MONITOR_RX | NR_ZCOPY_MON))
        return nv_fail(err, EOPNOTSUPP, "%s: monitor ports are not in this build", text);
    if (n->extmem.used)
        return nv_fail(err, EOPNOTSUPP, "%s: @extmem is not supported", text);
    return 0;
}

struct nv_port_entry *nv_port_find(struct nv_table *t, const char *name)
{
    for (uint32_t i = 0; i < NV_MAX_PORTS; i++)
        if (t->port[i].token && !strcmp(t->port[i].name, name))
            return &t->port[i];
    return NULL;
}

/* The port, or any pipe of it: they live in one region. */
static struct nv_port_entry *find_family(struct nv_table *t, const char *parent, const struct nv_port_entry *but)
{
    size_t n = strlen(parent);
    for (uint32_t i = 0; i < NV_MAX_PORTS; i++) {
        const char *name = t->port[i].name;
        if (t->port[i].token && &t->port[i] != but && !strncmp(name, parent, n) &&
            (!name[n] || name[n] == '{' || name[n] == '}'))
            return &t->port[i];
    }
    return NULL;
}

static uint32_t first_of(uint32_t a, uint32_t b, uint32_t otherwise)
{
    return a ? a : b ? b : otherwise;
}

static int make_plan(struct nv_port *p, const struct nv_name *n, const struct nv_open_options *opt,
                     struct nv_port_plan *plan, struct nv_error *err)
{
    plan->tx_rings = first_of(opt->tx_rings, n->conf.tx_rings, 1);
    plan->rx_rings = first_of(opt->rx_rings, n->conf.rx_rings, 1);
    plan->tx_slots = first_of(opt->tx_slots, n->conf.tx_slots, DEFAULT_SLOTS);
    plan->rx_slots = first_of(opt->rx_slots, n->conf.rx_slots, DEFAULT_SLOTS);
    uint32_t most = nv_kind_asked(n)->most_rings;
    if (plan->tx_rings > most || plan->rx_rings > most)
        return nv_fail(err, EINVAL, "%s: %u rings asked for, it can have %u each way", p->name,
                       plan->tx_rings > most ? plan->tx_rings : plan->rx_rings, most);
    if (plan->tx_slots > MAX_SLOTS || plan->rx_slots > MAX_SLOTS || plan->tx_slots < 2 || plan->rx_slots < 2)
        return nv_fail(err, EINVAL, "%s: a ring has 2 to %u slots", p->name, MAX_SLOTS);
    return 0;
}

static uint16_t next_mem_id(struct nv_table *t)
{
    for (;;) {
        uint16_t id = (uint16_t)t->next_mem_id++;
        uint32_t i = 0;
        while (i < NV_MAX_PORTS && !(t->port[i].token && t->port[i].mem_id == id))
            i++;
        if (id > 1 && i == NV_MAX_PORTS)
            return id;
    }
}

static bool region_exists(const struct nv_table *t, uint16_t mem_id, const struct nv_port_entry *but)
{
    for (uint32_t i = 0; i < NV_MAX_PORTS; i++)
        if (t->port[i].token && t->port[i].mem_id == mem_id && &t->port[i] != but)
            return true;
    return false;
}

/* Which region the name means, `but` (the new port itself) not counted: 0 for one of its own. */
static int choose_region(struct nv_port *p, const struct nv_name *n, const struct nv_port_entry *but, uint16_t *mem_id,
                         struct nv_error *err)
{
    struct nv_table *t = p->world->table;
    *mem_id = n->mem_id;
    if (n->share[0]) {
        const struct nv_port_entry *other = find_family(t, n->share, but);
        if (!other)
            return nv_fail(err, ENOENT, "%s: @share names %s, which does not exist", p->name, n->share);
        if (*mem_id && *mem_id != other->mem_id)
            return nv_fail(err, EINVAL, "%s: @%u and @share contradict each other (%s is in region %u)", p->name,
                           *mem_id, n->share, other->mem_id);
        *mem_id = other->mem_id;
    }
    const struct nv_port_entry *family = n->kind->flags & NV_KIND_PIPES ? find_family(t, n->parent, but) : NULL;
    if (family && *mem_id && *mem_id != family->mem_id)
        return nv_fail(err, EINVAL, "%s: a port and its pipes share a region, and %s is in region %u, not %u", p->name,
                       family->name, family->mem_id, *mem_id);
    if (family)
        *mem_id = family->mem_id;
    return 0;
}

/*
 * Making memory takes its time, and what is made is nobody else's before it is ready: meanwhile the directory is not
 * locked. Who wants the same port, or a port in the same region, waits until it is (await_makers).
 */
static int resume(struct nv_port *p, int lockfd, struct nv_error *err)
{
    int error = nv_dir_resume(lockfd, p->world->path, err);
    p->adrift = error != 0;
    return error;
}

static int enter_region(struct nv_port *p, int lockfd, struct nv_port_entry *e, const struct nv_name *n,
                        const struct nv_port_plan *plan, uint32_t extra_bufs, struct nv_error *err)
{
    struct nv_table *t = p->world->table;
    uint16_t mem_id;
    int error = choose_region(p, n, e, &mem_id, err);
    if (error)
        return error;
    bool shared = mem_id != 0, exists = shared && region_exists(t, mem_id, e);
    nv_store(e->mem_id, shared ? mem_id : next_mem_id(t));
    if (!exists) {
        struct nv_geometry g =
            shared ? nv_geometry_shared()
                   : nv_geometry_private(plan->tx_rings, plan->rx_rings, plan->tx_slots, plan->rx_slots, extra_bufs);
        nv_dir_pause(lockfd);
        error = nv_region_create(lockfd, e->mem_id, &g, err);
        if (resume(p, lockfd, err) != 0)
            return -EBUSY;
        if (error)
            return error;
        NV_STEP("region");
    }
    if (!p->region && (p->region = nv_world_region(p->world, e->mem_id, err)) == NULL)
        return -EIO;
    if (exists || (nv_kind_asked(n)->flags & NV_KIND_JOINED))
        __atomic_store_n(&p->region->control->shared, 1, __ATOMIC_RELEASE);
    uint32_t slots = plan->tx_slots > plan->rx_slots ? plan->tx_slots : plan->rx_slots;
    uint32_t most =
        (uint32_t)((p->region->control->geometry.ring_size - sizeof(struct netmap_ring)) / sizeof(struct netmap_slot));
    size_t if_size = sizeof(struct netmap_if) + (plan->tx_rings + plan->rx_rings + 2u) * sizeof(ssize_t);
    if (if_size > p->region->control->geometry.if_size)
        return nv_fail(err, EINVAL, "%s: %u tx and %u rx rings are too many for region %u", p->name, plan->tx_rings,
                       plan->rx_rings, e->mem_id);
    if (slots > most)
        return nv_fail(err, EINVAL, "%s: region %u has rings of at most %u slots", p->name, e->mem_id, most);
    return 0;
}

/* Rings `first`.. of one direction with their buffers. */
static int make_rings(struct nv_port *p, const struct nv_port_entry *e, bool rx, struct nv_error *err)
{
    uint32_t rings = rx ? e->rx_rings : e->tx_rings, slots = rx ? e->rx_slots : e->tx_slots;
    uint32_t first = rx ? e->first_rx : e->first_tx;
    uint32_t bufs[MAX_SLOTS];
    for (uint32_t i = 0; i < rings; i++) {
        int error;
        if (nv_region_take_bufs(p->region, e->token, bufs, slots, &error) < slots)
            return nv_fail(err, -error, "%s: no buffers for its rings: %s", p->name,
                           error == -ENOSPC ? "shared memory is full" : "the region is full");
        NV_STEP("allocate");
        nv_region_init_ring(p->region, first + i, i, rx, slots, bufs, e->token);
    }
    return 0;
}

struct nv_port_entry *nv_port_enter(struct nv_table *t, const char *name, const struct nv_kind *kind,
                                    const struct nv_port_plan *plan, uint32_t caps)
{
    uint32_t i = 0;
    while (i < NV_MAX_PORTS && t->port[i].token)
        i++;
    if (i == NV_MAX_PORTS)
        return NULL;
    struct nv_port_entry *e = &t->port[i];
    snprintf(e->name, sizeof(e->name), "%s", name);
    e->switch_name[0] = 0;
    nv_store(e->kind, nv_kind_number(kind));
    nv_store(e->caps, caps);
    nv_store(e->mem_id, 0);
    nv_store(e->peer, NV_NO_INDEX);
    nv_store(e->tx_rings, (uint16_t)plan->tx_rings);
    nv_store(e->rx_rings, (uint16_t)plan->rx_rings);
    e->tx_slots = plan->tx_slots, e->rx_slots = plan->rx_slots;
    nv_store(e->token, (nv_token)(nv_next_generation(t) << NV_TOKEN_INDEX_BITS | i));
    return e;
}

int nv_port_make(const struct nv_create *c, struct nv_port_entry *e, const struct nv_port_plan *plan,
                 uint32_t extra_bufs, struct nv_error *err)
{
    struct nv_port *p = c->port;
    int error = enter_region(p, c->lockfd, e, c->name, plan, extra_bufs, err);
    if (error)
        return error;
    int first = nv_region_take_rings(p->region, e->token, (uint32_t)(e->tx_rings + e->rx_rings));
    if (first < 0)
        return nv_fail(err, -first, "%s: region %u has no room for %d more rings%s", p->name, e->mem_id,
                       e->tx_rings + e->rx_rings, first == -ENOSPC ? ": shared memory is full" : "");
    nv_store(e->first_tx, (uint32_t)first);
    nv_store(e->first_rx, (uint32_t)first + e->tx_rings);
    nv_dir_pause(c->lockfd);
    error = make_rings(p, e, false, err);
    if (!error)
        error = make_rings(p, e, true, err);
    if (resume(p, c->lockfd, err) != 0)
        return -EBUSY;
    if (!error)
        nv_store(e->ready, e->token);
    return error;
}

static int create(struct nv_port *p, int lockfd, const struct nv_name *n, const struct nv_open_options *opt,
                  struct nv_error *err)
{
    struct nv_table *t = p->world->table;
    const struct nv_kind *kind = nv_kind_asked(n);
    struct nv_create c = {.port = p, .lockfd = lockfd, .name = n, .options = opt};
    int error = make_plan(p, n, opt, &c.plan, err);
    if (error)
        return error;
    if (kind->plan)
        kind->plan(&c);
    c.entry = nv_port_enter(t, p->name, kind, &c.plan, opt->flags & NV_OPEN_COPY ? 0 : (uint32_t)NV_CAP_EXCHANGE);
    if (!c.entry)
        return nv_fail(err, ENOSPC, "%s: %u ports are open, no more are possible", p->name, NV_MAX_PORTS);
    p->entry = c.entry;
    p->token = c.entry->token;
    nv_store(p->desc_entry->port, p->token);
    error = nv_port_make(&c, c.entry, &c.plan, opt->extra_bufs, err);
    if (!error && kind->enter)
        error = kind->enter(&c, err);
    return error;
}

/* Is this port, which somebody makes at the moment, what the name means, or in the region where that shall be? */
static bool concerns(const struct nv_port_entry *e, const char *name, const struct nv_name *n)
{
    const char *parents[] = {n->parent, n->share};
    bool yes = !strcmp(e->name, name) || (n->mem_id && e->mem_id == n->mem_id);
    for (unsigned i = 0; i < 2; i++) {
        size_t length = strlen(parents[i]);
        yes |= length && !strncmp(e->name, parents[i], length) &&
               (!e->name[length] || e->name[length] == '{' || e->name[length] == '}');
    }
    return yes;
}

static const struct nv_desc_entry *maker_of(const struct nv_port *p, const struct nv_name *n)
{
    const struct nv_table *t = p->world->table;
    for (uint32_t i = 0; i < NV_MAX_PORTS; i++) {
        const struct nv_port_entry *e = &t->port[i];
        for (uint32_t d = 0; e->token && nv_load(e->ready) != e->token && concerns(e, p->name, n) && d < NV_MAX_DESCS;
             d++)
            if (t->desc[d].live && t->desc[d].port == e->token)
                return &t->desc[d];
    }
    return NULL;
}

/* Wait until others have made what the name is about, or died. Directory locked, but not all the time. */
static int await_makers(struct nv_port *p, int lockfd, const struct nv_name *n, struct nv_error *err)
{
    const struct nv_desc_entry *maker;
    const int64_t start = nv_clock_ns();
    while ((maker = maker_of(p, n)) != NULL) {
        char name[16];
        const int64_t ms = (nv_clock_ns() - start) / 1000000;
        const bool stopped = ms >= STOPPED_MS && nv_process_state(maker->pid, name) == 'T';
        if (stopped || ms >= MAKING_MS)
            return nv_fail(err, EBUSY, "%s is being made by %.15s (process %u), which %s", p->name, maker->program,
                           maker->pid, stopped ? "is stopped" : "does not come to an end");
        nv_dir_pause(lockfd);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        int error = resume(p, lockfd, err);
        if (error)
            return error;
        nv_reclaim(p->world, lockfd);
    }
    return 0;
}

int nv_port_find_or_create(struct nv_port *p, int lockfd, const struct nv_name *n, const struct nv_open_options *opt,
                           struct nv_error *err)
{
    struct nv_table *t = p->world->table;
    /* Every opener of "null:" gets a port of its own, and so does one who lets the kernel choose a tap's name. */
    const uint32_t flags = nv_kind_asked(n)->flags;
    bool own = (flags & NV_KIND_NEW) || ((flags & NV_KIND_UNNAMED) && !*n->name);
    int error = own && !n->mem_id && !n->share[0] ? 0 : await_makers(p, lockfd, n, err);
    if (error)
        return error;
    struct nv_port_entry *e = own ? NULL : nv_port_find(t, p->name);
    if (!e && (opt->flags & NV_OPEN_EXISTING))
        return nv_fail(err, ENOENT, "%s does not exist", p->name);
    if (!e)
        return create(p, lockfd, n, opt, err);
    uint16_t mem_id;
    error = choose_region(p, n, NULL, &mem_id, err);
    if (error)
        return error;
    p->entry = e;
    p->token = e->token;
    p->region = nv_world_region(p->world, e->mem_id, err);
    return p->region ? 0 : -EIO;
}

void nv_port_announce(struct nv_port *p)
{
    const struct nv_kind *kind = nv_kind_of(p->entry->kind);
    if (kind->announce)
        kind->announce(p);
}
