/* SPDX-License-Identifier: BSD-2-Clause */
/* aside.c - see aside.h. */
#include "engine/aside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/fill.h"
#include "engine/filter.h"
#include "memory/error.h"

#define ANSWERS_SIZE 65536u /* bytes of answers between two turns; what does not fit is lost, as in a full ring */

int nv_aside_new(const struct nv_plan *plan, struct nv_aside **out, struct nv_error *err)
{
    struct nv_aside *a = calloc(1, sizeof(*a));

    *out = a;
    if (!a)
        return nv_fail(err, ENOMEM, "no memory for what rules send");
    pthread_mutex_init(&a->lock, NULL);
    outlets_init(&a->outlets);
    a->dir = plan->open.dir ? strdup(plan->open.dir) : NULL;
    a->log.start_ns = nv_now();
    if (plan->open.dir && !a->dir)
        return nv_fail(err, ENOMEM, "no memory for what rules send");
    const struct nv_open_options open = {.dir = a->dir};
    int error = outlets_start(&a->outlets, plan->rules, &open, err);
    if (error == 0)
        error = relay_log_records(&a->log, plan->log_fd, err);
    return error == 0 && plan->matches ? relay_log_packets(&a->log, plan->matches, &plan->port, 1, err) : error;
}

int nv_aside_free(struct nv_aside *a, struct nv_error *err)
{
    if (!a)
        return 0;
    outlets_close(&a->outlets);
    int error = relay_log_close(&a->log, err);
    if (error == 0 && a->log.lost)
        error = nv_fail(err, EIO, "%lu matches of rules with log could not be written", a->log.lost);
    pthread_mutex_destroy(&a->lock);
    free(a->dir);
    free(a);
    return error;
}

int nv_answers_open(struct nv_answers *answers, const struct nv_worker *w, struct nv_error *err)
{
    *answers = (struct nv_answers){.home = {.port = w->port, .tx_ring = w->first_tx}};
    if (w->tx_rings == 0)
        return 0;
    if (!nv_slots_open(&answers->home.tx, w->port, nv_txring(w->port, w->first_tx)))
        return nv_worker_rubbish(w, err);
    answers->bytes = malloc(ANSWERS_SIZE);
    return answers->bytes ? 0 : nv_fail(err, ENOMEM, "no memory for answers");
}

void nv_answers_close(struct nv_answers *answers)
{
    free(answers->bytes);
    answers->bytes = NULL;
}

/* Keep a frame for the worker's own port. */
static void keep(struct nv_worker *w, const uint8_t *data, uint32_t length)
{
    struct nv_answers *answers = &w->filter->answers;

    if (!answers->bytes || answers->used + sizeof(length) + length > ANSWERS_SIZE) {
        w->stat[NV_STAT_UNSENT]++;
        return;
    }
    memcpy(answers->bytes + answers->used, &length, sizeof(length));
    memcpy(answers->bytes + answers->used + sizeof(length), data, length);
    answers->used += (uint32_t)sizeof(length) + length;
}

/* An answer goes back where the packet came from. What this program sent itself has nobody there to hear it. */
static void answer(void *arg, const struct nv_rules_packet *packet, const uint8_t *data, uint32_t length)
{
    if (packet->direction == NV_RULES_IN)
        keep(arg, data, length);
}

/* A packet goes to the port that a rule names by `port`, in the program of that generation (0: the running one). */
static void send_aside(struct nv_worker *w, const struct nv_rules_packet *packet, uint32_t port, uint32_t generation)
{
    struct nv_aside *a = w->engine->aside;
    struct frame frame = {.data = packet->data, .length = packet->length, .place = FRAME_LOOSE};

    pthread_mutex_lock(&a->lock);
    struct outlet *outlet = outlet_of(&a->outlets, w->filter->rules, port, generation);
    bool sent = outlet && side_send(&outlet->side, &frame, NULL);
    pthread_mutex_unlock(&a->lock);
    w->stat[NV_STAT_UNSENT] += !sent;
    w->filter->answers.shared = true;
}

static void copy(void *arg, const struct nv_rules_packet *packet, uint32_t port)
{
    send_aside(arg, packet, port, 0);
}

