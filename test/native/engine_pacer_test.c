/* SPDX-License-Identifier: BSD-2-Clause */
/* engine_pacer_test.c - pacing on a virtual clock: no drift, even gaps, bounded bursts, ramps. */
#include "check.h"

#include <math.h>

#include "engine/clock.h"
#include "engine/pacer.h"
#include "packet/random.h"

static struct nv_random rng;

static uint64_t below(uint64_t span)
{
    return nv_random_next(&rng) % span;
}

static const uint64_t start = UINT64_C(1234567890123456789);

/* A constant rate: packet k departs at exactly ceil(k * 10^9 / rate) ns, for ever. */
static void departures_are_even(void)
{
    static const uint64_t rates[] = {1, 3, 7, 999, 1000, 1000000, 14880952, 33333333, 1000000000};
    for (size_t r = 0; r < sizeof(rates) / sizeof(rates[0]); r++) {
        struct nv_rate_step step = {rates[r], rates[r], NV_SECOND};
        struct nv_pacer p;
        nv_pacer_init(&p, &step, 1, 512, 0, 1, start);
        for (uint64_t k = 0; k < 5000; k++) {
            uint64_t at = nv_pacer_next(&p), exact = start + (k * NV_SECOND + rates[r] - 1) / rates[r];
            CHECK(at == exact, "rate %lu packet %lu: %lu, not %lu", rates[r], k, at - start, exact - start);
            CHECK(at == start || p.hold_ns == at || nv_pacer_due(&p, at - 1) == 0);
            CHECK(nv_pacer_due(&p, at) == 1);
            nv_pacer_sent(&p, 1, at);
        }
    }
}

/* Thirty days at the top rate and at an awkward one: the count is exact to the packet at every look. */
static void thirty_days_do_not_drift(void)
{
    static const uint64_t rates[] = {999999937, 14880952, 1};
    const uint64_t month = UINT64_C(30) * 86400 * NV_SECOND;
    for (size_t r = 0; r < sizeof(rates) / sizeof(rates[0]); r++) {
        struct nv_rate_step step = {rates[r], rates[r], NV_SECOND};
        struct nv_pacer p;
        uint64_t now = start, looks = 0;
        nv_pacer_init(&p, &step, 1, 4000000000u, 0, 1, start);
        while (now < start + month) {
            now += below(NV_SECOND);
            if (now > start + month)
                now = start + month;
            uint32_t due = nv_pacer_due(&p, now);
            nv_pacer_sent(&p, due, now);
            uint64_t exact = (uint64_t)((unsigned __int128)(now - start) * rates[r] / NV_SECOND) + 1;
            CHECK(due ? p.sent == exact : p.sent == exact || p.hold_ns > now, "after %lu ns: %lu, not %lu", now - start,
                  p.sent, exact);
            looks += due > 0;
        }
        CHECK(looks > 100000);
        CHECK(p.missed == 0);
    }
}

/* A sender that is late by random amounts: no batch over the burst, no window over burst + 5/4 rate, nothing lost. */
static void bursts_are_bounded(void)
{
    enum { KEEP = 4096 };
    static uint64_t when[KEEP], total[KEEP]; /* departures so far, after each batch */
    for (unsigned round = 0; round < 20; round++) {
        uint64_t rate = 1000 + below(20000000);
        uint32_t burst = 1 + (uint32_t)below(600);
        struct nv_rate_step step = {rate, rate, NV_SECOND};
        struct nv_pacer p;
        uint64_t now = start, batches = 0;
        nv_pacer_init(&p, &step, 1, burst, 0, 1, start);
        while (batches < KEEP) {
            uint32_t due = nv_pacer_due(&p, now);
            CHECK(due <= burst);
            if (due) {
                nv_pacer_sent(&p, due, now);
                when[batches] = now;
                total[batches++] = p.sent - p.missed;
            }
            uint64_t next = nv_pacer_next(&p);
            CHECK(next > now || nv_pacer_due(&p, now) > 0, "no progress");
            now = next > now ? next : now;
            now += below(50) ? below(2000) : below(below(20) ? 20000 : 2000000);
        }
        for (uint64_t i = 0; i < KEEP; i++)
            for (uint64_t j = i; j < KEEP && j < i + 300; j += 1 + j % 7) {
                uint64_t sent = total[j] - (i ? total[i - 1] : 0);
                double most =
                    burst + 1.25 * (double)rate * (double)(when[j] - when[i]) / 1e9 + 1 + (double)(j - i) * 1e-3;
                CHECK((double)sent <= most, "%lu packets within %lu ns, rate %lu burst %u", sent, when[j] - when[i],
                      rate, burst);
            }
        /* Left alone, it catches up with the profile and stays on it. */
        for (unsigned i = 0; i < 4000000 && nv_pacer_next(&p) <= now + NV_SECOND; i++) {
            uint64_t next = nv_pacer_next(&p);
            now = next > now ? next : now;
            nv_pacer_sent(&p, nv_pacer_due(&p, now), now);
            if (p.sent == (uint64_t)((unsigned __int128)(now - start) * rate / NV_SECOND) + 1)
                break;
        }
        CHECK(p.sent == (uint64_t)((unsigned __int128)(now - start) * rate / NV_SECOND) + 1 && p.missed == 0);
    }
}

