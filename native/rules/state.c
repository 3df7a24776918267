/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * state.c - what dynamic states mean: finding one in either direction, lifetimes after the TCP flags seen,
 * limits, expiry, keep-alives. After ip_fw_dynamic.c's behaviour, with times exact to the nanosecond.
 */
#include "rules/state.h"

#include <netinet/in.h>

#include "rules/state_find.h"

enum { FIN = 1, SYN = 2, RST = 4 };
#define BOTH(flag) ((flag) | (flag) << 8)
#define SECOND     1000000000u

static uint64_t seconds(uint64_t count)
{
    return count * SECOND;
}

static uint64_t hash6(const struct nv_rules *engine, const struct rules_view *v)
{
    uint64_t words[5];
    int order = memcmp(view_src6(v), view_dst6(v), 16);
    bool swap = order > 0 || (order == 0 && v->sport > v->dport);
    memcpy(words, swap ? view_dst6(v) : view_src6(v), 16);
    memcpy(words + 2, swap ? view_src6(v) : view_dst6(v), 16);
    words[4] = (uint64_t)(swap ? v->dport : v->sport) << 16 | (swap ? v->sport : v->dport) | (uint64_t)v->proto << 32;
    return sip_hash(&engine->secret, words, 5);
}

uint64_t rules_state_hash(const struct nv_rules *engine, const struct rules_view *v)
{
    uint32_t ports = (uint32_t)v->sport << 16 | v->dport;
    if (v->family == 4)
        return state_hash4(&engine->secret, v->src, v->dst, ports, v->proto);
    return v->family == 6 ? hash6(engine, v) : 0;
}

/* Both ends have opened and not both closed: a segment renews the state once both directions acknowledged. */
static bool acknowledged(struct rules_state *s, const uint8_t *tcp, enum state_way way)
{
    uint32_t ack = view_u32(tcp + 8);
    uint32_t *highest = way == FORWARD ? &s->ack_fwd : &s->ack_rev;
    if (*highest == 0 || (int32_t)(ack - *highest) >= 0) {
        *highest = ack;
        s->tcp |= way == FORWARD ? STATE_ACK_FWD : STATE_ACK_REV;
    }
    if ((s->tcp & (STATE_ACK_FWD | STATE_ACK_REV)) != (STATE_ACK_FWD | STATE_ACK_REV))
        return false;
    s->tcp &= ~(STATE_ACK_FWD | STATE_ACK_REV);
    return true;
}

/* How long the state lives from this packet on, in seconds; -1: as long as before. */
static int64_t lifetime(struct rules_state *s, const struct rules_view *v, const struct nv_rules_params *params,
                        enum state_way way)
{
    if (v->proto == IPPROTO_UDP)
        return params->dyn_udp_lifetime;
    if (v->proto != IPPROTO_TCP)
        return params->dyn_short_lifetime;
    const uint8_t *tcp = view_l4(v, IPPROTO_TCP);
    uint32_t flags = v->tcp_flags & (FIN | SYN | RST);
    s->tcp |= way == FORWARD ? flags : flags << 8;
    switch (s->tcp & BOTH(FIN | SYN | RST)) {
    case SYN:
        return params->dyn_syn_lifetime;
    case BOTH(SYN):
    case BOTH(SYN) | FIN:
    case BOTH(SYN) | FIN << 8:
        return tcp && acknowledged(s, tcp, way) ? (int64_t)params->dyn_ack_lifetime : -1;
    case BOTH(SYN) | BOTH(FIN):
        return params->dyn_fin_lifetime;
    default: /* reset, or a connection whose beginning was not seen */
        return params->dyn_rst_lifetime;
    }
}

static void renew(struct rules_states *states, struct rules_state *s, struct rules_eval *e, enum state_way way)
{
    int64_t life = lifetime(s, e->view, e->params, way);
    if (life < 0)
        return;
    uint64_t expires = e->packet->time_ns + seconds((uint64_t)life);
    if (s->kind == STATE_LIMIT && expires < state_at(states, s->parent)->expires)
        state_at(states, s->parent)->expires = expires;
    bool sooner = expires + SECOND <= s->expires && s->wheel_slot;
    s->expires = expires;
    if (sooner) { /* closed or reset: not to stay until the old time */
        uint32_t number = (uint32_t)(s - states->pool);
        state_unschedule(states, number);
        state_schedule(states, number, rules_state_due(s, e->params, e->packet->time_ns));
    }
}

