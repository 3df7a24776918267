/* SPDX-License-Identifier: BSD-2-Clause */
/* kind.c - looking kinds up in the list. */
#include "port/kind.h"

#include <string.h>

const struct nv_kind *nv_kind_find(const char *text, size_t length)
{
    for (unsigned i = 0; i < nv_kind_count; i++) {
        const struct nv_kind *kind = nv_kinds[i];
        size_t n = kind->prefix ? strlen(kind->prefix) : 0;
        if (n && (kind->flags & NV_KIND_SWITCH ? length >= n : length == n) && !memcmp(text, kind->prefix, n))
            return kind;
    }
    return NULL;
}

const struct nv_kind *nv_kind_default(void)
{
    unsigned i = 0;
    while (i + 1 < nv_kind_count && !(nv_kinds[i]->flags & NV_KIND_DEFAULT))
        i++;
    return nv_kinds[i];
}

uint32_t nv_kind_number(const struct nv_kind *kind)
{
    uint32_t i = 0;
    while (i < nv_kind_count && nv_kinds[i] != kind)
        i++;
    return i < nv_kind_count ? i + 1 : 0;
}
