/* SPDX-License-Identifier: BSD-2-Clause */
/* index_build.c - from the rules' ranges to classes and their vectors, field by field. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/index.h"
#include "rules/index_lookup.h"

enum {
    OWN_WORDS_FROM = 32,   /* rules alike that get words of their own */
    SMALLEST_BUDGET = 8192 /* words of a field's vectors */
};

/* Everything that is known while the index is being made. */
struct making {
    const struct rules_image *image;
    struct rules_index *index;
    struct ranges (*sets)[FIELDS]; /* by rule */
    uint16_t *cares;               /* by rule */
    uint32_t *bit_of;              /* by rule; IMAGE_NO_RULE: not in the index */
};

static void free_field(struct index_field *field)
{
    free(field->top);
    free(field->nodes);
    free(field->ends);
    free(field->bounds6);
    free(field->direct);
    free(field->level);
    free(field->firsts);
    free(field->packed);
    free(field->elsewhere);
}

void index_free(struct rules_index *index)
{
    if (!index)
        return;
    for (unsigned f = 0; f < FIELDS; f++)
        free_field(&index->fields[f]);
    free(index->rule_of);
    free(index->some);
    free(index->full);
    free(index->cares);
    free(index);
}

/* Must the rule be looked at whatever the packet? It looks for a state, but not as its first test. */
static bool always(const struct rules_image *image, uint32_t rule)
{
    const struct nv_rules_insn *insn = rule_tests(image, rule), *end = rule_actions(image, rule);
    for (const struct nv_rules_insn *i = insn; i != end; i = insn_next(i)) {
        if (i->opcode == NV_OP_PROBE_STATE && i != insn)
            return true;
    }
    return false;
}

static int collect_sets(struct making *m)
{
    const struct rules_image *image = m->image;
    for (uint32_t rule = 0; rule + 1 < image->rule_count; rule++) {
        bool all[FIELDS];
        if (!rule_enabled(image, rule))
            continue;
        if (ranges_of_rule(image, rule, always(image, rule), m->sets[rule], all) != 0)
            return -ENOMEM;
        for (unsigned f = 0; f < FIELDS; f++)
            m->cares[rule] |= (uint16_t)(!all[f] << f);
    }
    return 0;
}

/* Memory for the words, when their number is known. */
static int make_words(struct rules_index *index)
{
    index->rule_of = malloc(((size_t)index->words + 1) * 64 * sizeof(uint32_t));
    index->some = calloc(index->parts + 1, sizeof(uint64_t));
    index->full = calloc(index->words + INDEX_DENSE, sizeof(uint64_t));
    index->cares = calloc(index->words + 1, sizeof(uint32_t));
    if (!index->rule_of || !index->some || !index->full || !index->cares)
        return -ENOMEM;
    for (uint32_t word = 0; word < index->words && index->parts; word++)
        index->some[word / 64] |= UINT64_C(1) << word % 64;
    return 0;
}

static void place_rule(struct making *m, uint32_t rule, uint32_t bit)
{
    m->bit_of[rule] = bit;
    m->index->rule_of[bit] = rule;
    m->index->full[bit / 64] |= UINT64_C(1) << bit % 64;
}

/* Few rules: each has the bit of its own index, and all words are asked about every field in use. */
static int place_dense(struct making *m, uint16_t used)
{
    struct rules_index *index = m->index;
    index->words = (index->last + 63) / 64;
    if (index->words > 2)
        index->words = INDEX_DENSE; /* 1, 2 or this many */
    if (make_words(index) != 0)
        return -ENOMEM;
    for (uint32_t rule = 0; rule < index->last; rule++) {
        if (rule_enabled(m->image, rule))
            place_rule(m, rule, rule);
    }
    for (uint32_t word = 0; word < index->words; word++)
        index->cares[word] = used;
    return 0;
}

/*
 * Many rules: those that care about the same fields together, if there are enough of them to fill a word; the
 * others share words that are asked about every field in use. sizes: how many rules care about each set of fields.
 */
