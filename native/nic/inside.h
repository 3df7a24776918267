/* SPDX-License-Identifier: BSD-2-Clause */
/* inside.h - calling a function in another network namespace. */
#ifndef NETVALE_NIC_INSIDE_H
#define NETVALE_NIC_INSIDE_H

#include "memory/error.h"

typedef int nv_inside_fn(void *arg, struct nv_error *err);

/*
 * Call fn in the network namespace at path `netns`, on a thread of its own that ends with it; NULL: at once. Returns
 * what fn did, or -errno with err where the namespace cannot be entered.
 */
int nv_inside(const char *netns, nv_inside_fn *fn, void *arg, struct nv_error *err);

#endif
