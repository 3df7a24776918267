/* SPDX-License-Identifier: BSD-2-Clause */
/* error.c - the error record and the names of the drop reasons. */
#include "memory/error.h"

#include <stdarg.h>
#include <stdio.h>

int nv_fail(struct nv_error *err, int code, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        err->code = code;
        vsnprintf(err->message, sizeof(err->message), format, args);
        va_end(args);
    }
    return -code;
}

#define DROP_NAME(id, name) [NV_DROP_##id] = (name),
static const char *const drop_names[] = {NV_DROP_REASONS(DROP_NAME)};
#undef DROP_NAME
_Static_assert(sizeof(drop_names) / sizeof(drop_names[0]) == NV_DROP_COUNT, "every drop has a name");

const char *nv_drop_name(unsigned reason)
{
    return reason < NV_DROP_COUNT ? drop_names[reason] : NULL;
}
