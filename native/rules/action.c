/* SPDX-License-Identifier: BSD-2-Clause */
/* action.c - run the actions of a rule that matched: first log, altq, tag and mark, then the one that decides. */
#include "rules/action.h"

#include "rules/answer.h"
#include "rules/nat.h"
#include "rules/reass.h"
#include "rules/rewrite.h"
#include "rules/state.h"
#include "rules/walk.h"

/* An argument that may be tablearg: then from the last look-up, or from that of the rule when it made the state. */
static uint32_t argument(const struct rules_eval *e, uint32_t arg, enum nv_rules_value_kind kind)
{
    return arg == NV_RULES_TABLEARG ? value_field(e->token, kind) : arg;
}

static void log_packet(const struct rules_eval *e, uint32_t rule, const struct nv_rules_insn *insn)
{
    uint32_t limit = insn->arg ? insn->arg : e->params->verbose_limit;
    uint64_t before = __atomic_fetch_add(&e->image->log_count[rule], 1, __ATOMIC_RELAXED);
    const struct nv_rules_sink *sink = &e->worker->sink;

    if (sink->log && (limit == 0 || before < limit))
        sink->log(sink->arg, e->packet, e->image->rules[rule].number, e->image->rules[rule].id, insn_words(insn)[0]);
}

static void tag_packet(struct nv_rules_packet *packet, uint32_t tag, bool add)
{
    unsigned at = 0;
    while (at < packet->tag_count && packet->tags[at] != tag)
        at++;
    if (add && at == packet->tag_count && at < NV_RULES_MAX_TAGS && tag != 0) {
        packet->tags[packet->tag_count++] = (uint16_t)tag;
    } else if (!add && at < packet->tag_count) {
        packet->tag_count--;
        for (; at < packet->tag_count; at++)
            packet->tags[at] = packet->tags[at + 1];
    }
}

/* log, altq, tag, untag, setmark */
static const struct nv_rules_insn *act_before(struct rules_eval *e, uint32_t rule)
{
    const struct nv_rules_insn *insn = rule_actions(e->image, rule);
    for (; insn->opcode < NV_OP_ACCEPT; insn = insn_next(insn)) {
        switch (insn->opcode) {
        case NV_OP_LOG:
            if (e->worker)
                log_packet(e, rule, insn);
            break;
        case NV_OP_TAG:
        case NV_OP_UNTAG:
            tag_packet(e->packet, argument(e, insn->arg, NV_VALUE_TAG), insn->opcode == NV_OP_TAG);
            break;
        case NV_OP_SETMARK:
            e->mark = insn_words(insn)[0] ? value_field(e->token, NV_VALUE_MARK) : insn->arg;
            break;
        default: /* NV_OP_ALTQ is metadata */
            break;
        }
    }
    return insn;
}

/* The rule a skipto or call leads to. skipto goes forward only: to the number behind its own at least. */
static uint32_t jump_target(const struct rules_eval *e, uint32_t rule, const struct nv_rules_insn *insn)
{
    uint32_t number = insn->arg;
    if (number != NV_RULES_TABLEARG)
        return e->image->jump[rule];
    number = value_field(e->token, NV_VALUE_SKIPTO);
    if (insn->opcode == NV_OP_SKIPTO && number <= e->image->rules[rule].number)
        number = e->image->rules[rule].number + 1u;
    return e->image->first_at[number > NV_RULES_DEFAULT_RULE ? NV_RULES_DEFAULT_RULE : number];
}

/* call and return with the packet's stack; a full or empty stack means: go on with the next rule, not counted. */
static uint32_t call_or_return(struct rules_eval *e, uint32_t rule, const struct nv_rules_insn *insn)
{
    struct nv_rules_packet *packet = e->packet;
    if (insn->opcode == NV_OP_CALL) {
        if (packet->call_depth >= NV_RULES_CALL_STACK)
            return rule + 1;
        rules_count_packet(e, rule);
        packet->calls[packet->call_depth++] = e->image->rules[rule].number;
        return jump_target(e, rule, insn);
    }
    if (packet->call_depth == 0)
        return rule + 1;
    rules_count_packet(e, rule);
    uint32_t number = packet->calls[--packet->call_depth] + 1u;
    return e->image->first_at[number > NV_RULES_DEFAULT_RULE ? NV_RULES_DEFAULT_RULE : number];
}

