/* SPDX-License-Identifier: BSD-2-Clause */
/* index_build.c - from the rules' ranges to classes and their vectors, field by field. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/index.h"
#include "rules/index_lookup.h"

enum {
    OWN_WORDS_FROM = 32,    /* rules alike that get words of their own */
    SMALLEST_BUDGET = 32768 /* words of a field's vectors */
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
    free(field->bounds);
    free(field->bounds6);
    free(field->direct);
    free(field->parts);
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

/*
 * Give each enabled rule a bit: rules that care about the same fields together, if there are enough of them to
 * fill a word; the others share words that are asked about every field in use.
 */
static int place_rules(struct making *m)
{
    enum { KINDS = 1 << FIELDS };
    const struct rules_image *image = m->image;
    uint32_t *sizes = calloc(KINDS, sizeof(*sizes)), words = 0, shared = 0;
    uint16_t used = 0;

    if (!sizes)
        return -ENOMEM;
    for (uint32_t rule = 0; rule + 1 < image->rule_count; rule++) {
        if (rule_enabled(image, rule)) {
            sizes[m->cares[rule]]++;
            used |= m->cares[rule];
        }
    }
    for (unsigned kind = 0; kind < KINDS; kind++) {
        if (sizes[kind] >= OWN_WORDS_FROM)
            words += (sizes[kind] + 63) / 64;
        else
            shared += sizes[kind];
    }
    struct rules_index *index = m->index;
    index->last = image->rule_count - 1;
    index->words = words + (shared + 63) / 64;
    index->parts = (index->words + 63) / 64;
    index->rule_of = malloc((size_t)index->words * 64 * sizeof(uint32_t));
    index->some = calloc(index->parts, sizeof(uint64_t));
    index->full = calloc(index->words, sizeof(uint64_t));
    index->cares = calloc(index->words, sizeof(uint16_t));
    if (!index->rule_of || !index->some || !index->full || !index->cares) {
        free(sizes);
        return -ENOMEM;
    }
    /* sizes becomes the next bit of each kind */
    uint32_t next = 0, next_shared = words * 64;
    for (unsigned kind = 0; kind < KINDS; kind++) {
        uint32_t size = sizes[kind];
        sizes[kind] = size >= OWN_WORDS_FROM ? next : IMAGE_NO_RULE;
        for (uint32_t word = 0; size >= OWN_WORDS_FROM && word < (size + 63) / 64; word++, next += 64)
            index->cares[next / 64] = (uint16_t)kind;
    }
    for (uint32_t word = words; word < index->words; word++)
        index->cares[word] = used;
    for (uint32_t rule = 0; rule < image->rule_count; rule++) {
        m->bit_of[rule] = IMAGE_NO_RULE;
        if (!rule_enabled(image, rule) || rule == index->last)
            continue;
        uint32_t *at = sizes[m->cares[rule]] == IMAGE_NO_RULE ? &next_shared : &sizes[m->cares[rule]];
        m->bit_of[rule] = (*at)++;
        index->rule_of[m->bit_of[rule]] = rule;
        index->full[m->bit_of[rule] / 64] |= UINT64_C(1) << m->bit_of[rule] % 64;
    }
    free(sizes);
    for (uint32_t word = 0; word < index->words; word++)
        index->some[word / 64] |= UINT64_C(1) << word % 64;
    for (unsigned f = 0; f < FIELDS; f++)
        index->fields[f].used = used >> f & 1;
    return 0;
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

/* The class of a value: how many bounds are at or below it. */
static uint32_t class_of(const struct bounds *bounds, trie_key value)
{
    uint32_t low = 0, high = bounds->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (bounds->list[middle] <= value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
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

/* Store the vectors. */
static int pack(const struct making *m, const struct bounds *bounds, const struct events *events, uint64_t total,
                struct index_field *field)
{
    uint32_t parts = m->index->parts, words = m->index->words;
    uint64_t *now = calloc((size_t)parts * 64, sizeof(uint64_t)), *level = calloc(parts, sizeof(uint64_t));
    uint64_t at = 0;

    field->classes = bounds->count + 1;
    field->parts = malloc((size_t)field->classes * parts * sizeof(*field->parts));
    field->packed = calloc(total + 1, sizeof(uint64_t));
    field->elsewhere = calloc(parts, sizeof(uint64_t));
    bool failed = !now || !level || !field->parts || !field->packed || !field->elsewhere;
    for (uint32_t class = 0; !failed && class < field->classes; class ++) {
        for (uint32_t i = events->first[class]; i < events->first[class + 1]; i++) {
            uint32_t word = events->bits[i] / 64;
            now[word] ^= UINT64_C(1) << events->bits[i] % 64;
            level[word / 64] &= ~(UINT64_C(1) << word % 64);
            level[word / 64] |= (uint64_t)(now[word] != 0) << word % 64;
        }
        for (uint32_t part = 0; part < parts; part++) {
            field->parts[(size_t) class * parts + part] = (struct index_part){level[part], at};
            for (uint64_t left = level[part]; left; left &= left - 1)
                field->packed[at++] = now[part * 64 + (uint32_t)__builtin_ctzll(left)];
        }
    }
    unsigned f = (unsigned)(field - m->index->fields);
    for (uint32_t word = 0; !failed && word < words; word++)
        field->elsewhere[word / 64] |= (uint64_t)(~m->index->cares[word] >> f & 1) << word % 64;
    free(now);
    free(level);
    return failed ? -ENOMEM : 0;
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
    uint64_t budget = (uint64_t)m->image->rule_count * 16, total = 0;
    struct bounds bounds = {0};
    struct events events = {0};
    int error = collect_bounds(m, f, &bounds);

    budget = budget > SMALLEST_BUDGET ? budget : SMALLEST_BUDGET;
    while (error == 0) {
        error = collect_events(m, &bounds, f, &events);
        if (error == 0)
            error = count_words(m, &bounds, &events, &total);
        if (error != 0 || total <= budget || bounds.count < 16 || ranges_top((enum ranges_field)f) < 1024)
            break;
        thin(&bounds, (total + budget - 1) / budget);
        field->thinned = true;
        free_events(&events);
        events = (struct events){0};
    }
    if (error == 0)
        error = pack(m, &bounds, &events, total, field);
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
    for (unsigned f = 0; error == 0 && f < FIELDS; f++) {
        if (m.index->fields[f].used)
            error = make_field(&m, f);
    }
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
