/* SPDX-License-Identifier: BSD-2-Clause */
/* nat.c - translate packets: find or make the link, then rewrite addresses, ports and checksums. */
#include "rules/nat.h"

#include <netinet/in.h>

#include "rules/rewrite.h"

enum { FIN = 1, SYN = 2, RST = 4, PORT_TRIES = 256, EXPIRE_PER_PACKET = 4 };

/* A packet on its way: what is outside for a packet that comes in is its destination. */
struct trip {
    struct rules_nat *nat;
    struct rules_view *view;
    uint8_t *ip;
    uint64_t now;
    bool out;
    bool make;  /* new links may be made */
    bool alone; /* a fragment may go out without its first one */
};

static bool port_free(const struct rules_nat *nat, const struct nat_link *link)
{
    return !nat_reserved(nat, link) &&
           !nat_find_outside(nat, link->proto, link->alias, link->alias_port, link->peer, link->peer_port);
}

static uint32_t next_random(struct rules_nat *nat)
{
    nat->random ^= nat->random << 13, nat->random ^= nat->random >> 7, nat->random ^= nat->random << 17;
    return (uint32_t)(nat->random >> 24);
}

/* Find an alias port that no other link to the same peer has. */
static bool choose_port(struct rules_nat *nat, struct nat_link *link)
{
    uint32_t low = nat->config.port_lo ? nat->config.port_lo : 1024,
             high = nat->config.port_hi ? nat->config.port_hi : 65535;
    link->alias_port = link->inside_port;
    if (link->flags & LINK_KEEP_PORT)
        return port_free(nat, link);
    if (nat->config.flags & NV_NAT_SAME_PORTS && port_free(nat, link))
        return true;
    for (unsigned i = 0; i < PORT_TRIES; i++) {
        link->alias_port = (uint16_t)(low + next_random(nat) % (high - low + 1));
        if (port_free(nat, link))
            return true;
    }
    return false;
}

/* The link of a flow, made when it may be. inside and peer for outgoing packets, alias and peer for incoming ones. */
static enum nat_result find_link(struct trip *t, struct nat_link *key, uint32_t *number)
{
    struct rules_nat *nat = t->nat;
    if (t->out)
        *number = nat_find_inside(nat, key->proto, key->inside, key->inside_port, key->peer, key->peer_port);
    else
        *number = nat_find_outside(nat, key->proto, key->alias, key->alias_port, key->peer, key->peer_port);
    if (*number)
        return NAT_DONE;
    if (!t->make)
        return NAT_UNKNOWN;
    if (!t->out) {
        if (nat->config.flags & NV_NAT_PROXY_ONLY || !nat_redirect_in(nat, key))
            return NAT_UNKNOWN;
    } else if (!nat_redirect_out(nat, key)) {
        if (nat->config.flags & NV_NAT_PROXY_ONLY || !nat_unregistered(nat, key->inside) || nat->config.address == 0)
            return NAT_UNKNOWN;
        key->alias = nat->config.address;
        if (!choose_port(nat, key))
            return NAT_DROP;
    }
    *number = nat_link_new(nat, key, t->now);
    return *number ? NAT_DONE : NAT_DROP;
}

static struct nat_link key_of(const struct trip *t, uint8_t proto, uint32_t src, uint16_t sport, uint32_t dst,
                              uint16_t dport)
{
    struct nat_link key = {.proto = proto};
    if (t->out) {
        key.inside = src;
        key.inside_port = sport;
        key.peer = dst;
        key.peer_port = dport;
    } else {
        key.alias = dst;
        key.alias_port = dport;
        key.peer = src;
        key.peer_port = sport;
    }
    return key;
}

/* Put the other address in, and correct the checksums (sum: of the transport, or NULL). */
static void rewrite_address(const struct trip *t, const struct nat_link *l, uint8_t *sum)
{
    struct rules_view *v = t->view;
    if (t->out)
        rewrite_u32(t->ip + 12, v->src = l->alias, t->ip + 10, sum);
    else
        rewrite_u32(t->ip + 16, v->dst = l->inside, t->ip + 10, sum);
}