static void answer(struct rules_eval *e, const struct nv_rules_insn *insn)
{
    if (!e->worker || !e->worker->sink.answer)
        return;
    uint32_t mtu = insn->words > 2 ? insn_words(insn)[0] : 0;
    uint32_t length = answer_make(e->view, insn->opcode, insn->arg, mtu, e->worker->answer);
    if (length)
        e->worker->sink.answer(e->worker->sink.arg, e->packet, e->worker->answer, length);
}

static void forward(struct rules_eval *e, uint32_t rule, const struct nv_rules_insn *insn)
{
    struct nv_rules_verdict *v = e->verdict;
    const uint32_t *words = insn_words(insn);
    uint32_t address = 0;

    if (e->state && e->backward) { /* answers go their own way */
        rules_finish(e, rule, NV_RULES_PASS, 0);
        return;
    }
    v->next_hop_family = 0;
    v->next_hop_port = 0;
    if (insn->arg == NV_RULES_TABLEARG) {
        const struct nv_rules_value value = value_of(e->token);
        v->next_hop_family = e->view->family;
        v->next_hop_port = (uint16_t)words[1];
        address = value.ipv4;
        memcpy(v->next_hop, value.ipv6, sizeof(v->next_hop));
    } else if (!(insn->arg & NV_RULES_NAME_REF)) {
        v->next_hop_family = (uint8_t)words[0];
        v->next_hop_port = (uint16_t)words[1];
        address = words[2];
        memcpy(v->next_hop, words + 2, sizeof(v->next_hop));
    }
    if (v->next_hop_family == 4) {
        for (unsigned i = 0; i < 4; i++)
            v->next_hop[i] = (uint8_t)(address >> (24 - 8 * i));
    }
    rules_finish(e, rule, NV_RULES_FORWARD, insn->arg & NV_RULES_NAME_REF ? insn->arg : 0);
}

static uint32_t translate(struct rules_eval *e, uint32_t rule, const struct nv_rules_insn *insn)
{
    enum nat_result result = NAT_UNKNOWN;
    if (e->view->family == 0)
        return rule + 1;
    if (e->view->family == 6) /* as in FreeBSD: it must not get past by being what cannot be translated */
        result = NAT_DROP;
    else if (e->worker) /* explaining makes no links */
        result = rules_nat(e, argument(e, insn->arg, NV_VALUE_NAT));
    if (result == NAT_DONE)
        e->flags |= NV_RULES_REWRITTEN;
    if (result == NAT_DROP)
        e->reason = NV_RULES_WHY_NAT_DENY;
    rules_finish(e, rule, result == NAT_DROP ? NV_RULES_DENY : NV_RULES_NAT, 0);
    return IMAGE_NO_RULE;
}

/*
 * The packet is a datagram now that was put together from fragments: look at it anew. False: its headers are such that
 * no rule may be asked, eval->reason says why.
 */
static bool look_again(struct rules_eval *e)
{
    e->flags |= NV_RULES_REPLACED;
    e->changed = true;
    e->reason = (uint8_t)rules_parse(e->packet, e->params, e->view);
    e->hash = rules_state_hash(e->engine, e->view);
    e->looked = 0;
    return e->reason == NV_RULES_WHY_BY_RULE;
}

/* A fragment that was taken and does not complete its datagram, or must not: the end of its way. */
static uint32_t fragment_ends(struct rules_eval *e, uint32_t rule, enum reass_result result)
{
    rules_end(e, rule, result == REASS_HELD ? NV_RULES_HELD : NV_RULES_DENY, 0);
    return IMAGE_NO_RULE;
}

/* IPv4 only, and whatever one_pass says the next rule sees what was put together: both as in FreeBSD. */
static uint32_t reassemble(struct rules_eval *e, uint32_t rule)
{
    if (e->view->family == 6)
        return rule + 1;
    rules_count_packet(e, rule);
    enum reass_result result = e->worker ? rules_reass(e) : REASS_NONE;
    if (result == REASS_NONE || (result == REASS_WHOLE && look_again(e)))
        return rule + 1;
    return fragment_ends(e, rule, result);
}

