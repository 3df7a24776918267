/* SPDX-License-Identifier: BSD-2-Clause */
/* eval.h - one packet on its way through the rules. */
#ifndef NETVALE_RULES_EVAL_H
#define NETVALE_RULES_EVAL_H

#include "rules/engine.h"

struct rules_state;

enum { EVAL_NAMES = 16 };

struct rules_eval {
    struct rules_view *view;
    const struct rules_image *image;
    const struct nv_rules_params *params;
    struct nv_rules_worker *worker; /* NULL while explaining: nothing may change */
    struct nv_rules *engine;
    struct nv_rules_packet *packet;
    struct nv_rules_verdict *verdict;
    struct rules_line *lines; /* of the worker; NULL while explaining */
    uint64_t *map;            /* a bit a rule, all zero, for the index */
    uint64_t token;           /* tablearg of the rule at hand; 0: no look-up matched */
    uint64_t hash;            /* of the flow, when the program has states */
    uint32_t mark;
    uint16_t rule_number;            /* of the rule at hand */
    uint32_t looked_for[EVAL_NAMES]; /* names of the state look-ups of this pass */
    uint8_t looked;                  /* how many */
    struct rules_state *state;       /* the state that sent the packet to its parent rule, while that rule runs */
    bool backward;                   /* and the packet goes against the one that made the state */
    bool changed;                    /* it was put together: what the index found is that of a fragment */
    uint8_t reason;
    uint8_t flags; /* enum nv_rules_verdict_flags so far */
};

/* Does a test (not PROBE_STATE, KEEP_STATE, LIMIT, SKIP_ACTION) match, before NOT? Sets eval->token on a look-up. */
bool rules_test(struct rules_eval *eval, const struct nv_rules_insn *insn);

#endif
