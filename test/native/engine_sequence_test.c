/* SPDX-License-Identifier: BSD-2-Clause */
/* engine_sequence_test.c - lost, late and duplicated numbers against a model that remembers everything. */
#include "check.h"

#include "engine/sequence.h"
#include "packet/random.h"

static struct nv_random rng;

static uint32_t below(uint32_t span)
{
    return nv_random_scale((uint32_t)nv_random_next(&rng), span);
}

/* The model: one byte for each number. Exact as long as nothing moves further than the window. */
enum { NUMBERS = 600000 };

struct model {
    uint8_t seen[NUMBERS];
    uint64_t least, greatest, unique, late, duplicated;
};

static void model_see(struct model *m, uint64_t number)
{
    if (m->unique == 0)
        m->least = m->greatest = number;
    else if (m->seen[number])
        m->duplicated++;
    else if (number < m->greatest)
        m->late++;
    if (!m->seen[number])
        m->unique++;
    m->seen[number] = 1;
    if (number < m->least)
        m->least = number;
    if (number > m->greatest)
        m->greatest = number;
}

static void check_totals(const struct nv_sequences *s, const struct model *m, unsigned models)
{
    uint64_t lost = 0, unique = 0, late = 0, duplicated = 0;
    for (unsigned i = 0; i < models; i++) {
        lost += m[i].unique ? m[i].greatest - m[i].least + 1 - m[i].unique : 0;
        unique += m[i].unique;
        late += m[i].late;
        duplicated += m[i].duplicated;
    }
    CHECK(s->totals.span - s->totals.unique == lost, "lost %lu, not %lu", s->totals.span - s->totals.unique, lost);
    CHECK(s->totals.unique == unique && s->totals.late == late && s->totals.duplicated == duplicated,
          "unique %lu %lu, late %lu %lu, duplicated %lu %lu", s->totals.unique, unique, s->totals.late, late,
          s->totals.duplicated, duplicated);
    CHECK(s->totals.too_late == 0);
}

/* A network that loses, duplicates, delays by up to `reach`, and sometimes drops a long run. */
static void against_the_model(void)
{
    static const uint32_t reaches[] = {1, 2, 63, 64, 65, 1000, 65536, NV_SEQUENCE_WINDOW - 1};
    static uint64_t wire[2 * NUMBERS];
    static struct model m[2];
    for (size_t r = 0; r < sizeof(reaches) / sizeof(reaches[0]); r++) {
        struct nv_sequences *s = nv_sequences_new();
        uint64_t base = r & 1 ? 0 : (UINT64_C(1) << 32) - 100000; /* across 32 bits, too */
        memset(m, 0, sizeof(m));
        for (unsigned stream = 0; stream < 2; stream++) {
            uint32_t n = 0, number = below(200), gap;
            while (number < NUMBERS - 100 && n < 2 * NUMBERS - 2) {
                wire[n++] = number;
                if (below(100) == 0)
                    wire[n++] = number - below(number < 60000 ? number + 1 : 60000);
                gap = below(20) ? 0 : below(300) ? 1 : below(50000);
                number += 1 + gap;
            }
            /* Delay: swap with something ahead, so that nothing moves by more than `reach` numbers. */
            for (uint32_t i = 0; i < n; i++) {
                uint32_t ahead = i + below(10);
                if (below(20) == 0 && ahead < n && reaches[r] > 1)
                    ahead = i + below(reaches[r] / 8 + 1);
                if (ahead < n && below(4) == 0) {
                    uint64_t hold = wire[i];
                    wire[i] = wire[ahead];
                    wire[ahead] = hold;
                }
            }
            for (uint32_t i = 0; i < n; i++) {
                if (m[stream].unique && wire[i] + NV_SEQUENCE_WINDOW <= m[stream].greatest + 1)
                    continue; /* beyond what can be told exactly: see too_late_is_told */
                model_see(&m[stream], wire[i]);
                CHECK(nv_sequences_see(s, (uint16_t)(stream * 65535), base + wire[i]));
                if (i % 5000 == 0)
                    check_totals(s, m, stream + 1);
            }
        }
        check_totals(s, m, 2);
        CHECK(s->totals.streams == 2);
        CHECK(m[0].late > 100 && m[0].duplicated > 100, "the wire was too good: %lu late", m[0].late);
        nv_sequences_free(s);
    }
}

static void too_late_is_told(void)
{
    struct nv_sequences *s = nv_sequences_new();
    nv_sequences_see(s, 0, 0);
    nv_sequences_see(s, 0, NV_SEQUENCE_WINDOW);
    nv_sequences_see(s, 0, 1); /* the oldest that is remembered */
    CHECK(s->totals.late == 1 && s->totals.too_late == 0);
    nv_sequences_see(s, 0, 1);
    CHECK(s->totals.duplicated == 1);
    nv_sequences_see(s, 0, 0);
    CHECK(s->totals.too_late == 1 && s->totals.duplicated == 1);
    CHECK(s->totals.span - s->totals.unique == NV_SEQUENCE_WINDOW - 2);
    nv_sequences_see(s, 0, UINT64_C(1) << 60); /* a jump over many windows leaves nothing marked */
    for (uint64_t back = 1; back < 5000; back++)
        nv_sequences_see(s, 0, (UINT64_C(1) << 60) - back);
    CHECK(s->totals.late == 5000 && s->totals.duplicated == 1, "%lu late, %lu duplicated", s->totals.late,
          s->totals.duplicated);
    nv_sequences_free(s);
}

static void streams_are_limited(void)
{
    struct nv_sequences *s = nv_sequences_new();
    for (unsigned i = 0; i < NV_SEQUENCE_STREAMS; i++)
        CHECK(nv_sequences_see(s, (uint16_t)(i * 7), 5));
    CHECK(!nv_sequences_see(s, 3, 5));
    CHECK(nv_sequences_see(s, 7, 6) && s->totals.unique == NV_SEQUENCE_STREAMS + 1);
    CHECK(s->totals.span == s->totals.unique);
    nv_sequences_free(s);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"against_the_model", against_the_model},
        {"too_late_is_told", too_late_is_told},
        {"streams_are_limited", streams_are_limited},
    };
    nv_random_seed(&rng, 31, 4);
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
