/* SPDX-License-Identifier: BSD-2-Clause */
/* reass_pieces.c - the fragments of one datagram in the order of their offsets, until the last hole is filled. */
#include "rules/reass.h"

#include <stdlib.h>

static const uint8_t *payload(const struct fragment *f)
{
    return f->bytes + f->header;
}

static uint32_t end_of(const struct fragment *f)
{
    return f->offset + f->length;
}

/* How many bytes two fragments have in common; *agree says whether they are the same there. */
static uint32_t common(const struct fragment *a, const struct fragment *b, bool *agree)
{
    uint32_t from = a->offset > b->offset ? a->offset : b->offset;
    uint32_t to = end_of(a) < end_of(b) ? end_of(a) : end_of(b);

    *agree = true;
    if (from >= to)
        return 0;
    *agree = memcmp(payload(a) + (from - a->offset), payload(b) + (from - b->offset), to - from) == 0;
    return to - from;
}

/* Does the end of a fragment contradict what is known of the datagram's end? */
static bool lies(const struct pieces *p, const struct fragment *f, bool more)
{
    if (p->last_seen)
        return more ? end_of(f) >= p->total : end_of(f) != p->total;
    for (const struct fragment *other = p->first; !more && other; other = other->next)
        if (end_of(other) >= end_of(f))
            return true;
    return false;
}

/* Take out the fragments that f covers, and shorten f where others have its ends already. */
static void make_room(struct pieces *p, struct fragment *f)
{
    for (struct fragment **at = &p->first, *other; (other = *at);) {
        if (other->offset >= f->offset && end_of(other) <= end_of(f)) {
            *at = other->next;
            p->count--;
            p->got -= other->length;
            free(other);
            continue;
        }
        if (other->offset < f->offset && end_of(other) > f->offset) {
            uint32_t cut = end_of(other) - f->offset;
            memmove(f->bytes + f->header, f->bytes + f->header + cut, f->length - cut);
            f->offset += cut;
            f->length -= cut;
        } else if (other->offset > f->offset && other->offset < end_of(f)) {
            f->length = other->offset - f->offset;
        }
        at = &other->next;
    }
}

enum pieces_result pieces_keep(struct pieces *p, struct fragment *f, bool more, bool trim)
{
    uint32_t there = 0;
    bool agree, same = false;

    for (const struct fragment *other = p->first; other; other = other->next) {
        there += common(f, other, &agree);
        same |= other->offset == f->offset && other->length == f->length;
        if (!agree)
            return PIECES_CONTRADICT;
    }
    bool consistent = p->last_seen ? more == (end_of(f) != p->total) : more;
    if (there == f->length && (trim || same) && consistent)
        return PIECES_COPY;
    if ((there && !trim) || lies(p, f, more))
        return PIECES_CONTRADICT;
    if (!more) {
        p->last_seen = true;
        p->total = end_of(f);
    }
    make_room(p, f);
    struct fragment **at = &p->first;
    while (*at && (*at)->offset < f->offset)
        at = &(*at)->next;
    f->next = *at;
    *at = f;
    p->count++;
    p->got += f->length;
    return PIECES_KEPT;
}

void pieces_free(struct pieces *p)
{
    for (struct fragment *f = p->first, *next; f; f = next) {
        next = f->next;
        free(f);
    }
    *p = (struct pieces){0};
}
