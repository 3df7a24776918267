/* SPDX-License-Identifier: BSD-2-Clause */
/* reass.c - which datagram a fragment belongs to, and the datagram when it is complete. */
#include "rules/reass.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "rules/rewrite.h"

enum { IP6_BYTES = 40, FRAGMENT_BYTES = 8, LONGEST = 65535 };

#define LIFETIME_NS (REASS_SECONDS * UINT64_C(1000000000))

/* What tells the fragments of one datagram from others: RFC 791 3.2, RFC 8200 4.5. */
struct owner {
    uint8_t src[16], dst[16];
    uint32_t id;
    uint8_t family;
    uint8_t proto; /* IPv4 */
};

struct datagram {
    struct datagram *next, *newer, *older; /* in its bucket; by time of the first fragment */
    uint64_t since;
    struct owner owner;
    struct pieces pieces;
};

struct rules_reass {
    struct datagram *buckets[REASS_DATAGRAMS];
    struct datagram *oldest, *newest;
    uint32_t count;
};

struct reass_whole {
    struct reass_whole *next;
    uint8_t bytes[];
};

/* Where the parts of a fragment lie in its frame. */
struct parts {
    uint32_t mac, header; /* bytes of the MAC header; from there to the payload or the Fragment header */
    uint32_t skip;        /* of the Fragment header */
    uint32_t offset, length;
    uint32_t next_at; /* IPv6: where the number of the Fragment header stands, from the IP header on */
    bool more;
};

struct rules_reass *rules_reass_new(void)
{
    return calloc(1, sizeof(struct rules_reass));
}

static struct datagram **bucket(struct rules_reass *reass, const struct sip_key *secret, const struct owner *owner)
{
    uint64_t words[5] = {0, 0, 0, 0, (uint64_t)owner->id << 16 | (uint64_t)owner->family << 8 | owner->proto};
    memcpy(words, owner->src, 16);
    memcpy(words + 2, owner->dst, 16);
    return &reass->buckets[sip_hash(secret, words, 5) % REASS_DATAGRAMS];
}

static bool same_owner(const struct owner *a, const struct owner *b)
{
    return a->id == b->id && a->family == b->family && a->proto == b->proto && memcmp(a->src, b->src, 16) == 0 &&
           memcmp(a->dst, b->dst, 16) == 0;
}

static void give_up(struct rules_reass *reass, const struct sip_key *secret, struct datagram *d)
{
    struct datagram **at = bucket(reass, secret, &d->owner);
    while (*at != d)
        at = &(*at)->next;
    *at = d->next;
    *(d->older ? &d->older->newer : &reass->oldest) = d->newer;
    *(d->newer ? &d->newer->older : &reass->newest) = d->older;
    pieces_free(&d->pieces);
    free(d);
    reass->count--;
}

void rules_reass_free(struct rules_reass *reass)
{
    for (struct datagram *d = reass ? reass->oldest : NULL, *newer; d; d = newer) {
        newer = d->newer;
        pieces_free(&d->pieces);
        free(d);
    }
    free(reass);
}

void rules_reass_release(struct nv_rules_worker *worker)
{
    for (struct reass_whole *whole = worker->wholes, *next; whole; whole = next) {
        next = whole->next;
        free(whole);
    }
    worker->wholes = NULL;
}

/* The datagram of an owner; made if there is none. NULL: no memory. */
static struct datagram *find(struct rules_reass *reass, const struct sip_key *secret, const struct owner *owner,
                             uint64_t now)
{
    struct datagram **head = bucket(reass, secret, owner);
    for (struct datagram *d = *head; d; d = d->next) {
        if (same_owner(&d->owner, owner))
            return d;
    }
    if (reass->count >= REASS_DATAGRAMS && reass->oldest)
        give_up(reass, secret, reass->oldest);
    struct datagram *d = calloc(1, sizeof(*d));
    if (!d)
        return NULL;
    *d = (struct datagram){.next = *head, .older = reass->newest, .since = now, .owner = *owner};
    *head = d;
    *(reass->newest ? &reass->newest->newer : &reass->oldest) = d;
    reass->newest = d;
    reass->count++;
    return d;
}

/* The Fragment header of an IPv6 packet that was parsed, from the IP header on; *next_at: where its number stands. */
static uint32_t fragment_header(const struct rules_view *v, uint32_t *next_at)
{
    uint32_t at = IP6_BYTES;
    *next_at = 6;
    while (v->l3[*next_at] != IPPROTO_FRAGMENT) {
        bool ah = v->l3[*next_at] == IPPROTO_AH;
        *next_at = at;
        at += ah ? ((uint32_t)v->l3[at + 1] + 2) * 4 : ((uint32_t)v->l3[at + 1] + 1) * 8;
    }
    return at;
}

