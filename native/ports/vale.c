/* SPDX-License-Identifier: BSD-2-Clause */
/* vale.c - a port of a VALE switch: sending forwards, receiving takes from the delivery queue. */
#include "port/create.h"
#include "ports/kinds.h"
#include "vale/view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SWITCH_FILE "switch."

static int vale_tx_open(struct nv_port *p, struct nv_txq *tx, struct nv_error *err)
{
    struct nv_view *v = calloc(1, sizeof(*v));
    if (!v)
        return nv_fail(err, ENOMEM, "out of memory");
    v->sw = nv_switch_map(p->world, p->world->dirfd, p->entry->switch_name, false, err);
    if (!v->sw) {
        free(v);
        return -EIO;
    }
    v->self = p->entry->switch_port;
    v->epoch = v->sw->epoch - 1; /* look at it before the first packet */
    tx->kind = v;
    return 0;
}

static void vale_tx_close(struct nv_port *p, struct nv_txq *tx)
{
    struct nv_view *v = tx->kind;
    if (!v)
        return;
    nv_view_clear(p, v);
    nv_switch_unmap(v->sw);
    free(v);
}

/* Never blocks and never leaves anything: the whole batch is delivered or dropped by name. */
static void vale_txsync(struct nv_port *p, struct nv_txq *tx, uint32_t head)
{
    struct nv_ring_ctl *ctl = tx->ctl;
    if (head != ctl->hwcur)
        nv_vale_forward(p, tx, ctl->hwcur, head);
    ctl->hwcur = head;
    ctl->hwtail = head == 0 ? ctl->queue.slots - 1 : head - 1;
}

/* Onto its switch, which is made if it is not there. */
static int vale_enter(struct nv_create *c, struct nv_error *err)
{
    struct nv_port_entry *e = c->entry;
    snprintf(e->switch_name, sizeof(e->switch_name), "%s", c->name->sw);
    struct nv_switch *sw = nv_switch_map(c->port->world, c->lockfd, c->name->sw, true, err);
    if (!sw)
        return -EIO;
    int index = nv_switch_attach(sw, e->token);
    nv_switch_unmap(sw);
    if (index < 0)
        return nv_fail(err, ENOSPC, "%s: the switch %s has %u ports, no more are possible", c->port->name, c->name->sw,
                       NV_SWITCH_PORTS);
    e->switch_port = (uint16_t)index;
    return 0;
}

/* Off its switch, which goes with the last port. */
static void vale_leave(struct nv_world *w, int lockfd, struct nv_port_entry *e)
{
    struct nv_switch *sw = nv_switch_map(w, lockfd, e->switch_name, false, NULL);
    if (!sw)
        return;
    if (nv_switch_detach(sw, e->token) == 0) {
        char file[64];
        nv_switch_file(file, e->switch_name);
        unlinkat(lockfd, file, 0);
    }
    nv_switch_unmap(sw);
}

/* Senders look it up anew. */
static void vale_changed(struct nv_port *p)
{
    struct nv_switch *sw = nv_switch_map(p->world, p->world->dirfd, p->entry->switch_name, false, NULL);
    if (!sw)
        return;
    nv_switch_changed(sw);
    nv_switch_unmap(sw);
}

static bool vale_uses_file(const struct nv_port_entry *e, const char *rest)
{
    return !strcmp(e->switch_name, rest);
}

static const struct nv_port_ops vale_ops = {
    .tx_open = vale_tx_open,
    .tx_close = vale_tx_close,
    .txsync = vale_txsync,
    .rxsync = nv_queue_rxsync,
};

const struct nv_kind nv_kind_vale = {
    .name = "vale",
    .prefix = "vale",
    .shape = "valeS:P",
    .flags = NV_KIND_SWITCH | NV_KIND_PIPES,
    .most_rings = NV_VALE_RINGS,
    .ops = &vale_ops,
    .enter = vale_enter,
    .leave = vale_leave,
    .changed = vale_changed,
    .file_prefix = SWITCH_FILE,
    .uses_file = vale_uses_file,
};
