/* SPDX-License-Identifier: BSD-2-Clause */
/* mend.h - a table that somebody wrote rubbish into: what cannot be right goes. Directory locked. */
#ifndef NETVALE_MEND_H
#define NETVALE_MEND_H

#include "memory/table.h"

/*
 * Is the file of `size` bytes a table of this library? Its first words are put right when only they are wrong.
 * False: it cannot be used.
 */
bool nv_table_mend_header(struct nv_table *t, size_t size);

/* Strike off entries that hold impossible numbers; returns how many. */
int nv_table_mend(struct nv_table *t);

/* Does any process hold a descriptor of the directory? */
bool nv_dir_in_use(int lockfd);

#define NV_DAMAGED_TABLE "damaged.table" /* what a table that cannot be used is called from then on */

#endif
