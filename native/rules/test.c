/* SPDX-License-Identifier: BSD-2-Clause */
/* test.c - the tests of the rule language, one case an option. What does not apply to a packet does not match. */
#include "rules/eval.h"

#include <netinet/in.h>

/* Is value in one of the ranges? */
static bool in_list(const struct nv_rules_insn *insn, uint32_t value)
{
    const uint32_t *words = insn_words(insn);
    for (unsigned i = 0; i < insn->words - 2u; i++) {
        if (value >= (words[i] & 0xffff) && value <= words[i] >> 16)
            return true;
    }
    return false;
}

/* All wanted bits set, all unwanted clear. */
static bool flags_match(const struct nv_rules_insn *insn, uint32_t bits)
{
    uint32_t wanted = insn->arg & 0xffff, unwanted = insn->arg >> 16;
    return (bits & wanted) == wanted && (bits & unwanted) == 0;
}

static bool ip4_match(const struct nv_rules_insn *insn, uint32_t address)
{
    const uint32_t *words = insn_words(insn);
    for (unsigned i = 0; i < insn->words - 2u; i += 2) {
        if ((address & words[i + 1]) == words[i])
            return true;
    }
    return false;
}

static bool ip6_match(const struct nv_rules_insn *insn, const uint8_t *address)
{
    uint64_t a[2];
    memcpy(a, address, sizeof(a));
    const uint32_t *words = insn_words(insn);
    for (unsigned i = 0; i < insn->words - 2u; i += 8) {
        uint64_t want[2], mask[2];
        memcpy(want, words + i, sizeof(want));
        memcpy(mask, words + i + 4, sizeof(mask));
        if ((a[0] & mask[0]) == want[0] && (a[1] & mask[1]) == want[1])
            return true;
    }
    return false;
}

static bool set_match(const struct nv_rules_insn *insn, uint32_t address)
{
    const uint32_t *words = insn_words(insn);
    uint32_t at = address - insn->arg;
    return at < words[0] && (words[1 + at / 32] >> at % 32 & 1);
}

static bool is_me(const struct rules_eval *e, bool source, bool only6)
{
    const struct rules_view *v = e->view;
    const struct rules_table *me = engine_table(e->engine, NV_RULES_TABLE_ME);
    if (v->family == 6)
        return table_find6(me, source ? view_src6(v) : view_dst6(v)) != 0;
    return !only6 && v->family == 4 && table_find4(me, source ? v->src : v->dst) != 0;
}

/* Bits of the IP options present; a malformed option list has none. */
static uint32_t ip_options(const struct rules_view *v)
{
    uint32_t bits = 0;
    uint32_t end = v->l4 < v->l3_length ? v->l4 : v->l3_length; /* a later fragment may end within its header */
    for (uint32_t at = 20, length; at < end; at += length) {
        uint8_t option = v->l3[at];
        if (option == 0)
            break;
        length = option == 1 ? 1 : at + 1 < end ? v->l3[at + 1] : 0;
        if (length == 0 || length > end - at)
            return 0;
        bits |= option == 131 ? 1u : option == 137 ? 2u : option == 7 ? 4u : option == 68 ? 8u : 0u;
    }
    return bits;
}

/* The end of the TCP options that are really in the frame, as an offset from the TCP header. */
static uint32_t tcp_options_end(const struct rules_view *v, const uint8_t *tcp)
{
    uint32_t end = (uint32_t)(tcp[12] >> 4) * 4, room = v->l3_length - v->l4;
    return end < room ? end : room;
}

