/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crash_stage.h - two senders and two receivers at full rate, of whom one is killed or stopped, and what must hold:
 * the others go on, the dead one's port is free at once, nothing is torn, all adds up, nothing is left.
 */
#ifndef NETVALE_TEST_CRASH_STAGE_H
#define NETVALE_TEST_CRASH_STAGE_H

#include "crash_audit.h"
#include "crash_traffic.h"

#define FLOW 3000 /* packets that show that others go on: more than any ring holds */

struct stage {
    struct part part[4]; /* 0, 1: receivers; 2, 3: senders */
    struct actor actor[4];
    bool same_region; /* all buffers are exchanged: they can be counted */
    int64_t longest;  /* ms that others stood still */
};

static inline void stage_switch(struct stage *s, const char *suffix)
{
    static char name[4][32];
    memset(s, 0, sizeof(*s));
    for (int i = 0; i < 4; i++) {
        snprintf(name[i], sizeof(name[i]), "vale0:%s%d%s", i < 2 ? "r" : "s", i, suffix);
        s->part[i] = (struct part){.port = name[i], .wait = NV_WAIT_SLEEP};
    }
    for (int i = 2; i < 4; i++) {
        s->part[i].to[0] = 1, s->part[i].to[1] = 2; /* actor numbers: 1 more than the index */
        s->part[i].receivers = 2;
    }
    s->same_region = *suffix != 0;
}

/* Switch ports in regions of their own. */
static inline void stage_vale(struct stage *s)
{
    stage_switch(s, "");
}

/* Switch ports in one region, where buffers are exchanged. */
static inline void stage_shared(struct stage *s)
{
    stage_switch(s, "@7");
}

/* Two pipes of one parent, and thus of one region. */
static inline void stage_pipes(struct stage *s)
{
    static const char *const name[4] = {"netmap:p}1", "netmap:p}2", "netmap:p{1", "netmap:p{2"};
    memset(s, 0, sizeof(*s));
    for (int i = 0; i < 4; i++)
        s->part[i] = (struct part){.port = name[i], .wait = NV_WAIT_SLEEP};
    for (int i = 2; i < 4; i++) {
        s->part[i].to[0] = i - 1;
        s->part[i].receivers = 1;
    }
    s->same_region = true;
}

static inline bool stage_start_one(struct stage *s, int i)
{
    s->actor[i] = actor_start(i + 1, play, &s->part[i]);
    return actor_ready(&s->actor[i]);
}

static inline bool stage_start(struct stage *s)
{
    world_new();
    boards_new();
    bool fine = true;
    for (int i = 0; i < 4; i++)
        fine &= stage_start_one(s, i);
    return fine;
}

/* Packets of sender `from` that receiver `at` got. */
static inline const uint64_t *flow(const struct stage *s, int at, int from)
{
    return &s->actor[at].board->got[from + 1];
}

/* A pair that the victim has no part in must go on. */
static inline void others_go_on(struct stage *s, int victim)
{
    bool pipes = s->part[2].receivers == 1;
    int from = victim == 3 || (pipes && victim == 1) ? 2 : 3, at = pipes ? from - 2 : victim == 1 ? 0 : 1;
    int64_t ms = rises(flow(s, at, from), FLOW);
    CHECK(ms >= 0, "%s gets nothing more from %s", s->part[at].port, s->part[from].port);
    s->longest = ms > s->longest ? ms : s->longest;
    if (victim < 2 || pipes)
        return;
    /* The receiver that the victim was sending to gets the other sender's packets as well. */
    ms = rises(flow(s, 1 - at, from), FLOW);
    CHECK(ms >= 0, "%s gets nothing more from %s", s->part[1 - at].port, s->part[from].port);
    s->longest = ms > s->longest ? ms : s->longest;
}

/* Somebody takes part again: what it sends arrives, or what is sent to it. */
static inline void takes_part(struct stage *s, int i)
{
    int at = i < 2 ? i : s->part[i].to[0] - 1, from = i < 2 ? i + 2 : i;
    int64_t ms = rises(flow(s, at, from), FLOW);
    CHECK(ms >= 0, "%s gets nothing from %s (%s)", s->part[at].port, s->part[from].port, s->part[i].port);
}

/* All packets that were handed over were shown, or are named. */
static inline void check_totals(struct stage *s)
{
    uint64_t delivered = 0, shown = 0;
    for (int i = 0; i < 4; i++) {
        const struct nv_port_stats *st = &s->actor[i].board->stats;
        delivered += st->tx_delivered;
        shown += st->rx_packets;
        for (unsigned d = 0; d < NV_DROP_COUNT; d++)
            shown += st->rx_drops[d];
    }
    CHECK(delivered == shown, "%lu packets delivered, %lu shown or dropped by name", (unsigned long)delivered,
          (unsigned long)shown);
}