static void logged(void *arg, const struct nv_rules_packet *packet, uint16_t rule, uint32_t id, uint32_t where)
{
    struct nv_worker *w = arg;
    struct nv_aside *a = w->engine->aside;

    (void)id;
    pthread_mutex_lock(&a->lock);
    relay_log_match(&a->log, w->now, packet->direction == NV_RULES_OUT ? 0 : 1, packet, rule, where);
    pthread_mutex_unlock(&a->lock);
    w->filter->answers.shared = true;
}

struct nv_rules_sink nv_aside_sink(struct nv_worker *w)
{
    const struct nv_aside *a = w->engine->aside;
    bool logs = a->log.records || a->log.packets.writer;

    return (struct nv_rules_sink){.arg = w, .answer = answer, .copy = copy, .log = logs ? logged : NULL};
}

void nv_aside_redirect(struct nv_worker *w, const struct nv_rules_packet *packet,
                       const struct nv_rules_verdict *verdict)
{
    if (verdict->action == NV_RULES_DIVERT || (verdict->action == NV_RULES_FORWARD && !verdict->next_hop_family))
        send_aside(w, packet, verdict->arg, verdict->resume.generation);
    else if (verdict->action == NV_RULES_FORWARD && packet->direction == NV_RULES_IN)
        keep(w, packet->data, packet->length);
}

static void send_answers(struct nv_worker *w)
{
    struct nv_answers *answers = &w->filter->answers;
    bool receives = w->plan->role == NV_ROLE_RX || w->plan->role == NV_ROLE_RXSEQ;
    bool good = side_join(&answers->home); /* else somebody wrote rubbish there, which the next sync sets right */
    uint32_t length;

    for (uint32_t at = 0; at < answers->used; at += (uint32_t)sizeof(length) + length) {
        memcpy(&length, answers->bytes + at, sizeof(length));
        struct frame frame = {.data = answers->bytes + at + sizeof(length), .length = length, .place = FRAME_LOOSE};
        if (!good || !side_send(&answers->home, &frame, NULL)) {
            w->stat[NV_STAT_UNSENT]++;
            continue;
        }
        w->stat[NV_STAT_ANSWERS]++;
        w->stat[NV_STAT_ACCEPTED] += !receives; /* they complete with the packets of roles that send */
    }
    answers->used = 0;
    if (w->fill) /* the slots' buffers hold other bytes now */
        memset(w->fill->ring[0].written, 0, answers->home.tx.slots * sizeof(struct nv_written));
    if (good)
        side_push(&answers->home);
}

/* Hand over what was put into an outlet's ring, and count what became of it: by whichever worker comes to it. */
static void push_outlet(struct nv_worker *w, struct side *side)
{
    struct nv_tx_counts now;
    uint64_t lost = 0;

    if (side->put)
        side_push(side); /* one whose interface is gone costs what goes there, not this program */
    nv_stats_tx(side->port, side->tx_ring, &now);
    uint64_t taken = now.packets - side->counted.packets;
    for (unsigned why = 0; why < NV_DROP_COUNT; why++)
        lost += now.drops[why] - side->counted.drops[why];
    side->counted = now;
    for (unsigned owner = 0; owner < SIDE_OWNERS; owner++) {
        w->stat[NV_STAT_UNSENT] += side->lost[owner];
        side->lost[owner] = 0;
    }
    lost = lost < taken ? lost : taken; /* the loss of a flooded copy is none of theirs */
    w->stat[NV_STAT_COPIES] += taken - lost;
    w->stat[NV_STAT_UNSENT] += lost;
}

void nv_aside_send(struct nv_worker *w)
{
    struct nv_aside *a = w->engine->aside;

    if (w->index == 0)
        outlets_look(&a->outlets);
    if (w->filter->answers.used)
        send_answers(w);
    if (!w->filter->answers.shared)
        return;
    w->filter->answers.shared = false;
    pthread_mutex_lock(&a->lock);
    for (unsigned i = 0; i < outlets_count(&a->outlets); i++)
        if (outlet_open(&a->outlets.outlet[i]))
            push_outlet(w, &a->outlets.outlet[i].side);
    relay_log_wake(&a->log);
    pthread_mutex_unlock(&a->lock);
}