/* Bits of the TCP options present; *mss is the value of the MSS option, or 0. */
static uint32_t tcp_options(const struct rules_view *v, const uint8_t *tcp, uint32_t *mss)
{
    uint32_t bits = 0, end = tcp_options_end(v, tcp);
    *mss = 0;
    for (uint32_t at = 20, length; at < end; at += length) {
        uint8_t option = tcp[at];
        if (option == 0)
            break;
        length = option == 1 ? 1 : at + 1 < end ? tcp[at + 1] : 0;
        if (length == 0)
            break;
        bits |= option == 2 ? 1u : option == 3 ? 2u : option == 4 || option == 5 ? 4u : option == 8 ? 8u : 0u;
        bits |= option == 11 || option == 12 || option == 13 ? 16u : 0u;
        if (option == 2 && length == 4 && at + 4 <= end)
            *mss = view_u16(tcp + at + 2);
    }
    return bits;
}

static bool lookup_match(struct rules_eval *e, const struct nv_rules_insn *insn)
{
    const struct nv_rules_lookup *lookup = (const void *)insn_words(insn);
    const struct rules_table *table = engine_table(e->engine, insn->arg);
    const struct rules_view *v = e->view;
    uint64_t token = 0;
    uint32_t number = 0, mask = NV_RULES_TABLEARG;
    bool source = lookup->key == NV_KEY_SRC_IP || lookup->key == NV_KEY_SRC_IP4 || lookup->key == NV_KEY_SRC_IP6 ||
                  lookup->key == NV_KEY_SRC_MAC || lookup->key == NV_KEY_SRC_PORT;

    if (lookup->flags & NV_LOOKUP_MASK)
        memcpy(&mask, lookup->mask, sizeof(mask));
    switch (lookup->key) {
    case NV_KEY_DST_IP:
    case NV_KEY_SRC_IP:
    case NV_KEY_DST_IP4:
    case NV_KEY_SRC_IP4:
    case NV_KEY_DST_IP6:
    case NV_KEY_SRC_IP6:
        if (v->family == 4 && lookup->key != NV_KEY_DST_IP6 && lookup->key != NV_KEY_SRC_IP6) {
            token = table_find4(table, (source ? v->src : v->dst) & mask);
        } else if (v->family == 6 && lookup->key != NV_KEY_DST_IP4 && lookup->key != NV_KEY_SRC_IP4) {
            uint8_t address[16];
            memcpy(address, source ? view_src6(v) : view_dst6(v), sizeof(address));
            for (unsigned i = 0; lookup->flags & NV_LOOKUP_MASK && i < sizeof(address); i++)
                address[i] &= lookup->mask[i];
            token = table_find6(table, address);
        }
        break;
    case NV_KEY_DST_MAC:
    case NV_KEY_SRC_MAC:
        if (v->seen & VIEW_MAC) {
            uint8_t mac[6];
            memcpy(mac, v->frame + (source ? 6 : 0), sizeof(mac));
            for (unsigned i = 0; lookup->flags & NV_LOOKUP_MASK && i < sizeof(mac); i++)
                mac[i] &= lookup->mask[i];
            token = table_find_mac(table, mac);
        }
        break;
    case NV_KEY_FLOW:
        if (v->family != 0) {
            uint64_t key[HASH_MAX_WORDS];
            const uint8_t *addresses = v->l3 + (v->family == 4 ? 12 : 8);
            table_flow_key(table->flow_fields, v->family, v->proto, v->sport, v->dport, addresses,
                           addresses + (v->family == 4 ? 4 : 16), key);
            token = table_find_flow(table, &e->engine->secret, key);
        }
        break;
    case NV_KEY_DST_PORT:
    case NV_KEY_SRC_PORT:
        if (!(v->seen & VIEW_PORTS))
            return false;
        number = source ? v->sport : v->dport;
        token = table_find_number(table, &e->engine->secret, number & mask);
        break;
    case NV_KEY_DSCP:
        if (v->family == 0)
            return false;
        token = table_find_number(table, &e->engine->secret, (uint32_t)(v->tos >> 2) & mask);
        break;
    case NV_KEY_MARK:
        token = table_find_number(table, &e->engine->secret, e->mark & mask);
        break;
    default: /* NV_KEY_RULENUM */
        token = table_find_number(table, &e->engine->secret, e->rule_number & mask);
        break;
    }
    if (!token)
        return false;
    if (lookup->flags & NV_LOOKUP_VALUE)
        return value_field(token, (enum nv_rules_value_kind)lookup->value_kind) == lookup->value;
    e->token = token;
    return true;
}

