/* SPDX-License-Identifier: BSD-2-Clause */
/* name_scan.h - what the parts of the name parser share: a place in the text, and errors that name it. */
#ifndef NETVALE_PORT_NAME_SCAN_H
#define NETVALE_PORT_NAME_SCAN_H

#include "port/name.h"

/* Characters [at, end) of text are still to be read; position N of an error message is text[N - 1]. */
struct nv_scan {
    const char *text;
    size_t at, end;
    struct nv_error *err; /* may be NULL */
};

/* The next character, or 0 at the end. */
static inline char nv_scan_peek(const struct nv_scan *scan)
{
    return scan->at < scan->end ? scan->text[scan->at] : '\0';
}

static inline bool nv_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Letters, digits and '_', whatever the locale. */
static inline bool nv_is_word(char c)
{
    return nv_is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Fill the error: bad port name "TEXT": position AT + 1: WHAT. Returns -code. */
int nv_scan_fail(const struct nv_scan *scan, int code, const char *what, ...) __attribute__((format(printf, 3, 4)));

/* Read a decimal number in [low, high] of at most all digits that follow; `what` names it in errors. 0 or -EINVAL. */
int nv_scan_number(struct nv_scan *scan, const char *what, uint32_t low, uint32_t high, uint32_t *out);

/* Read [kind:]name: kind, name, parent, sw, port, pipe, pipe_id, keep (and file for pcap:). 0 or -EINVAL. */
int nv_scan_port(struct nv_scan *scan, struct nv_name *out);

/* Read all options, "@conf:rings=2@share:vale0:a", up to the end. 0, -EINVAL or -EOPNOTSUPP. */
int nv_scan_options(struct nv_scan *scan, struct nv_name *out);

#endif
