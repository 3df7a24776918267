/* SPDX-License-Identifier: BSD-2-Clause */
/* error.h - filling the error record that every refusing call hands back. */
#ifndef NETVALE_ERROR_H
#define NETVALE_ERROR_H

#include <netvale.h>

/* Fill err (which may be NULL) with code and a formatted line; returns -code, to be returned at once. */
int nv_fail(struct nv_error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