/* recv, xmit, via: pattern against an interface id. */
static bool interface_match(struct rules_eval *e, const struct nv_rules_insn *insn, unsigned interface)
{
    if (interface == 0)
        return false;
    uint8_t how = e->image->via[insn->arg * (NV_RULES_MAX_INTERFACES + 1u) + interface];
    if (how != IMAGE_VIA_TABLE)
        return how;
    const struct rules_table *table = engine_table(e->engine, e->image->patterns[insn->arg].arg);
    uint64_t token = table_find_iface(table, &e->engine->secret, e->engine->interfaces[interface]);
    if (token)
        e->token = token;
    return token != 0;
}

static bool mac_match(const struct rules_view *v, const uint32_t *words)
{
    const uint8_t *want = (const uint8_t *)words, *mask = want + 12;
    uint8_t differ = 0;
    for (unsigned i = 0; i < 12; i++)
        differ |= (uint8_t)((v->frame[i] & mask[i]) ^ want[i]);
    return differ == 0;
}

/* The route to the source: 0 none; else the token of its entry in table ROUTES. */
static uint64_t route_to_source(const struct rules_eval *e)
{
    const struct rules_table *routes = engine_table(e->engine, NV_RULES_TABLE_ROUTES);
    const struct rules_view *v = e->view;
    if (v->family == 0)
        return 0;
    return v->family == 4 ? table_find4(routes, v->src) : table_find6(routes, view_src6(v));
}

/* As in FreeBSD what goes out always matches, but versrcreach only IP; so does verrevpath what came from nowhere. */
static bool route_match(const struct rules_eval *e, unsigned opcode)
{
    const struct rules_view *v = e->view;
    if (v->seen & VIEW_OUT)
        return opcode != NV_OP_VERSRCREACH || v->family != 0;
    if (opcode == NV_OP_VERREVPATH && v->in_if == 0)
        return true;
    uint64_t token = route_to_source(e);
    const struct nv_rules_value *value = value_record(token);
    bool same = value && value->iface == v->in_if;
    if (opcode == NV_OP_VERREVPATH)
        return v->family != 0 && same;
    if (opcode == NV_OP_VERSRCREACH)
        return v->family != 0 && value && !value->netgraph;
    /* antispoof: only sources on a directly connected network are looked at */
    return v->family == 0 || !value || !value->limit || same;
}

static bool flow_label_match(const struct rules_view *v, const struct nv_rules_insn *insn)
{
    uint32_t label = v->family == 6 ? view_u32(v->l3) & 0xfffff : UINT32_MAX;
    const uint32_t *words = insn_words(insn);
    for (unsigned i = 0; i < insn->words - 2u; i++) {
        if (words[i] == label)
            return true;
    }
    return false;
}

static bool tagged_match(const struct rules_eval *e, const struct nv_rules_insn *insn)
{
    uint32_t wanted = value_field(e->token, NV_VALUE_TAG);
    for (unsigned i = 0; i < e->packet->tag_count; i++) {
        uint16_t tag = e->packet->tags[i];
        if (insn->arg == NV_RULES_TABLEARG ? tag == wanted : in_list(insn, tag))
            return true;
    }
    return false;
}