static void note_tcp(struct nat_link *l, const struct rules_view *v, bool out)
{
    if (v->tcp_flags & SYN)
        l->flags |= out ? LINK_SYN_OUT : LINK_SYN_IN;
    if (v->tcp_flags & FIN)
        l->flags |= out ? LINK_FIN_OUT : LINK_FIN_IN;
    if (v->tcp_flags & RST)
        l->flags |= LINK_FIN_OUT | LINK_FIN_IN;
}

/* Later fragments have no ports: they follow the first one, which left a link of kind NAT_FRAGMENT. */
static void remember_fragment(const struct trip *t, const struct nat_link *l, uint32_t src, uint32_t dst)
{
    if (!(t->view->seen & VIEW_MF))
        return;
    struct nat_link key = key_of(t, NAT_FRAGMENT, src, view_u16(t->ip + 4), dst, view_u16(t->ip + 4));
    uint32_t known = t->out
                         ? nat_find_inside(t->nat, NAT_FRAGMENT, src, view_u16(t->ip + 4), dst, view_u16(t->ip + 4))
                         : nat_find_outside(t->nat, NAT_FRAGMENT, dst, view_u16(t->ip + 4), src, view_u16(t->ip + 4));
    if (known)
        return;
    key.inside = l->inside;
    key.alias = l->alias;
    key.inside_port = key.alias_port = view_u16(t->ip + 4);
    nat_link_new(t->nat, &key, t->now);
}

/*
 * A fragment that is not the first: it has no ports, so it follows its first one. One that goes out before that gets
 * the alias address all the same, one that comes in before is dropped, both as libalias does.
 */
static enum nat_result translate_fragment(struct trip *t)
{
    struct rules_view *v = t->view;
    uint16_t id = view_u16(t->ip + 4);
    uint32_t number = t->out ? nat_find_inside(t->nat, NAT_FRAGMENT, v->src, id, v->dst, id)
                             : nat_find_outside(t->nat, NAT_FRAGMENT, v->dst, id, v->src, id);
    struct nat_link alone = {.inside = v->src, .peer = v->dst};
    if (!number && !t->out)
        return t->make ? NAT_DROP : NAT_UNKNOWN;
    if (!number && !(t->alone && nat_outside_address(t->nat, &alone)))
        return NAT_UNKNOWN;
    rewrite_address(t, number ? &t->nat->links[number] : &alone, NULL);
    return NAT_DONE;
}

/* SCTP's CRC covers its ports: work it out anew. The packet must be whole. */
static void correct_sctp(const struct rules_view *v)
{
    uint8_t *sctp = v->l3 + v->l4;
    memset(sctp + 8, 0, 4);
    uint32_t crc = rewrite_crc32c(sctp, v->bytes - v->l4);
    for (unsigned i = 0; i < 4; i++)
        sctp[8 + i] = (uint8_t)(crc >> (8 * i));
}

/* TCP, UDP and SCTP: address, port, and the transport's checksum. */
static enum nat_result translate_ports(struct trip *t)
{
    struct rules_view *v = t->view;
    uint8_t *l4 = v->l3 + v->l4, *at = l4 + (v->proto == IPPROTO_TCP ? 16 : 6);
    struct nat_link key = key_of(t, v->proto, v->src, v->sport, v->dst, v->dport);
    uint32_t number, src = v->src, dst = v->dst;
    bool udp = v->proto == IPPROTO_UDP, sctp = v->proto == IPPROTO_SCTP;
    if (sctp && (v->seen & VIEW_MF || v->bytes < v->l4 + 12u || v->bytes > v->l3_length))
        return NAT_UNKNOWN;
    enum nat_result result = find_link(t, &key, &number);

