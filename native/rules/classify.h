/* SPDX-License-Identifier: BSD-2-Clause */
/* classify.h - the batch and the functions that take one through the rules, one for each kind of processor. */
#ifndef NETVALE_RULES_CLASSIFY_H
#define NETVALE_RULES_CLASSIFY_H

#include "rules/engine.h"
#include "rules/index.h"

enum { BATCH = KEYS_BATCH };

/* What is known of the packets of a batch before they are walked through the rules. */
struct rules_batch {
    struct rules_keys keys;
    uint64_t hashes[BATCH];
    struct index_batch index;
};

/* Pass 1..BATCH packets through the rules; the array has `there`, the others are for later batches. */
typedef void classify_fn(struct nv_rules_worker *worker, const struct rules_image *image,
                         const struct nv_rules_params *params, struct nv_rules_packet *packets, unsigned count,
                         unsigned there, struct nv_rules_verdict *verdicts);

classify_fn rules_batch_plain;
#ifdef __x86_64__
classify_fn rules_batch_popcnt; /* counts bits by an instruction */
#if !defined(__clang__)
#define RULES_BATCH_WIDE 1
classify_fn rules_batch_wide; /* and works on vectors of 512 bits */
#endif
#endif

#endif