static bool tcp_match(const struct rules_view *v, const struct nv_rules_insn *insn)
{
    const uint8_t *tcp = view_l4(v, IPPROTO_TCP);
    uint32_t mss;

    if (!tcp)
        return false;
    switch (insn->opcode) {
    case NV_OP_ESTABLISHED: /* every TCP packet but SYN without ACK and RST */
        return (tcp[13] & (2 | 4 | 16)) != 2;
    case NV_OP_TCPFLAGS:
        return flags_match(insn, tcp[13]);
    case NV_OP_TCPOPTIONS:
        return flags_match(insn, tcp_options(v, tcp, &mss));
    case NV_OP_TCPSEQ:
        return view_u32(tcp + 4) == insn->arg;
    case NV_OP_TCPACK:
        return view_u32(tcp + 8) == insn->arg;
    case NV_OP_TCPWIN:
        return in_list(insn, view_u16(tcp + 14));
    case NV_OP_TCPDATALEN:
        if (v->family == 6 && v->ip_length == 40)
            return false; /* a jumbogram says its length elsewhere */
        return in_list(insn, (uint16_t)(v->ip_length - v->l4 - (uint32_t)(tcp[12] >> 4) * 4));
    default: /* NV_OP_TCPMSS */
        tcp_options(v, tcp, &mss);
        return tcp[13] & 2 && mss && in_list(insn, mss);
    }
}

static bool ip4_header_match(const struct rules_view *v, const struct nv_rules_insn *insn)
{
    if (v->family != 4)
        return insn->opcode == NV_OP_IPLEN && v->family == 6 && in_list(insn, v->ip_length);
    switch (insn->opcode) {
    case NV_OP_IPLEN:
        return in_list(insn, v->ip_length);
    case NV_OP_IPID:
        return in_list(insn, view_u16(v->l3 + 4));
    case NV_OP_IPTTL:
        return in_list(insn, v->l3[8]);
    case NV_OP_IPTOS:
        return flags_match(insn, v->tos);
    case NV_OP_IPPRECEDENCE:
        return v->tos >> 5 == insn->arg;
    default: /* NV_OP_IPOPTIONS */
        return flags_match(insn, ip_options(v));
    }
}

static bool frag_match(const struct rules_view *v, const struct nv_rules_insn *insn)
{
    enum { MORE = 1, DONT = 2, RESERVED = 4, OFFSET = 8 };
    if (v->family != 4) /* as in FreeBSD: the flags are IPv4's, of IPv6 only plain `frag` matches */
        return insn->arg == OFFSET && v->seen & VIEW_FRAG;
    return flags_match(insn, (v->seen & VIEW_MF ? MORE : 0u) | (v->l3[6] & 0x40 ? DONT : 0u) |
                                 (v->l3[6] & 0x80 ? RESERVED : 0u) | (v->seen & VIEW_FRAG ? OFFSET : 0u));
}

static bool icmp_match(const struct rules_view *v, const struct nv_rules_insn *insn)
{
    const uint8_t *icmp;
    if (insn->opcode == NV_OP_ICMPTYPES) {
        icmp = v->family == 4 ? view_l4(v, IPPROTO_ICMP) : NULL;
        return icmp && icmp[0] < 32 && (insn->arg >> icmp[0] & 1);
    }
    icmp = v->family == 6 ? view_l4(v, IPPROTO_ICMPV6) : NULL;
    return icmp && (insn_words(insn)[icmp[0] / 32] >> icmp[0] % 32 & 1);
}

