/* SPDX-License-Identifier: BSD-2-Clause */
/* outlet.c - see outlet.h. */
#include "relay/outlet.h"

#include <stdio.h>
#include <string.h>

/* The outlet of this name. */
static struct outlet *find(struct outlets *outlets, const char *name, const struct nv_open_options *open)
{
    for (unsigned i = 0; i < outlets->count; i++)
        if (strcmp(outlets->outlet[i].name, name) == 0)
            return outlets->outlet[i].failed ? NULL : &outlets->outlet[i];
    if (outlets->count == OUTLETS || strlen(name) >= sizeof(outlets->outlet[0].name))
        return NULL;
    struct outlet *outlet = &outlets->outlet[outlets->count++];
    struct nv_open_options options = *open;
    options.extra_bufs = 0;
    memcpy(outlet->name, name, strlen(name) + 1);
    outlet->failed = side_open(&outlet->side, name, &options, NULL) < 0;
    return outlet->failed ? NULL : outlet;
}

struct outlet *outlet_of(struct outlets *outlets, struct nv_rules *rules, uint32_t arg,
                         const struct nv_open_options *open)
{
    char number[NETMAP_REQ_IFNAMSIZ];
    const char *name = number;

    if (arg & NV_RULES_NAME_REF)
        name = nv_rules_name(rules, arg);
    else
        snprintf(number, sizeof(number), "netmap:divert%u{0", arg);
    return name ? find(outlets, name, open) : NULL;
}

void outlets_close(struct outlets *outlets)
{
    for (unsigned i = 0; i < outlets->count; i++)
        side_close(&outlets->outlet[i].side, NULL);
    outlets->count = 0;
}
