/* SPDX-License-Identifier: BSD-2-Clause */
/* reass.c - keep fragments in order of their offsets until the last hole is filled. */
#include "rules/reass.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "rules/rewrite.h"

struct fragment {
    struct fragment *next;
    uint32_t offset, length; /* of the payload, in bytes */
    uint32_t header;         /* bytes in front of it: MAC and IP header */
    uint8_t bytes[];
};

struct datagram {
    struct datagram *next, *newer, *older; /* in its bucket; by time of the first fragment */
    uint64_t since;
    uint32_t src, dst;
    uint16_t id;
    uint8_t proto;
    bool last_seen;
    uint32_t total; /* length of the payload, when the last fragment was seen */
    uint32_t got;   /* bytes of it */
    uint32_t count;
    struct fragment *fragments;
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

struct rules_reass *rules_reass_new(void)
{
    return calloc(1, sizeof(struct rules_reass));
}

static struct datagram **bucket(struct rules_reass *reass, const struct sip_key *secret, uint32_t src, uint32_t dst,
                                uint16_t id, uint8_t proto)
{
    uint64_t words[2] = {(uint64_t)src << 32 | dst, (uint64_t)id << 8 | proto};
    return &reass->buckets[sip_hash(secret, words, 2) % REASS_DATAGRAMS];
}

static void give_up(struct rules_reass *reass, const struct sip_key *secret, struct datagram *d)
{
    struct datagram **at = bucket(reass, secret, d->src, d->dst, d->id, d->proto);
    while (*at != d)
        at = &(*at)->next;
    *at = d->next;
    *(d->older ? &d->older->newer : &reass->oldest) = d->newer;
    *(d->newer ? &d->newer->older : &reass->newest) = d->older;
    for (struct fragment *f = d->fragments, *next; f; f = next) {
        next = f->next;
        free(f);
    }
    free(d);
    reass->count--;
}

void rules_reass_free(struct rules_reass *reass)
{
    for (struct datagram *d = reass ? reass->oldest : NULL, *newer; d; d = newer) {
        newer = d->newer;
        for (struct fragment *f = d->fragments, *next; f; f = next) {
            next = f->next;
            free(f);
        }
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

/* The datagram a fragment belongs to; made if it is the first. NULL: no memory. */
static struct datagram *find(struct rules_reass *reass, const struct sip_key *secret, const struct rules_view *v,
                             uint64_t now)
{
    uint16_t id = view_u16(v->l3 + 4);
    struct datagram **head = bucket(reass, secret, v->src, v->dst, id, v->proto);
    for (struct datagram *d = *head; d; d = d->next) {
        if (d->src == v->src && d->dst == v->dst && d->id == id && d->proto == v->proto)
            return d;
    }
    if (reass->count >= REASS_DATAGRAMS)
        give_up(reass, secret, reass->oldest);
    struct datagram *d = calloc(1, sizeof(*d));
    if (!d)
        return NULL;
    *d = (struct datagram){
        .next = *head, .older = reass->newest, .since = now, .src = v->src, .dst = v->dst, .id = id, .proto = v->proto};
    *head = d;
    *(reass->newest ? &reass->newest->newer : &reass->oldest) = d;
    reass->newest = d;
    reass->count++;
    return d;
}

/* Keep a fragment in its place. False: it overlaps another one or contradicts what is known. */
static bool keep(struct datagram *d, struct fragment *f, bool more)
{
    struct fragment **at = &d->fragments, *before = NULL;
    uint32_t end = f->offset + f->length;
    while (*at && (*at)->offset < f->offset) {
        before = *at;
        at = &(*at)->next;
    }
    if ((before && before->offset + before->length > f->offset) || (*at && (*at)->offset < end))
        return false;
    if (d->last_seen ? end > d->total || !more : !more && *at)
        return false;
    if (!more) {
        d->last_seen = true;
        d->total = end;
    }
    f->next = *at;
    *at = f;
    d->count++;
    d->got += f->length;
    return true;
}

/* Put the fragments of a complete datagram behind the first one's headers. */
static bool join(struct rules_eval *e, const struct datagram *d)
{
    const struct fragment *first = d->fragments;
    uint32_t length = first->header + d->total, mac = (uint32_t)(e->view->l3 - e->view->frame);
    struct reass_whole *whole = malloc(sizeof(*whole) + length);
    if (!whole)
        return false;
    memcpy(whole->bytes, first->bytes, first->header);
    for (const struct fragment *f = first; f; f = f->next)
        memcpy(whole->bytes + first->header + f->offset, f->bytes + f->header, f->length);
    uint8_t *ip = whole->bytes + mac;
    rewrite_u16(ip + 2, (uint16_t)(length - mac), ip + 10);
    rewrite_u16(ip + 6, 0, ip + 10);
    whole->next = e->worker->wholes;
    e->worker->wholes = whole;
    e->packet->data = whole->bytes;
    e->packet->length = length;
    e->packet->missing = 0;
    e->view->frame = whole->bytes;
    e->view->l3 = ip;
    e->view->bytes = length - mac;
    return true;
}

enum reass_result rules_reass(struct rules_eval *e)
{
    struct rules_reass *reass = e->engine->reass;
    const struct sip_key *secret = &e->engine->secret;
    const struct rules_view *v = e->view;
    uint64_t now = e->packet->time_ns;
    bool more = v->seen & VIEW_MF;

    while (reass->oldest && reass->oldest->since + REASS_SECONDS * UINT64_C(1000000000) <= now)
        give_up(reass, secret, reass->oldest);
    if (v->family != 4 || !(v->seen & (VIEW_MF | VIEW_FRAG)))
        return REASS_NONE;
    uint32_t mac = (uint32_t)(v->l3 - v->frame), offset = (view_u16(v->l3 + 6) & 0x1fffu) * 8;
    if (v->missing && v->bytes > v->l3_length) { /* not all of it was captured: it goes on as it is */
        e->flags |= NV_RULES_LACKING;
        return REASS_NONE;
    }
    e->reason = NV_RULES_WHY_FRAGMENTS;
    if (v->bytes <= v->l4 || v->ip_length > v->l3_length)
        return REASS_DROP;
    uint32_t length = v->bytes - v->l4;
    if ((more && length % 8 != 0) || v->l4 + offset + length > 65535)
        return REASS_DROP;
    struct datagram *d = find(reass, secret, v, now);
    struct fragment *f = malloc(sizeof(*f) + mac + v->l4 + length);
    if (!d || !f) {
        free(f);
        e->reason = NV_RULES_WHY_NO_MEMORY;
        return REASS_DROP;
    }
    *f = (struct fragment){NULL, offset, length, mac + v->l4};
    memcpy(f->bytes, v->frame, mac + v->l4 + length);
    if (d->count >= REASS_FRAGMENTS || !keep(d, f, more)) {
        free(f);
        give_up(reass, secret, d);
        return REASS_DROP;
    }
    e->reason = NV_RULES_WHY_BY_RULE;
    if (!d->last_seen || d->got != d->total)
        return REASS_HELD;
    bool joined = join(e, d);
    give_up(reass, secret, d);
    if (joined)
        return REASS_WHOLE;
    e->reason = NV_RULES_WHY_NO_MEMORY;
    return REASS_DROP;
}