static void remember_side(struct rules_state *s, const struct rules_eval *e, enum state_way way)
{
    struct state_side *side = &s->sides[way];
    uint32_t known = way == FORWARD ? STATE_KNOWN_FWD : STATE_KNOWN_REV;
    if (s->tcp & known)
        return;
    s->tcp |= known;
    uint32_t mac = (uint32_t)(e->view->l3 - e->view->frame);
    *side = (struct state_side){.in_if = e->packet->in_if,
                                .out_if = e->packet->out_if,
                                .direction = e->packet->direction,
                                .known = (uint8_t)(1 + mac)};
    memcpy(side->mac, e->view->frame, mac);
}

static uint32_t find(const struct rules_states *states, const struct rules_eval *e, uint32_t name, enum state_way *way)
{
    return state_find(states, e->view, e->hash, name, e->packet->time_ns, way);
}

void rules_state_hit(struct rules_eval *e, struct rules_state *s, enum state_way way)
{
    s->packets++;
    s->bytes += e->view->bytes;
    remember_side(s, e, way);
    renew(e->engine->states, s, e, way);
}

struct rules_state *rules_state_find(struct rules_eval *e, uint32_t name, uint32_t *rule)
{
    struct rules_states *states = e->engine->states;
    enum state_way way;
    uint32_t number = find(states, e, name, &way);
    if (number == 0)
        return NULL;
    struct rules_state *s = state_at(states, number);
    uint32_t parent = state_parent_rule(e->image, e->params, s);
    if (parent == IMAGE_NO_RULE)
        return NULL;
    *rule = parent;
    e->backward = way == BACKWARD;
    if (e->worker)
        rules_state_hit(e, s, way);
    return s;
}

uint64_t rules_state_token(const struct rules_state *s)
{
    return s->token;
}

/* The rule's action argument, if it is tablearg, as an inline token. */
static uint64_t action_token(const struct rules_eval *e, uint32_t rule)
{
    const struct nv_rules_insn *insn = rule_actions(e->image, rule), *end = rule_end(e->image, rule);
    uint64_t token = 0;
    for (; insn != end; insn = insn_next(insn)) {
        enum nv_rules_value_kind kind;
        switch (insn->opcode) {
        case NV_OP_TAG:
        case NV_OP_UNTAG:
            kind = NV_VALUE_TAG;
            break;
        case NV_OP_SKIPTO:
        case NV_OP_CALL:
            kind = NV_VALUE_SKIPTO;
            break;
        case NV_OP_PIPE:
        case NV_OP_QUEUE:
            kind = NV_VALUE_PIPE;
            break;
        case NV_OP_DIVERT:
        case NV_OP_TEE:
            kind = NV_VALUE_DIVERT;
            break;
        case NV_OP_FORWARD:
            kind = NV_VALUE_IPV4;
            break;
        case NV_OP_NAT:
            kind = NV_VALUE_NAT;
            break;
        case NV_OP_SETFIB:
            kind = NV_VALUE_FIB;
            break;
        case NV_OP_SETDSCP:
            kind = NV_VALUE_DSCP;
            break;
        default:
            continue;
        }
        if (insn->arg == NV_RULES_TABLEARG && e->token)
            token = (uint64_t)value_field(e->token, kind) << 32 | 1;
    }
    return token;
}

/* Fill a new state's key and lifetime from the packet and put it into the wheel. */
static void fill(struct rules_states *states, uint32_t number, struct rules_eval *e, uint32_t name)
{
    struct rules_state *s = state_at(states, number);
    const struct rules_view *v = e->view;

    s->name = name;
    s->family = v->family;
    s->proto = v->proto;
    s->sport = v->sport;
    s->dport = v->dport;
    s->src = v->src;
    s->dst = v->dst;
    if (v->family == 6) {
        memcpy(s->src6, view_src6(v), 16);
        memcpy(s->dst6, view_dst6(v), 16);
    }
    s->packets = 1;
    s->bytes = v->bytes;
    s->expires = e->packet->time_ns + seconds(e->params->dyn_syn_lifetime);
    states->live++;
    remember_side(s, e, FORWARD);
    renew(states, s, e, FORWARD);
    state_schedule(states, number, rules_state_due(s, e->params, e->packet->time_ns));
}