    if (result != NAT_DONE)
        return result;
    struct nat_link *l = &t->nat->links[number];
    if (v->proto == IPPROTO_TCP)
        note_tcp(l, v, t->out);
    nat_link_touch(t->nat, number, t->now);
    bool summed = !sctp && !(udp && view_u16(at) == 0); /* else it is of another kind, or the sender made none */
    uint8_t *sum = summed ? at : NULL;
    rewrite_address(t, l, sum);
    if (t->out)
        rewrite_u16(l4, v->sport = l->alias_port, sum);
    else
        rewrite_u16(l4 + 2, v->dport = l->inside_port, sum);
    if (udp && summed && view_u16(at) == 0)
        at[0] = at[1] = 0xff;
    if (sctp)
        correct_sctp(v);
    remember_fragment(t, l, src, dst);
    return NAT_DONE;
}

/* Everything else: addresses only; one inside host a peer and protocol. */
static enum nat_result translate_plain(struct trip *t)
{
    struct rules_view *v = t->view;
    struct nat_link key = key_of(t, v->proto, v->src, 0, v->dst, 0);
    uint32_t number, src = v->src, dst = v->dst;
    key.flags = LINK_KEEP_PORT;
    enum nat_result result = find_link(t, &key, &number);
    if (result != NAT_DONE)
        return result;
    nat_link_touch(t->nat, number, t->now);
    rewrite_address(t, &t->nat->links[number], NULL);
    remember_fragment(t, &t->nat->links[number], src, dst);
    return NAT_DONE;
}

/* Echo and its like: the query id takes the place of the port. */
static enum nat_result translate_query(struct trip *t)
{
    struct rules_view *v = t->view;
    uint8_t *icmp = v->l3 + v->l4;
    uint16_t id = view_u16(icmp + 4);
    struct nat_link key = key_of(t, IPPROTO_ICMP, v->src, t->out ? id : 0, v->dst, t->out ? 0 : id);
    uint32_t number, src = v->src, dst = v->dst;
    enum nat_result result = find_link(t, &key, &number);
    if (result != NAT_DONE)
        return result;
    const struct nat_link *l = &t->nat->links[number];
    nat_link_touch(t->nat, number, t->now);
    rewrite_address(t, l, NULL);
    rewrite_u16(icmp + 4, t->out ? l->alias_port : l->inside_port, icmp + 2);
    remember_fragment(t, l, src, dst);
    return NAT_DONE;
}

/*
 * An ICMP error carries the beginning of a packet that went the other way: the link is that packet's, and its
 * addresses and port are translated back inside the error, whose checksum covers them.
 */
static enum nat_result translate_error(struct trip *t)
{
    struct rules_view *v = t->view;
    uint8_t *icmp = v->l3 + v->l4, *in = icmp + 8;
    uint32_t room = v->l3_length - v->l4;
    if (room < 8 + 20 + 8 || in[0] >> 4 != 4 || (uint32_t)(in[0] & 15) * 4 + 8 > room - 8 || (in[0] & 15) < 5)
        return NAT_UNKNOWN;
    uint8_t *l4 = in + (size_t)(in[0] & 15) * 4;
    uint8_t proto = in[9];
    uint32_t src = view_u32(in + 12), dst = view_u32(in + 16), number;
    uint16_t sport = view_u16(l4), dport = view_u16(l4 + 2);
    uint8_t *port = t->out ? l4 + 2 : l4;