/* Who listens at a divert port gets whole datagrams. */
static uint32_t divert(struct rules_eval *e, uint32_t rule, const struct nv_rules_insn *insn)
{
    rules_count_packet(e, rule);
    enum reass_result result = e->worker ? rules_reass(e) : REASS_NONE;
    if (result != REASS_NONE && result != REASS_WHOLE)
        return fragment_ends(e, rule, result);
    if (result == REASS_WHOLE)
        e->flags |= NV_RULES_REPLACED;
    rules_end(e, rule, NV_RULES_DIVERT, argument(e, insn->arg, NV_VALUE_DIVERT));
    return IMAGE_NO_RULE;
}

/* check-state behind prob, log or tag: what the state's rule does; without a state the rule is not counted. */
static uint32_t check_state(struct rules_eval *e, uint32_t rule, uint32_t name)
{
    uint32_t parent = rule;
    if (!look_for_state(e, name, &parent))
        return rule + 1;
    return rules_act(e, parent);
}

static void rewritten(struct rules_eval *e, bool changed)
{
    if (changed)
        e->flags |= NV_RULES_REWRITTEN;
}

uint32_t rules_act(struct rules_eval *e, uint32_t rule)
{
    if (e->state)
        e->token = rules_state_token(e->state);
    const struct nv_rules_insn *insn = act_before(e, rule);

    switch (insn->opcode) {
    case NV_OP_ACCEPT:
        rules_finish(e, rule, NV_RULES_PASS, 0);
        return IMAGE_NO_RULE;
    case NV_OP_UNREACH:
    case NV_OP_UNREACH6:
    case NV_OP_RESET:
    case NV_OP_RESET6:
    case NV_OP_ABORT:
    case NV_OP_ABORT6:
        answer(e, insn);
        rules_finish(e, rule, NV_RULES_DENY, 0);
        return IMAGE_NO_RULE;
    case NV_OP_DENY:
        rules_finish(e, rule, NV_RULES_DENY, 0);
        return IMAGE_NO_RULE;
    case NV_OP_PIPE:
        rules_finish(e, rule, NV_RULES_PIPE, argument(e, insn->arg, NV_VALUE_PIPE));
        return IMAGE_NO_RULE;
    case NV_OP_QUEUE:
        rules_finish(e, rule, NV_RULES_QUEUE, argument(e, insn->arg, NV_VALUE_PIPE));
        return IMAGE_NO_RULE;
    case NV_OP_DIVERT:
        return divert(e, rule, insn);
    case NV_OP_FORWARD:
        forward(e, rule, insn);
        return IMAGE_NO_RULE;
    case NV_OP_CHECK_STATE:
        return check_state(e, rule, insn->arg);
    case NV_OP_SKIPTO:
        rules_count_packet(e, rule);
        return jump_target(e, rule, insn);
    case NV_OP_CALL:
    case NV_OP_RETURN:
        return call_or_return(e, rule, insn);
    case NV_OP_NAT:
        return translate(e, rule, insn);
    case NV_OP_REASS:
        return reassemble(e, rule);
    case NV_OP_TEE:
        if (e->worker && e->worker->sink.copy)
            e->worker->sink.copy(e->worker->sink.arg, e->packet, argument(e, insn->arg, NV_VALUE_DIVERT));
        break;
    case NV_OP_SETFIB:
        e->packet->fib = argument(e, insn->arg, NV_VALUE_FIB);
        break;
    case NV_OP_SETDSCP:
        rewritten(e, rewrite_dscp(e->view, argument(e, insn->arg, NV_VALUE_DSCP) & 63));
        break;
    case NV_OP_TCP_SETMSS:
        rewritten(e, rewrite_mss(e->view, (uint16_t)insn->arg));
        break;
    default: /* NV_OP_COUNT */
        break;
    }
    rules_count_packet(e, rule);
    return rule + 1;
}