static void ramps_follow_their_profile(void)
{
    const struct nv_rate_step steps[] = {{0, 0, 5 * NV_SECOND / 10},
                                         {0, 100000, NV_SECOND},
                                         {100000, 100000, NV_SECOND / 3},
                                         {100000, 1000, 2 * NV_SECOND},
                                         {50, 50, NV_SECOND}};
    struct nv_pacer p;
    nv_pacer_init(&p, steps, 5, 64, 0, 1, start);
    CHECK(nv_pacer_rate(&p, start + NV_SECOND / 4) == 0 && nv_pacer_due(&p, start + NV_SECOND / 2) == 0);
    nv_pacer_init(&p, steps, 5, 64, 0, 1, start);
    uint64_t now = start, previous = 0;
    double end = 6;
    while (now < start + (uint64_t)(end * 1e9)) {
        now = nv_pacer_next(&p);
        uint32_t due = nv_pacer_due(&p, now);
        CHECK(due == 1 && now > previous, "due %u at %lu", due, now - start);
        previous = now;
        nv_pacer_sent(&p, due, now);
        /* The closed form. */
        double t = (double)(now - start) / 1e9, n = 0, x;
        x = fmin(fmax(t - 0.5, 0), 1);
        n += 50000 * x * x;
        x = fmin(fmax(t - 1.5, 0), 1.0 / 3);
        n += 100000 * x;
        x = fmin(fmax(t - 1.5 - 1.0 / 3, 0), 2);
        n += 100000 * x - 99000.0 / 4 * x * x;
        x = fmax(t - 3.5 - 1.0 / 3, 0);
        n += 50 * x;
        CHECK(fabs((double)p.sent - 1 - n) < 1.01, "after %.6f s: %lu, not %.2f", t, p.sent, n);
    }
    CHECK(nv_pacer_rate(&p, start + 100 * NV_SECOND) == 50);
}

static void linear_steps_of_three_days(void)
{
    const struct nv_rate_step step = {0, NV_RATE_MAX, NV_RAMP_MAX};
    struct nv_pacer p;
    nv_pacer_init(&p, &step, 1, 4000000000u, 0, 1, start);
    /* Half way up, a quarter of the packets. */
    nv_pacer_rate(&p, start + NV_RAMP_MAX / 2);
    p.sent = 0;
    unsigned __int128 quarter = (unsigned __int128)NV_RATE_MAX * NV_RAMP_MAX / NV_SECOND / 8;
    p.sent = (uint64_t)quarter - 1000;
    CHECK(nv_pacer_due(&p, start + NV_RAMP_MAX / 2) == 1001, "%u", nv_pacer_due(&p, start + NV_RAMP_MAX / 2));
    nv_pacer_sent(&p, 1001, start + NV_RAMP_MAX / 2);
    CHECK(nv_pacer_next(&p) >= start + NV_RAMP_MAX / 2);
}

/* Together, several workers send what one would, at the same times. */
static void workers_share_a_profile(void)
{
    const struct nv_rate_step steps[] = {{1000, 50000, NV_SECOND}, {7777, 7777, NV_SECOND}};
    for (unsigned workers = 1; workers <= 5; workers++) {
        struct nv_pacer one, p[5];
        nv_pacer_init(&one, steps, 2, 8, 0, 1, start);
        for (unsigned i = 0; i < workers; i++)
            nv_pacer_init(&p[i], steps, 2, 8, i, workers, start);
        for (unsigned k = 0; k < 30000; k++) {
            uint64_t now = nv_pacer_next(&one);
            CHECK(nv_pacer_due(&one, now) == 1);
            nv_pacer_sent(&one, 1, now);
            struct nv_pacer *turn = &p[k % workers];
            CHECK(nv_pacer_next(turn) == now && nv_pacer_due(turn, now) == 1, "packet %u of %u workers", k, workers);
            nv_pacer_sent(turn, 1, now);
            for (unsigned i = 0; i < workers; i++)
                CHECK(nv_pacer_next(&p[i]) == now || nv_pacer_due(&p[i], now) == 0, "worker %u is early", i);
        }
    }
}

/* A port that takes nothing for long: what is over a second late is given up and counted. */
static void hopeless_lateness_is_given_up(void)
{
    const struct nv_rate_step step = {1000, 1000, NV_SECOND};
    struct nv_pacer p;
    nv_pacer_init(&p, &step, 1, 10, 0, 1, start);
    CHECK(nv_pacer_due(&p, start + NV_SECOND) == 10 && p.missed == 0);
    CHECK(nv_pacer_due(&p, start + 5 * NV_SECOND) == 10 && p.missed == 5001 - 10);
    CHECK(p.sent + 10 == 5001);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"departures_are_even", departures_are_even},
        {"thirty_days_do_not_drift", thirty_days_do_not_drift},
        {"bursts_are_bounded", bursts_are_bounded},
        {"ramps_follow_their_profile", ramps_follow_their_profile},
        {"linear_steps_of_three_days", linear_steps_of_three_days},
        {"workers_share_a_profile", workers_share_a_profile},
        {"hopeless_lateness_is_given_up", hopeless_lateness_is_given_up},
    };
    nv_random_seed(&rng, 9, 9);
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