    if (view_u16(in + 6) & 0x1fff)
        return NAT_UNKNOWN;
    if (proto == IPPROTO_ICMP) {
        port = l4 + 4;
        sport = t->out ? 0 : view_u16(port);
        dport = t->out ? view_u16(port) : 0;
    } else if (proto != IPPROTO_TCP && proto != IPPROTO_UDP) {
        sport = dport = 0;
        port = NULL;
    }
    /* the quoted packet went the other way */
    number = t->out ? nat_find_inside(t->nat, proto, dst, dport, src, sport)
                    : nat_find_outside(t->nat, proto, src, sport, dst, dport);
    if (!number)
        return NAT_UNKNOWN;
    const struct nat_link *l = &t->nat->links[number];
    uint8_t *address = t->out ? in + 16 : in + 12;
    uint32_t quoted = t->out ? l->alias : l->inside;
    uint8_t before[2] = {in[10], in[11]};
    rewrite_u32(address, quoted, in + 10, icmp + 2);
    rewrite_u16(before, view_u16(in + 10), icmp + 2);
    if (port)
        rewrite_u16(port, t->out ? l->alias_port : l->inside_port, icmp + 2);
    /* the error itself may come from a router in between: outgoing ones get the alias address as their source */
    if (t->out)
        rewrite_u32(t->ip + 12, v->src = l->alias, t->ip + 10, NULL);
    else
        rewrite_u32(t->ip + 16, v->dst = l->inside, t->ip + 10, NULL);
    return NAT_DONE;
}

static enum nat_result translate(struct trip *t)
{
    const struct rules_view *v = t->view;
    if (v->seen & VIEW_FRAG)
        return translate_fragment(t);
    if ((v->proto == IPPROTO_TCP || v->proto == IPPROTO_UDP || v->proto == IPPROTO_SCTP) && v->seen & VIEW_ULP)
        return translate_ports(t);
    if (v->proto != IPPROTO_ICMP || !(v->seen & VIEW_ULP))
        return translate_plain(t);
    const uint8_t *icmp = v->l3 + v->l4;
    if (icmp[0] == 3 || icmp[0] == 4 || icmp[0] == 5 || icmp[0] == 11 || icmp[0] == 12)
        return translate_error(t);
    return v->l3_length - v->l4 >= 8 ? translate_query(t) : NAT_UNKNOWN;
}

struct rules_nat *nat_find(const struct nv_rules *engine, uint32_t id)
{
    uint32_t low = 0, high = engine->nat_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (engine->nats[middle]->config.id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < engine->nat_count && engine->nats[low]->config.id == id ? engine->nats[low] : NULL;
}

/* Translate by the first instance that knows the packet. */
static bool translate_global(const struct rules_eval *e, struct trip *t)
{
    bool out = e->packet->direction == NV_RULES_OUT;
    for (uint32_t i = 0; i < e->engine->nat_count; i++) {
        t->nat = e->engine->nats[i];
        t->out = out ^ ((t->nat->config.flags & NV_NAT_REVERSE) != 0);
        if (t->nat->config.flags & NV_NAT_SKIP_GLOBAL)
            continue;
        nat_expire(t->nat, t->now, EXPIRE_PER_PACKET);
        if (translate(t) == NAT_DONE)
            return true;
    }
    return false;
}

enum nat_result rules_nat(struct rules_eval *e, uint32_t id)
{
    struct trip t = {.view = e->view, .ip = e->view->l3, .now = e->packet->time_ns, .make = true, .alone = true};
    t.out = e->packet->direction == NV_RULES_OUT;
    if (id != NV_RULES_NAT_GLOBAL) {
        t.nat = nat_find(e->engine, id);
        if (!t.nat)
            return NAT_DROP;
        t.out ^= (t.nat->config.flags & NV_NAT_REVERSE) != 0;
        nat_expire(t.nat, t.now, EXPIRE_PER_PACKET);
        enum nat_result result = translate(&t);
        if (result == NAT_UNKNOWN && !t.out && t.nat->config.flags & NV_NAT_DENY_IN)
            return NAT_DROP;
        return result;
    }
    t.make = t.alone = false;
    if (translate_global(e, &t))
        return NAT_DONE;
    t.alone = true;
    return e->view->seen & VIEW_FRAG && translate_global(e, &t) ? NAT_DONE : NAT_UNKNOWN;
}
