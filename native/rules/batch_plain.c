/* SPDX-License-Identifier: BSD-2-Clause */
/* batch_plain.c - the steps of a batch for any processor. */
#define RULES_BATCH rules_batch_plain
#include "rules/batch.h"
