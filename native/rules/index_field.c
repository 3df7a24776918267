/* SPDX-License-Identifier: BSD-2-Clause */
/* index_field.c - one field of the index: its classes, and the vector of each. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/index_build.h"
#include "rules/index_lookup.h"

enum { SMALLEST_BUDGET = 8192 }; /* words of a field's vectors */

/* Does the rule have a bit whose word is asked about field f? */
static bool in_field(const struct making *m, uint32_t rule, unsigned f)
{
    uint32_t bit = m->bit_of[rule];
    return bit != IMAGE_NO_RULE && m->index->cares[bit / 64] >> f & 1;
}

static int by_value(const void *a, const void *b)
{
    const trie_key *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* Where classes begin: the lowest values of the classes after the first, rising. */
struct bounds {
    trie_key *list;
    uint32_t count;
};

static int collect_bounds(const struct making *m, unsigned f, struct bounds *out)
{
    size_t most = 0, count = 0, kept = 0;
    trie_key top = ranges_top((enum ranges_field)f);
    for (uint32_t rule = 0; rule < m->image->rule_count; rule++)
        most += in_field(m, rule, f) ? m->sets[rule][f].count : 0;
    trie_key *list = malloc((2 * most + 1) * sizeof(*list));
    if (!list)
        return -ENOMEM;
    for (uint32_t rule = 0; rule < m->image->rule_count; rule++) {
        for (uint32_t i = 0; in_field(m, rule, f) && i < m->sets[rule][f].count; i++) {
            const struct range *range = &m->sets[rule][f].list[i];
            if (range->low > 0)
                list[count++] = range->low;
            if (range->high < top)
                list[count++] = range->high + 1;
        }
    }
    if (count)
        qsort(list, count, sizeof(*list), by_value);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || list[i] != list[kept - 1])
            list[kept++] = list[i];
    }
    *out = (struct bounds){list, (uint32_t)kept};
    return 0;
}

/* The class of a value: how many bounds are at or below it. Without branches, which nobody could foretell. */
static uint32_t class_of(const struct bounds *bounds, trie_key value)
{
    const trie_key *base = bounds->list;
    uint32_t left = bounds->count;
    while (left > 1) {
        uint32_t half = left / 2;
        base += half & -(uint32_t)(base[half - 1] <= value);
        left -= half;
    }
    return (uint32_t)(base - bounds->list) + (left && *base <= value);
}

/* Rules enter and leave at classes: what changes from one class to the next. */
struct events {
    uint32_t *first; /* by class, one more than there are */
    uint32_t *bits;  /* bit of the rule that enters or leaves (each toggles) */
};

/* Call fn for each span of classes of a rule, joined where they meet. */
static void rule_spans(const struct making *m, const struct bounds *bounds, unsigned f, uint32_t rule,
                       void (*fn)(struct events *events, uint32_t class, uint32_t bit), struct events *events)
{
    const struct ranges *set = &m->sets[rule][f];
    for (uint32_t i = 0; i < set->count;) {
        uint32_t first = class_of(bounds, set->list[i].low), last = class_of(bounds, set->list[i].high);
        for (i++; i < set->count && class_of(bounds, set->list[i].low) <= last + 1; i++)
            last = class_of(bounds, set->list[i].high);
        fn(events, first, m->bit_of[rule]);
        if (last < bounds->count)
            fn(events, last + 1, m->bit_of[rule]);
    }
}

static void count_event(struct events *events, uint32_t class, uint32_t bit)
{
    (void)bit;
    events->first[class + 1]++;
}

static void put_event(struct events *events, uint32_t class, uint32_t bit)
{
    events->bits[events->first[class]++] = bit;
}

static int collect_events(const struct making *m, const struct bounds *bounds, unsigned f, struct events *out)
{
    size_t classes = (size_t)bounds->count + 1;
    struct events events = {calloc(classes + 2, sizeof(uint32_t)), NULL};
    if (!events.first)
        return -ENOMEM;
    for (uint32_t rule = 0; rule < m->image->rule_count; rule++) {
        if (in_field(m, rule, f))
            rule_spans(m, bounds, f, rule, count_event, &events);
    }
    for (size_t class = 1; class <= classes; class ++)
        events.first[class] += events.first[class - 1];
    events.bits = calloc((size_t)events.first[classes] + 1, sizeof(uint32_t));
    if (!events.bits) {
        free(events.first);
        return -ENOMEM;
    }
    for (uint32_t rule = 0; rule < m->image->rule_count; rule++) {
        if (in_field(m, rule, f))
            rule_spans(m, bounds, f, rule, put_event, &events);
    }
    /* put_event moved each start to the next one's */
    memmove(events.first + 1, events.first, classes * sizeof(uint32_t));
    events.first[0] = 0;
    *out = events;
    return 0;
}

static void free_events(struct events *events)
{
    free(events->first);
    free(events->bits);
}

