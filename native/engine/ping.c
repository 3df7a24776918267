/* SPDX-License-Identifier: BSD-2-Clause */
/* ping.c - send requests, match the answers, record round trip times. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "engine/fill.h"
#include "engine/filter.h"
#include "engine/pacer.h"
#include "memory/error.h"

#define OUTSTANDING 4096u /* requests that may be under way; a power of two */

struct request {
    uint64_t sent_ns;
    bool open;     /* not answered yet, not given up */
    bool answered; /* in time */
};

struct pinger {
    struct nv_worker *w;
    struct nv_pacer pacer;
    bool paced;
    uint64_t count;        /* round trips to make */
    uint64_t next, oldest; /* number of the next request; the oldest that may be open */
    uint16_t stream;
    struct nv_slots *rx;
    unsigned rx_rings;
    struct request request[OUTSTANDING];
};

static struct request *request_of(struct pinger *p, uint64_t number)
{
    return &p->request[number % OUTSTANDING];
}

/* Give up what is too old, and step over what is settled. Returns when the next one is given up. */
static uint64_t expire(struct pinger *p)
{
    struct nv_worker *w = p->w;

    for (; p->oldest < p->next; p->oldest++) {
        struct request *r = request_of(p, p->oldest);
        if (r->open && w->now < r->sent_ns + w->plan->timeout_ns)
            return r->sent_ns + w->plan->timeout_ns;
        if (r->open) {
            r->open = false;
            w->stat[NV_STAT_TIMEOUTS]++;
        }
    }
    return UINT64_MAX;
}

/* An answer, or something else, in a slot. */
static void answered(struct pinger *p, const uint8_t *data, uint32_t len)
{
    struct nv_worker *w = p->w;
    uint32_t vnet = w->plan->traffic.vnet_len;
    uint32_t payload = data && len > vnet ? nv_stamp_find(data + vnet, len - vnet) : 0;

    if (payload == 0) {
        w->stat[NV_STAT_FOREIGN]++;
        return;
    }
    struct nv_stamp stamp = nv_stamp_get(data + vnet + payload);
    struct request *r = request_of(p, stamp.sequence);
    if (stamp.stream != p->stream || stamp.sequence >= p->next || stamp.sequence + OUTSTANDING < p->next) {
        w->stat[NV_STAT_FOREIGN]++;
    } else if (r->open) {
        r->open = false;
        r->answered = true;
        w->stat[NV_STAT_REPLIES]++;
        nv_histogram_record(w->histogram, w->now - r->sent_ns);
    } else if (r->answered) {
        w->stat[NV_STAT_DUPLICATED]++;
    } else {
        w->stat[NV_STAT_TOO_LATE]++;
        r->answered = true;
    }
}

static void take_answers(struct pinger *p)
{
    struct nv_worker *w = p->w;

    for (unsigned i = 0; i < p->rx_rings; i++) {
        struct nv_slots *s = &p->rx[i];
        struct netmap_ring *ring = s->ring;
        uint32_t head = nv_slots_head(ring), tail = nv_slots_tail(ring);
        if (head >= s->slots || tail >= s->slots)
            continue;
        nv_slots_refresh(s, w->port);
        const uint8_t *outcome = w->filter ? w->filter->outcome : NULL;
        uint32_t judged = w->filter ? nv_filter_ring(w->filter, s, head, tail, UINT32_MAX, NV_RULES_IN) : 0, n = 0;
        for (bool first = true; head != tail; head = nv_slots_next(head, s->slots)) {
            const struct netmap_slot slot = nv_slots_read(s, head);
            bool allowed = !outcome || (n < judged && outcome[n] & NV_FILTER_ALLOWED);
            if (first && allowed)
                answered(p, nv_slots_buffer(s, slot.buf_idx), nv_slots_len(s, &slot));
            first = !(slot.flags & NS_MOREFRAG);
            n += first;
            w->stat[NV_STAT_DENIED] += first && !allowed;
        }
        nv_slots_move(ring, head, head);
    }
}

