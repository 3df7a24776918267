/* SPDX-License-Identifier: BSD-2-Clause */
/* state_expire.c - the passing of time for dynamic states: expiry, keep-alives, states of deleted rules. */
#include <netinet/in.h>

#include "rules/answer.h"
#include "rules/state.h"
#include "rules/state_table.h"

#define SECOND UINT64_C(1000000000)

enum { FIN_BOTH = 1 | 1 << 8, SYN_BOTH = 2 | 2 << 8, RST_ANY = 4 | 4 << 8 };

/* A TCP connection that both ends opened and that neither both closed nor one reset: worth asking for. */
static bool is_open(const struct rules_state *s)
{
    return s->proto == IPPROTO_TCP && (s->tcp & SYN_BOTH) == SYN_BOTH && (s->tcp & FIN_BOTH) != FIN_BOTH &&
           !(s->tcp & RST_ANY);
}

uint64_t rules_state_due(const struct rules_state *s, const struct nv_rules_params *params, uint64_t now)
{
    uint64_t interval = params->dyn_keepalive_interval * SECOND, period = params->dyn_keepalive_period * SECOND;
    if (!params->dyn_keepalive || s->proto != IPPROTO_TCP)
        return s->expires;
    uint64_t first = s->expires > interval ? s->expires - interval : 0;
    if (first > now)
        return first;
    return now + period < s->expires ? now + period : s->expires;
}

static void put_ip4(uint8_t *to, uint32_t address)
{
    for (unsigned i = 0; i < 4; i++)
        to[i] = (uint8_t)(address >> (24 - 8 * i));
}

/* Ask one end (forward: the one that opened) whether the connection still lives, in the name of the other. */
static void ask(struct nv_rules_worker *worker, const struct rules_state *s, bool forward)
{
    const struct state_side *side = &s->sides[forward ? 0 : 1];
    struct answer_tcp tcp = {.family = s->family, .mac = side->mac, .mac_bytes = side->known - 1u};
    struct nv_rules_packet packet = {.in_if = side->in_if, .out_if = side->out_if, .direction = side->direction};

    if (s->family == 4) {
        put_ip4(tcp.src, forward ? s->dst : s->src);
        put_ip4(tcp.dst, forward ? s->src : s->dst);
    } else {
        memcpy(tcp.src, forward ? s->dst6 : s->src6, 16);
        memcpy(tcp.dst, forward ? s->src6 : s->dst6, 16);
    }
    tcp.sport = forward ? s->dport : s->sport;
    tcp.dport = forward ? s->sport : s->dport;
    tcp.seq = (forward ? s->ack_fwd : s->ack_rev) - 1;
    tcp.ack = forward ? s->ack_rev : s->ack_fwd;
    uint32_t length = answer_keepalive(&tcp, worker->answer);
    worker->sink.answer(worker->sink.arg, &packet, worker->answer, length);
}

static void visit(struct nv_rules_worker *worker, struct rules_states *states, uint32_t number,
                  const struct nv_rules_params *params, uint64_t now)
{
    const struct rules_state *s = state_at(states, number);
    if (s->expires <= now) {
        state_remove(states, number);
        return;
    }
    if (params->dyn_keepalive && is_open(s) && now + params->dyn_keepalive_interval * SECOND > s->expires &&
        worker->sink.answer) {
        for (unsigned forward = 0; forward < 2; forward++) {
            if (s->sides[forward ? 0 : 1].known)
                ask(worker, s, forward);
        }
    }
    state_schedule(states, number, rules_state_due(s, params, now));
}

/* Take away states of rules that are gone; returns what is left of the budget. */
static unsigned purge(struct rules_states *states, const struct rules_image *image, unsigned budget)
{
    for (; states->purge && budget; budget--) {
        uint32_t number = states->purge;
        if (number >= states->used) {
            states->purge = 0;
            break;
        }
        states->purge++;
        const struct rules_state *s = state_at(states, number);
        if ((s->kind == STATE_FLOW || s->kind == STATE_LIMIT) &&
            (s->slot >= image->slot_count || image->rule_of_slot[s->slot] == IMAGE_NO_RULE))
            state_remove(states, number);
    }
    return budget;
}

void rules_states_turn(struct nv_rules_worker *worker, const struct rules_image *image,
                       const struct nv_rules_params *params, uint64_t now, unsigned budget)
{
    struct rules_states *states = worker->engine->states;
    uint64_t target = now / SECOND;

    if (__atomic_load_n(&states->purge_asked, __ATOMIC_RELAXED) &&
        __atomic_exchange_n(&states->purge_asked, 0, __ATOMIC_ACQUIRE))
        states->purge = 1;
    if (!params->dyn_keep_states)
        budget = purge(states, image, budget);
    if (target > states->second + WHEEL_SLOTS)
        states->second = target - WHEEL_SLOTS; /* a round shows every slot */
    while (states->second < target && budget) {
        uint32_t *slot = &states->wheel[(states->second + 1) % WHEEL_SLOTS];
        for (; *slot && budget; budget--) {
            uint32_t number = *slot;
            state_unschedule(states, number);
            visit(worker, states, number, params, now);
        }
        if (!*slot)
            states->second++;
    }
}
