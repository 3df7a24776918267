/* SPDX-License-Identifier: BSD-2-Clause */
/* ports.c - the ports that rules name (divert, tee, fwd): for who opens them, and for who sends there. */
#include "rules/rules.h"

#include <stdio.h>
#include <string.h>

#include "rules/engine.h"
#include "rules/image.h"

uint32_t nv_rules_loaded(const struct nv_rules *engine)
{
    return __atomic_load_n(&engine->loaded, __ATOMIC_ACQUIRE);
}

/* The name that arg means in this program; false: it has no such string, or there is no room for it. */
static bool name_of(const struct rules_image *image, uint32_t arg, char *name, size_t size)
{
    if (!(arg & NV_RULES_NAME_REF))
        return snprintf(name, size, "netmap:divert%u{0", arg) < (int)size;
    uint32_t at = arg & ~NV_RULES_NAME_REF;
    if (at >= image->string_bytes || strlen(image->strings + at) >= size)
        return false;
    memcpy(name, image->strings + at, strlen(image->strings + at) + 1);
    return true;
}

bool nv_rules_port_name(struct nv_rules_worker *worker, uint32_t arg, uint32_t generation, char *name, size_t size)
{
    const bool inside = worker->sequence & 1; /* of a batch: what it runs by stays */

    if (!inside)
        __atomic_exchange_n(&worker->sequence, worker->sequence + 1, __ATOMIC_SEQ_CST);
    const struct rules_image *image = __atomic_load_n(&worker->engine->image, __ATOMIC_SEQ_CST);
    bool known = (!generation || generation == image->generation || !(arg & NV_RULES_NAME_REF)) &&
                 name_of(image, arg, name, size);
    if (!inside)
        __atomic_store_n(&worker->sequence, worker->sequence + 1, __ATOMIC_RELEASE);
    return known;
}

static bool names_port(const struct nv_rules_insn *insn)
{
    switch (insn->opcode) {
    case NV_OP_DIVERT:
    case NV_OP_TEE:
        return insn->arg != NV_RULES_TABLEARG;
    case NV_OP_FORWARD:
        return insn->arg & NV_RULES_NAME_REF && insn->arg != NV_RULES_TABLEARG;
    default:
        return false;
    }
}

unsigned nv_rules_ports(struct nv_rules *engine, char (*names)[NETMAP_REQ_IFNAMSIZ], unsigned most)
{
    unsigned count = 0;

    pthread_mutex_lock(&engine->lock);
    const struct rules_image *image = engine->image;
    for (uint32_t rule = 0; rule < image->rule_count && count < most; rule++) {
        const struct nv_rules_insn *insn = rule_actions(image, rule), *end = rule_end(image, rule);
        for (; insn != end && count < most; insn = insn_next(insn)) {
            unsigned i = 0;
            if (!names_port(insn) || !name_of(image, insn->arg, names[count], NETMAP_REQ_IFNAMSIZ))
                continue;
            while (i < count && strcmp(names[i], names[count]) != 0)
                i++;
            count += i == count;
        }
    }
    pthread_mutex_unlock(&engine->lock);
    return count;
}
