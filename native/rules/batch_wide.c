/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * batch_wide.c - the steps of a batch for processors with vectors of 512 bits that count bits, tuned for one whose
 * gather instructions pay.
 */
#if defined(__x86_64__) && !defined(__clang__)
#pragma GCC target("arch=x86-64-v4,avx512vpopcntdq,tune=skylake-avx512,prefer-vector-width=512")
#define RULES_BATCH rules_batch_wide
#include "rules/batch.h"
#endif