bool rules_test(struct rules_eval *e, const struct nv_rules_insn *insn)
{
    const struct rules_view *v = e->view;

    switch (insn->opcode) {
    case NV_OP_ALWAYS:
        return true;
    case NV_OP_SRC_IP:
        return v->family == 4 && ip4_match(insn, v->src);
    case NV_OP_DST_IP:
        return v->family == 4 && ip4_match(insn, v->dst);
    case NV_OP_SRC_IP_SET:
        return v->family == 4 && set_match(insn, v->src);
    case NV_OP_DST_IP_SET:
        return v->family == 4 && set_match(insn, v->dst);
    case NV_OP_SRC_ME:
    case NV_OP_DST_ME:
        return is_me(e, insn->opcode == NV_OP_SRC_ME, false);
    case NV_OP_SRC_IP6:
        return v->family == 6 && ip6_match(insn, view_src6(v));
    case NV_OP_DST_IP6:
        return v->family == 6 && ip6_match(insn, view_dst6(v));
    case NV_OP_SRC_ME6:
    case NV_OP_DST_ME6:
        return is_me(e, insn->opcode == NV_OP_SRC_ME6, true);
    case NV_OP_SRC_PORT:
        return v->seen & VIEW_PORTS && in_list(insn, v->sport);
    case NV_OP_DST_PORT:
        return v->seen & VIEW_PORTS && in_list(insn, v->dport);
    case NV_OP_LOOKUP:
        return lookup_match(e, insn);
    case NV_OP_LAYER2:
        return v->seen & VIEW_MAC;
    case NV_OP_MAC:
        return v->seen & VIEW_MAC && mac_match(v, insn_words(insn));
    case NV_OP_MAC_TYPE:
        return v->seen & VIEW_MAC && in_list(insn, v->ethertype);
    case NV_OP_IN:
        return !(v->seen & VIEW_OUT);
    case NV_OP_RECV:
        return interface_match(e, insn, v->in_if);
    case NV_OP_XMIT:
        return v->seen & VIEW_OUT && interface_match(e, insn, v->out_if);
    case NV_OP_VIA:
        return interface_match(e, insn, v->seen & VIEW_OUT ? v->out_if : v->in_if);
    case NV_OP_DIVERTED:
        return (insn->arg & 1 && e->packet->flags & NV_RULES_DIVERTED_LOOP) ||
               (insn->arg & 2 && e->packet->flags & NV_RULES_DIVERTED_OUTPUT);
    case NV_OP_PROTO:
        return v->family != 0 && v->proto == insn->arg;
    case NV_OP_IP4:
        return v->family == 4;
    case NV_OP_IP6:
        return v->family == 6;
    case NV_OP_FRAG:
        return frag_match(v, insn);
    case NV_OP_IPVERSION:
        return v->family != 0 && v->family == insn->arg;
    case NV_OP_DSCP:
        return v->family != 0 && (insn_words(insn)[v->tos >> 7] >> (v->tos >> 2 & 31) & 1);
    case NV_OP_IPLEN:
    case NV_OP_IPID:
    case NV_OP_IPTTL:
    case NV_OP_IPTOS:
    case NV_OP_IPPRECEDENCE:
    case NV_OP_IPOPTIONS:
        return ip4_header_match(v, insn);
    case NV_OP_EXT6HDR:
        return v->ext & insn->arg;
    case NV_OP_FLOW_ID:
        return flow_label_match(v, insn);
    case NV_OP_ESTABLISHED:
    case NV_OP_TCPFLAGS:
    case NV_OP_TCPOPTIONS:
    case NV_OP_TCPSEQ:
    case NV_OP_TCPACK:
    case NV_OP_TCPWIN:
    case NV_OP_TCPDATALEN:
    case NV_OP_TCPMSS:
        return tcp_match(v, insn);
    case NV_OP_ICMPTYPES:
    case NV_OP_ICMP6TYPES:
        return icmp_match(v, insn);
    case NV_OP_TAGGED:
        return tagged_match(e, insn);
    case NV_OP_FIB:
        return in_list(insn, e->packet->fib);
    case NV_OP_MARK: {
        const uint32_t *words = insn_words(insn);
        uint32_t wanted = words[1] ? value_field(e->token, NV_VALUE_MARK) : insn->arg;
        return (e->mark & words[0]) == wanted;
    }
    case NV_OP_VERREVPATH:
    case NV_OP_VERSRCREACH:
    case NV_OP_ANTISPOOF:
        return route_match(e, insn->opcode);
    case NV_OP_PROB:
        return !e->worker || (worker_random(e->worker) & INT32_MAX) < insn->arg;
    default: /* NV_OP_NEVER; verify.c lets nothing else through */
        return false;
    }
}