/* How many words the vectors of all classes take together. */
static int count_words(const struct making *m, const struct bounds *bounds, const struct events *events, uint64_t *out)
{
    uint64_t *now = calloc(m->index->words, sizeof(uint64_t)), filled = 0, total = 0;
    if (!now)
        return -ENOMEM;
    for (uint32_t class = 0; class <= bounds->count; class ++) {
        for (uint32_t i = events->first[class]; i < events->first[class + 1]; i++) {
            uint64_t *word = &now[events->bits[i] / 64], before = *word;
            *word ^= UINT64_C(1) << events->bits[i] % 64;
            filled = filled + (*word != 0) - (before != 0);
        }
        total += filled;
    }
    free(now);
    *out = total;
    return 0;
}

/* The vectors while they are stored, class after class. */
struct packing {
    uint64_t *now;   /* the words of the class */
    uint64_t *level; /* its first level */
    uint64_t at;     /* words stored */
};

static void toggle(struct packing *p, uint32_t bit)
{
    uint32_t word = bit / 64;
    p->now[word] ^= UINT64_C(1) << bit % 64;
    p->level[word / 64] &= ~(UINT64_C(1) << word % 64);
    p->level[word / 64] |= (uint64_t)(p->now[word] != 0) << word % 64;
}

static void store_class(const struct rules_index *index, struct index_field *field, uint32_t class, struct packing *p)
{
    if (index->parts == 0) {
        memcpy(field->packed + (size_t) class * index->words, p->now, index->words * sizeof(uint64_t));
        return;
    }
    field->firsts[class] = (uint32_t)p->at;
    for (uint32_t part = 0; part < index->parts; part++) {
        field->level[(size_t) class * index->parts + part] = p->level[part];
        for (uint64_t left = p->level[part]; left; left &= left - 1)
            field->packed[p->at++] = p->now[part * 64 + (uint32_t)__builtin_ctzll(left)];
    }
}

/* Store the vectors of all classes, and behind them that of `other`. total: the words they take. */
static int pack(const struct making *m, const struct bounds *bounds, const struct events *events, uint64_t total,
                unsigned f)
{
    const struct rules_index *index = m->index;
    struct index_field *field = &m->index->fields[f];
    size_t parts = index->parts ? index->parts : 1;
    struct packing p = {calloc(parts * 64, sizeof(uint64_t)), calloc(parts, sizeof(uint64_t)), 0};
    int error = -ENOMEM;

    field->other = bounds->count + 1;
    field->classes = bounds->count + 2;
    total = (index->parts ? total : (uint64_t)(bounds->count + 1) * index->words) + index->words;
    field->level = malloc((size_t)field->classes * parts * sizeof(*field->level));
    field->firsts = malloc((size_t)field->classes * sizeof(*field->firsts));
    field->packed = calloc(total + 1, sizeof(uint64_t));
    field->elsewhere = calloc(parts, sizeof(uint64_t));
    if (p.now && p.level && field->level && field->firsts && field->packed && field->elsewhere) {
        for (uint32_t class = 0; class <= bounds->count; class ++) {
            for (uint32_t i = events->first[class]; i < events->first[class + 1]; i++)
                toggle(&p, events->bits[i]);
            store_class(index, field, class, &p);
        }
        for (uint32_t word = 0; word < index->words; word++) {
            bool cares = index->cares[word] >> f & 1;
            p.now[word] = cares ? index->full[word] : 0;
            p.level[word / 64] &= ~(UINT64_C(1) << word % 64);
            p.level[word / 64] |= (uint64_t)(p.now[word] != 0) << word % 64;
            field->elsewhere[word / 64] |= (uint64_t)!cares << word % 64;
        }
        store_class(index, field, field->other, &p);
        error = 0;
    }
    free(p.now);
    free(p.level);
    return error;
}

/* Keep every step-th bound. */
static void thin(struct bounds *bounds, uint64_t step)
{
    uint32_t kept = 0;
    for (uint64_t i = step / 2; i < bounds->count; i += step)
        bounds->list[kept++] = bounds->list[i];
    bounds->count = kept;
}

int index_make_field(struct making *m, unsigned f)
{
    struct index_field *field = &m->index->fields[f];
    uint64_t budget = (uint64_t)m->image->rule_count * 2, total = 0;
    struct bounds bounds = {0};
    struct events events = {0};
    int error = collect_bounds(m, f, &bounds);

    budget = budget > SMALLEST_BUDGET ? budget : SMALLEST_BUDGET;
    while (error == 0) {
        error = collect_events(m, &bounds, f, &events);
        if (error == 0)
            error = count_words(m, &bounds, &events, &total);
        if (error != 0 || m->index->parts == 0 || total <= budget || bounds.count < 16 ||
            ranges_top((enum ranges_field)f) < 1024)
            break;
        thin(&bounds, (total + budget - 1) / budget);
        field->thinned = true;
        free_events(&events);
        events = (struct events){0};
    }
    if (error == 0)
        error = pack(m, &bounds, &events, total, f);
    if (error == 0)
        error = index_make_lookup(field, f, bounds.list, bounds.count);
    free_events(&events);
    free(bounds.list);
    return error;
}