static int place_grouped(struct making *m, uint16_t used, uint32_t sizes[1 << FIELDS])
{
    struct rules_index *index = m->index;
    uint32_t own = 0, shared = 0, next = 0;
    for (unsigned kind = 0; kind < 1 << FIELDS; kind++) {
        own += sizes[kind] >= OWN_WORDS_FROM ? (sizes[kind] + 63) / 64 : 0;
        shared += sizes[kind] >= OWN_WORDS_FROM ? 0 : sizes[kind];
    }
    index->words = own + (shared + 63) / 64;
    index->parts = (index->words + 63) / 64;
    if (make_words(index) != 0)
        return -ENOMEM;
    /* sizes becomes the next bit of each kind */
    for (unsigned kind = 0; kind < 1 << FIELDS; kind++) {
        uint32_t words = sizes[kind] >= OWN_WORDS_FROM ? (sizes[kind] + 63) / 64 : 0;
        sizes[kind] = words ? next * 64 : IMAGE_NO_RULE;
        for (; words > 0; words--)
            index->cares[next++] = kind;
    }
    for (; next < index->words; next++)
        index->cares[next] = used;
    uint32_t next_shared = own * 64;
    for (uint32_t rule = 0; rule < index->last; rule++) {
        uint32_t *at = sizes[m->cares[rule]] == IMAGE_NO_RULE ? &next_shared : &sizes[m->cares[rule]];
        if (rule_enabled(m->image, rule))
            place_rule(m, rule, (*at)++);
    }
    return 0;
}

static int place_rules(struct making *m)
{
    const struct rules_image *image = m->image;
    struct rules_index *index = m->index;
    uint32_t *sizes = calloc(1 << FIELDS, sizeof(*sizes));
    uint16_t used = 0;

    if (!sizes)
        return -ENOMEM;
    index->last = image->rule_count - 1;
    for (uint32_t rule = 0; rule < image->rule_count; rule++)
        m->bit_of[rule] = IMAGE_NO_RULE;
    for (uint32_t rule = 0; rule < index->last; rule++) {
        if (rule_enabled(image, rule)) {
            sizes[m->cares[rule]]++;
            used |= m->cares[rule];
        }
    }
    for (unsigned f = 0; f < FIELDS; f++) {
        if (used >> f & 1)
            index->used[index->used_count++] = (uint8_t)f;
    }
    int error = index->last <= INDEX_DENSE * 64 ? place_dense(m, used) : place_grouped(m, used, sizes);
    free(sizes);
    return error;
}

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
    events.bits = malloc((events.first[classes] + 1) * sizeof(uint32_t));
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

static int make_field(struct making *m, unsigned f)
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

uint32_t index_tests_left(const struct rules_image *image, uint32_t rule, uint32_t *out)
{
    const struct nv_rules_insn *insn = rule_tests(image, rule), *end = rule_actions(image, rule), *next;
    bool keep_all = always(image, rule);
    uint32_t words = 0, thinned = 0;

    for (unsigned f = 0; f < FIELDS; f++)
        thinned |= (uint32_t)image->index->fields[f].thinned << f;
    for (; insn != end; insn = next) {
        uint32_t fields = ranges_exact(image, insn, &next);
        if (fields && !(fields & thinned) && !keep_all)
            continue;
        uint32_t length = (uint32_t)((const uint32_t *)(const void *)next - (const uint32_t *)(const void *)insn);
        if (out)
            memcpy(out + words, insn, length * sizeof(uint32_t));
        words += length;
    }
    return words;
}

int index_make(const struct rules_image *image, struct rules_index **out)
{
    uint32_t rules = image->rule_count;
    struct making m = {image, calloc(1, sizeof(*m.index)), calloc(rules, sizeof(*m.sets)),
                       calloc(rules, sizeof(*m.cares)), calloc(rules, sizeof(*m.bit_of))};
    int error = -ENOMEM;

    if (m.index && m.sets && m.cares && m.bit_of)
        error = collect_sets(&m);
    if (error == 0)
        error = place_rules(&m);
    for (unsigned u = 0; error == 0 && u < m.index->used_count; u++)
        error = make_field(&m, m.index->used[u]);
    for (uint32_t rule = 0; m.sets && rule < rules; rule++)
        ranges_free(m.sets[rule]);
    free(m.sets);
    free(m.cares);
    free(m.bit_of);
    if (error != 0) {
        index_free(m.index);
        return error;
    }
    *out = m.index;
    return 0;
}
