/* SPDX-License-Identifier: BSD-2-Clause */
/* batch_popcnt.c - the steps of a batch for processors that count bits by an instruction. */
#ifdef __x86_64__
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("popcnt,bmi"))), apply_to = function)
#else
#pragma GCC target("popcnt,bmi")
#endif
#define RULES_BATCH rules_batch_popcnt
#include "rules/batch.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