/* Take a fragment's headers apart. False: it has no payload, ends in the middle of eight bytes, or reaches too far. */
static bool take_apart(const struct rules_view *v, struct parts *parts, struct owner *owner)
{
    uint32_t end = v->ip_length;

    *parts = (struct parts){.mac = (uint32_t)(v->l3 - v->frame), .more = v->seen & VIEW_MF};
    *owner = (struct owner){.family = v->family};
    if (v->family == 4) {
        parts->header = v->l4;
        parts->offset = (view_u16(v->l3 + 6) & 0x1fffu) * 8;
        memcpy(owner->src, v->l3 + 12, 4);
        memcpy(owner->dst, v->l3 + 16, 4);
        owner->id = view_u16(v->l3 + 4);
        owner->proto = v->proto;
    } else {
        parts->header = fragment_header(v, &parts->next_at);
        parts->skip = FRAGMENT_BYTES;
        parts->more = v->l3[parts->header + 3] & 1;
        parts->offset = view_u16(v->l3 + parts->header + 2) & 0xfff8u;
        memcpy(owner->src, view_src6(v), 16);
        memcpy(owner->dst, view_dst6(v), 16);
        owner->id = view_u32(v->l3 + parts->header + 4);
    }
    if (end > v->l3_length || end <= parts->header + parts->skip)
        return false;
    parts->length = end - parts->header - parts->skip;
    uint32_t base = v->family == 4 ? 0 : IP6_BYTES; /* IPv6 does not count its first header */
    return (!parts->more || parts->length % 8 == 0) && parts->header - base + parts->offset + parts->length <= LONGEST;
}

/* A fragment to keep: its headers, without Fragment's, and its payload. NULL: no memory. */
static struct fragment *copy(const struct rules_view *v, const struct parts *parts)
{
    uint32_t header = parts->mac + parts->header;
    struct fragment *f = malloc(sizeof(*f) + header + parts->length);
    if (!f)
        return NULL;
    *f = (struct fragment){NULL, parts->offset, parts->length, parts->mac, header};
    memcpy(f->bytes, v->frame, header);
    memcpy(f->bytes + header, v->frame + header + parts->skip, parts->length);
    if (parts->skip)
        f->bytes[parts->mac + parts->next_at] = v->l3[parts->header];
    return f;
}

/* Put the fragments of a complete datagram behind the first one's headers. */
static bool join(struct rules_eval *e, const struct datagram *d)
{
    const struct fragment *first = d->pieces.first;
    uint32_t length = first->header + d->pieces.total;
    struct reass_whole *whole = malloc(sizeof(*whole) + length);
    if (!whole)
        return false;
    memcpy(whole->bytes, first->bytes, first->header);
    for (const struct fragment *f = first; f; f = f->next)
        memcpy(whole->bytes + first->header + f->offset, f->bytes + f->header, f->length);
    uint8_t *ip = whole->bytes + first->mac;
    if (d->owner.family == 4) {
        rewrite_u16(ip + 2, (uint16_t)(length - first->mac), ip + 10);
        rewrite_u16(ip + 6, 0, ip + 10);
    } else {
        uint32_t payload = length - first->mac - IP6_BYTES;
        ip[4] = (uint8_t)(payload >> 8);
        ip[5] = (uint8_t)payload;
    }
    whole->next = e->worker->wholes;
    e->worker->wholes = whole;
    e->packet->data = whole->bytes;
    e->packet->length = length;
    e->packet->missing = 0;
    e->view->frame = whole->bytes;
    e->view->l3 = ip;
    e->view->bytes = length - first->mac;
    return true;
}

enum reass_result rules_reass(struct rules_eval *e)
{
    struct rules_reass *reass = e->engine->reass;
    const struct sip_key *secret = &e->engine->secret;
    const struct rules_view *v = e->view;
    uint64_t now = e->packet->time_ns;
    struct parts parts;
    struct owner owner;

    for (struct datagram *d = reass->oldest, *newer; d && d->since + LIFETIME_NS <= now; d = newer) {
        newer = d->newer;
        give_up(reass, secret, d);
    }
    if (v->family == 0 || !(v->seen & (VIEW_MF | VIEW_FRAG)))
        return REASS_NONE;
    if (v->missing && v->ip_length > v->l3_length) { /* not all of it was captured: it goes on as it is */
        e->flags |= NV_RULES_LACKING;
        return REASS_NONE;
    }
    e->reason = NV_RULES_WHY_FRAGMENTS;
    if (!take_apart(v, &parts, &owner))
        return REASS_DROP;
    struct datagram *d = find(reass, secret, &owner, now);
    struct fragment *f = d ? copy(v, &parts) : NULL;
    if (!f) {
        e->reason = NV_RULES_WHY_NO_MEMORY;
        return REASS_DROP;
    }
    enum pieces_result kept = pieces_keep(&d->pieces, f, parts.more, v->family == 4);
    if (kept != PIECES_KEPT)
        free(f);
    if (kept == PIECES_COPY) {
        e->reason = NV_RULES_WHY_COPY;
        return REASS_DROP;
    }
    if (kept == PIECES_CONTRADICT || d->pieces.count > REASS_FRAGMENTS) {
        give_up(reass, secret, d);
        return REASS_DROP;
    }
    e->reason = NV_RULES_WHY_BY_RULE;
    if (!pieces_complete(&d->pieces))
        return REASS_HELD;
    bool joined = join(e, d);
    give_up(reass, secret, d);
    if (joined)
        return REASS_WHOLE;
    e->reason = NV_RULES_WHY_NO_MEMORY;
    return REASS_DROP;
}
