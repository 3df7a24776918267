/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * aside.h - what rules send beside the packets they let through: answers (reset, unreach, keep-alives) back through the
 * worker's port, copies (tee) and diverted packets to ports that rules name, matches of rules with `log`.
 *
 * Answers wait in memory until nv_aside_send, because a worker may be filling the very ring they leave by. The ports
 * that rules name and the log belong to the engine: its workers take turns.
 */
#ifndef NETVALE_ENGINE_ASIDE_H
#define NETVALE_ENGINE_ASIDE_H

#include "engine/worker.h"
#include "relay/log.h"
#include "relay/outlet.h"
#include "rules/rules.h"

/* Of an engine whose plan has rules. */
struct nv_aside {
    pthread_mutex_t lock;
    char *dir; /* of the ports that rules name */
    struct outlets outlets;
    struct relay_log log;
};

/* Of a worker: answers on their way to its port. */
struct nv_answers {
    struct side home;
    uint8_t *bytes; /* for each: its length (4 bytes), then the frame */
    uint32_t used;
    bool shared; /* copies or matches of this worker wait, too */
};

/* 0 and *out, or -errno with *err filled: no memory, or plan->matches cannot be written. */
int nv_aside_new(const struct nv_plan *plan, struct nv_aside **out, struct nv_error *err);
/* Write what is left and close the ports. 0, or -errno when the file of matches could not be written to its end. */
int nv_aside_free(struct nv_aside *aside, struct nv_error *err);

/* The answers' way out through the worker's first tx ring, if it has one. 0, or -errno with *err filled. */
int nv_answers_open(struct nv_answers *answers, const struct nv_worker *w, struct nv_error *err);
void nv_answers_close(struct nv_answers *answers);

/* What the rules hand out, for nv_rules_worker_open. */
struct nv_rules_sink nv_aside_sink(struct nv_worker *w);

/* A packet that was not let through: divert and fwd take it elsewhere. */
void nv_aside_redirect(struct nv_worker *w, const struct nv_rules_packet *packet,
                       const struct nv_rules_verdict *verdict);

/* Let go what was gathered. Where the worker's rings are in order: between two batches. */
void nv_aside_send(struct nv_worker *w);

#endif
