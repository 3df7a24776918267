/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * value.h - table values as 64-bit tokens, so that a reader takes one with one load.
 *
 * A value with the same number in all numeric fields (tables of one value) is in the token itself:
 * number << 32 | 1. Any other is a pointer to a struct nv_rules_value. 0 is "no value": no match.
 */
#ifndef NETVALE_RULES_VALUE_H
#define NETVALE_RULES_VALUE_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "rules/program.h"

/* A token for value; 0 when out of memory. */
static inline uint64_t value_token(const struct nv_rules_value *value)
{
    static const uint8_t no_address[16];
    const uint32_t *words = &value->skipto;
    bool same = value->iface == 0 && memcmp(value->ipv6, no_address, sizeof(no_address)) == 0;

    for (unsigned i = 1; i < NV_VALUE_COUNT && same; i++)
        same = words[i] == words[0];
    if (same)
        return (uint64_t)words[0] << 32 | 1;
    struct nv_rules_value *copy = malloc(sizeof(*copy));
    if (copy)
        *copy = *value;
    return (uint64_t)(uintptr_t)copy;
}

/* The record a token points to, NULL when it holds the value itself or is 0. */
static inline struct nv_rules_value *value_record(uint64_t token)
{
    return token & 1 ? NULL : (struct nv_rules_value *)(uintptr_t)token;
}

/* One numeric field; 0 without a value. */
static inline uint32_t value_field(uint64_t token, enum nv_rules_value_kind kind)
{
    if (token & 1)
        return (uint32_t)(token >> 32);
    const struct nv_rules_value *value = value_record(token);
    return value ? (&value->skipto)[kind] : 0;
}

static inline struct nv_rules_value value_of(uint64_t token)
{
    struct nv_rules_value value = {0};
    const struct nv_rules_value *record = value_record(token);
    if (record)
        return *record;
    for (unsigned i = 0; i < NV_VALUE_COUNT; i++)
        (&value.skipto)[i] = (uint32_t)(token >> 32);
    return value;
}

#endif