/* The end: `totals` when nobody was killed. Nothing may be left. */
static inline void stage_end(struct stage *s, bool totals)
{
    actors_rest(s->actor, 4);
    if (s->same_region)
        audit_world();
    for (int i = 0; i < 4; i++)
        actor_end(&s->actor[i]);
    if (totals && !check_failed)
        check_totals(s);
    world_end();
}

/* Let the victim run into its step. False: it did not get there. */
static inline bool hit_step(struct stage *s, int victim, int *status)
{
    struct actor *a = &s->actor[victim];
    poke(&a->board->arm, 1);
    *status = actor_wait(a, WUNTRACED);
    CHECK(*status != -1 && !WIFEXITED(*status), "%s never came to the step \"%s\" (%s)", s->part[victim].port,
          s->part[victim].step, a->board->error);
    return *status != -1;
}

/* The victim died: another process takes its place at once. */
static inline void replace(struct stage *s, int victim)
{
    s->part[victim].step = NULL;
    s->part[victim].any_order = false;
    if (stage_start_one(s, victim)) /* waiting for a dead one's lock would end in an error after some seconds */
        takes_part(s, victim);
}

/* Nobody is harmed. */
static inline void act_in_peace(struct stage *s)
{
    if (stage_start(s))
        for (int i = 0; i < 4; i++)
            takes_part(s, i);
    stage_end(s, true);
}

/* The whole play: the victim is killed or stopped at a step, the `count`-th time it comes there. */
static inline void act(struct stage *s, int victim, const char *step, int signo, int count)
{
    s->part[victim].step = step;
    s->part[victim].signo = signo;
    s->part[victim].count = count;
    int status;
    if (stage_start(s)) {
        for (int i = 2; i < 4; i++)
            takes_part(s, i);
        if (hit_step(s, victim, &status)) {
            others_go_on(s, victim);
            if (signo == SIGKILL) {
                replace(s, victim);
            } else {
                kill(s->actor[victim].pid, SIGCONT);
                takes_part(s, victim);
            }
            others_go_on(s, victim);
        }
    }
    stage_end(s, signo == SIGSTOP);
}

/* Somebody runs into the step that stops it. */
static inline bool stops(struct stage *s, int victim)
{
    int status;
    return hit_step(s, victim, &status) && WIFSTOPPED(status);
}

/*
 * A sender is stopped at a step for longer than its lease lasts, again and again, and wakes up when the receivers'
 * rings are full, or hold many packets that are shown and not looked at. What it overwrites is dropped by name, and
 * nothing that is shown changes.
 */
static inline void stale_again_and_again(struct stage *s, const char *step, int rounds)
{
    for (int i = 0; i < 3; i++) {
        s->part[i].step = i == 2 ? step : "shown";
        s->part[i].signo = SIGSTOP;
        s->part[i].count = i == 2 ? 7 : 20;
    }
    if (stage_start(s))
        for (int i = 0; i < rounds && !check_failed && stops(s, 2); i++) {
            others_go_on(s, 2);
            for (int r = 0; r < 2; r++)
                kill(s->actor[r].pid, SIGSTOP);
            rises(&s->actor[3].board->sent, FLOW); /* the other sender fills their rings */
            for (int r = 0; r < 2 && i % 2; r++) {
                kill(s->actor[r].pid, SIGCONT);
                stops(s, r);
            }
            kill(s->actor[2].pid, SIGCONT);
            rises(&s->actor[2].board->sent, 1); /* it has written into the lease that it had */
            for (int r = 0; r < 2; r++)
                kill(s->actor[r].pid, SIGCONT);
            takes_part(s, 2);
        }
    stage_end(s, true);
    const struct nv_port_stats *st = &s->actor[2].board->stats;
    uint64_t stale =
        s->actor[0].board->stats.rx_drops[NV_DROP_STALE] + s->actor[1].board->stats.rx_drops[NV_DROP_STALE];
    CHECK(st->drops[NV_DROP_REVOKED] >= (uint64_t)rounds && (stale > 0 || strcmp(step, "copy")),
          "%s: %lu revoked, %lu stale", step, (unsigned long)st->drops[NV_DROP_REVOKED], (unsigned long)stale);
}

/* Each step of the data path in turn, on a stage that `set` makes. */
static inline void each_step(void (*set)(struct stage *s), int signo)
{
    static const struct {
        const char *step;
        int victim, count;
    } steps[] = {
        {"claimed", 2, 40}, {"leased", 2, 40}, {"copy", 2, 1000}, {"publish", 2, 40}, {"published", 2, 40},
        {"wake", 2, 3},     {"armed", 0, 5},   {"shown", 0, 40},  {"release", 0, 40},
    };
    int64_t longest = 0;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct stage s;
        int failed = check_failed;
        set(&s);
        act(&s, steps[i].victim, steps[i].step, signo, steps[i].count);
        longest = s.longest > longest ? s.longest : longest;
        if (check_failed > failed)
            printf("# that was \"%s\"\n", steps[i].step);
    }
    printf("# others stood still for %ld ms at most\n", (long)longest);
}

#endif