/* Send up to `most` requests. Returns how many, or -errno. */
static int64_t send_requests(struct pinger *p, uint64_t most)
{
    struct nv_worker *w = p->w;
    uint64_t room = OUTSTANDING - (p->next - p->oldest);

    if (most > room)
        most = room;
    if (most > p->count - p->next)
        most = p->count - p->next;
    w->now = nv_now();
    w->fill->generator.stamp.time_ns = w->now;
    uint64_t denied = w->stat[NV_STAT_DENIED];
    uint32_t sent = nv_fill_slots(w->fill, 0, (uint32_t)most);
    for (uint32_t i = 0; i < sent; i++) {
        bool open = !w->filter || w->filter->outcome[i] & NV_FILTER_ALLOWED; /* what was denied is settled at once */
        *request_of(p, p->next++) = (struct request){.sent_ns = w->now, .open = open};
    }
    uint64_t handed = sent - (w->stat[NV_STAT_DENIED] - denied);
    if (sent && nv_txsync(w->port, w->fill->ring[0].id) < 0) {
        int error = nv_worker_reset(w, handed); /* their answers will be missed */
        if (error < 0)
            return error;
        handed = 0;
    }
    w->stat[NV_STAT_ACCEPTED] += handed;
    return sent;
}

/* How many requests may go now: without a rate, a burst as soon as the last one is settled. */
static uint64_t allowance(struct pinger *p)
{
    if (!p->paced)
        return p->oldest == p->next ? p->w->plan->burst : 0;
    p->w->stat[NV_STAT_MISSED] = p->pacer.missed;
    return nv_pacer_due(&p->pacer, p->w->now);
}

static int run(struct pinger *p)
{
    struct nv_worker *w = p->w;
    uint64_t deadline = w->plan->duration_ns ? w->now + w->plan->duration_ns : UINT64_MAX;

    while ((p->next < p->count || p->oldest < p->next) && !nv_worker_stopped(w)) {
        uint64_t until = expire(p), most;
        if (w->now >= deadline)
            break;
        if (p->next < p->count && (most = allowance(p)) > 0) {
            uint64_t accepted = w->stat[NV_STAT_ACCEPTED];
            int64_t sent = send_requests(p, most);
            if (sent < 0)
                return (int)sent;
            if (p->paced)
                nv_pacer_sent(&p->pacer, (uint32_t)sent, w->now);
            nv_worker_batch(w, w->stat[NV_STAT_ACCEPTED] - accepted);
            until = expire(p);
            if (sent > 0 && p->oldest == p->next)
                until = w->now; /* all were denied: nothing will come */
        }
        if (p->paced && p->next < p->count) {
            uint64_t next = nv_pacer_next(&p->pacer);
            until = next < until ? next : until;
        }
        int ready = nv_worker_wait(w, POLLIN, until < deadline ? until : deadline);
        if (ready < 0)
            return ready;
        take_answers(p);
        nv_worker_account(w);
        nv_worker_publish(w);
    }
    return 0;
}

int nv_run_ping(struct nv_worker *w)
{
    const struct nv_plan *plan = w->plan;
    unsigned rings = w->rx_rings;
    struct pinger *p = calloc(1, sizeof(*p));
    struct nv_slots *rx = calloc(rings, sizeof(*rx));

    if (!p || !rx) {
        free(p);
        free(rx);
        return nv_fail(&w->error, ENOMEM, "no memory for %u requests", OUTSTANDING);
    }
    bool good = true;
    for (unsigned i = 0; i < rings; i++)
        good &= nv_slots_open(&rx[i], w->port, nv_rxring(w->port, w->first_rx + i));
    p->w = w;
    p->stream = plan->stream;
    p->count = plan->count ? plan->count : UINT64_MAX;
    p->rx = rx;
    p->rx_rings = rings;
    nv_worker_state(w, NV_STATE_RUNNING);
    p->paced = plan->ramp_steps > 0;
    if (p->paced)
        nv_pacer_init(&p->pacer, plan->ramp, plan->ramp_steps, plan->burst, 0, 1, w->now);
    int error = good ? run(p) : nv_worker_rubbish(w, &w->error);
    nv_rxsync_all(w->port);
    free(rx);
    free(p);
    return error;
}
