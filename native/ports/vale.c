/* SPDX-License-Identifier: BSD-2-Clause */
/* vale.c - a port of a VALE switch: sending forwards, receiving takes from the delivery queue. */
#include "vale/view.h"

#include <errno.h>
#include <stdlib.h>

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

const struct nv_port_ops nv_vale_ops = {
    .name = "vale",
    .tx_open = vale_tx_open,
    .tx_close = vale_tx_close,
    .txsync = vale_txsync,
    .rxsync = nv_queue_rxsync,
};