/* The parent that counts the states of LIMIT `fields` for this packet; made if it is not there. 0: no memory. */
static uint32_t find_parent(struct rules_states *states, const struct rules_eval *e, uint32_t fields, uint32_t slot)
{
    const struct rules_view *v = e->view;
    struct rules_state key = {.kind = STATE_PARENT, .family = v->family, .proto = v->proto, .fields = (uint8_t)fields};
    if (fields & 1) {
        key.src = v->src;
        if (v->family == 6)
            memcpy(key.src6, view_src6(v), 16);
    }
    if (fields & 2)
        key.sport = v->sport;
    if (fields & 4) {
        key.dst = v->dst;
        if (v->family == 6)
            memcpy(key.dst6, view_dst6(v), 16);
    }
    if (fields & 8)
        key.dport = v->dport;
    uint64_t words[7] = {(uint64_t)key.src << 32 | key.dst, (uint64_t)key.sport << 16 | key.dport,
                         (uint64_t)slot << 32 | (uint64_t)key.family << 16 | (uint64_t)key.proto << 8 | key.fields};
    memcpy(words + 3, key.src6, 16);
    memcpy(words + 5, key.dst6, 16);
    uint64_t hash = sip_hash(&e->engine->secret, words, 7);
    uint32_t number = states->heads[state_bucket(states, hash)];
    for (; number; number = state_at(states, number)->next) {
        const struct rules_state *s = state_at(states, number);
        if (s->hash == hash && s->kind == STATE_PARENT && s->slot == slot && s->fields == key.fields &&
            s->family == key.family && s->proto == key.proto && s->src == key.src && s->dst == key.dst &&
            s->sport == key.sport && s->dport == key.dport && memcmp(s->src6, key.src6, 16) == 0 &&
            memcmp(s->dst6, key.dst6, 16) == 0)
            return number;
    }
    if (states->entries - states->live >= e->params->dyn_parent_max)
        return 0;
    number = state_insert(states, hash, slot);
    if (number) {
        struct rules_state *s = state_at(states, number);
        uint32_t next = s->next;
        *s = key;
        s->hash = hash;
        s->slot = slot;
        s->next = next;
        s->expires = UINT64_MAX;
    }
    return number;
}

/* Take away the expired children of a parent that is full. The parent stays, even without children. */
static void expire_children(struct rules_states *states, uint32_t parent, uint64_t now)
{
    struct rules_state *p = state_at(states, parent);
    uint64_t earliest = UINT64_MAX;
    if (p->expires > now)
        return;
    p->parent++; /* hold it */
    for (uint32_t child = p->after, after; child; child = after) {
        const struct rules_state *s = state_at(states, child);
        after = s->after;
        if (s->expires <= now)
            state_remove(states, child);
        else if (s->expires < earliest)
            earliest = s->expires;
    }
    p->parent--;
    p->expires = earliest;
}

static void join_parent(struct rules_states *states, uint32_t number, uint32_t parent)
{
    struct rules_state *s = state_at(states, number), *p = state_at(states, parent);
    s->kind = STATE_LIMIT;
    s->parent = parent;
    s->after = p->after;
    if (p->after)
        state_at(states, p->after)->before = number;
    p->after = number;
    p->parent++;
}

unsigned rules_state_add(struct rules_eval *e, const struct nv_rules_insn *insn, uint32_t rule)
{
    struct rules_states *states = e->engine->states;
    uint32_t slot = e->image->slot[rule], parent = 0;
    uint64_t now = e->packet->time_ns;
    enum state_way way;

    if (e->view->family == 0 || find(states, e, insn->arg, &way))
        return 0;
    if (states->live >= e->params->dyn_max) {
        rules_states_turn(e->worker, e->image, e->params, now, EXPIRE_WHEN_FULL);
        if (states->live >= e->params->dyn_max)
            return NV_RULES_WHY_DYN_MAX;
    }
    if (insn->opcode == NV_OP_LIMIT) {
        const uint32_t *words = insn_words(insn);
        uint32_t limit = words[1] == NV_RULES_TABLEARG ? value_field(e->token, NV_VALUE_LIMIT) : words[1];
        parent = find_parent(states, e, words[0], slot);
        if (!parent)
            return states->entries - states->live >= e->params->dyn_parent_max ? NV_RULES_WHY_DYN_MAX
                                                                               : NV_RULES_WHY_NO_MEMORY;
        if (state_at(states, parent)->parent >= limit)
            expire_children(states, parent, now);
        if (state_at(states, parent)->parent >= limit) {
            if (limit == 0)
                state_remove(states, parent);
            return NV_RULES_WHY_LIMIT;
        }
    }
    uint32_t number = state_insert(states, e->hash, slot);
    if (!number) {
        if (parent && state_at(states, parent)->parent == 0)
            state_remove(states, parent);
        return NV_RULES_WHY_NO_MEMORY;
    }
    if (parent)
        join_parent(states, number, parent);
    else
        state_at(states, number)->kind = STATE_FLOW;
    fill(states, number, e, insn->arg);
    state_at(states, number)->token = action_token(e, rule);
    return 0;
}
