/* SPDX-License-Identifier: BSD-2-Clause */
/* link.c - a link's parameters: made from a configuration, exchanged while packets are on it. */
#include <errno.h>
#include <stdlib.h>

#include "emulation/line.h"
#include "memory/error.h"

void emu_link_free(struct emu_link *link)
{
    free(link->profile_ns);
    emu_impair_free(&link->impair);
}

/* A link from its configuration. -ENOMEM */
int emu_link_make(struct emu_link *link, const struct nv_emu_link *config, struct nv_error *err)
{
    const struct nv_emu_impairments *impair = &config->impair;
    *link = (struct emu_link){.bandwidth = config->bandwidth,
                              .inverse = config->bandwidth ? 1 / (double)config->bandwidth : 0,
                              .delay_ns = config->delay_ns,
                              .profile_count = config->profile_count,
                              .profile_loss_level = config->profile_loss_level};
    if (config->bandwidth) {
        unsigned __int128 ns = (unsigned __int128)config->burst_bytes * UINT64_C(8000000000) / config->bandwidth;
        link->burst_ns = ns < EMU_MAX_NS ? (uint64_t)ns : EMU_MAX_NS;
    }
    link->does =
        (config->bandwidth || config->profile_count || impair->trace_count ? LINK_AIR : 0u) |
        (impair->overhead || impair->cell_size ? LINK_COSTS : 0u) |
        (impair->loss || impair->duplicate > 0 ? LINK_LOSES : 0u) |
        (impair->jitter || impair->reorder > 0 || impair->corrupt > 0 || impair->slot_max_ns ? LINK_SHAPES : 0u) |
        (impair->reorders || impair->reorder > 0 ? LINK_REORDERS : 0u);
    if (config->profile_count) {
        size_t bytes = config->profile_count * sizeof *link->profile_ns;
        link->profile_ns = malloc(bytes);
        if (link->profile_ns)
            memcpy(link->profile_ns, config->profile_ns, bytes);
    }
    if (!emu_impair_copy(&link->impair, impair) || (config->profile_count && !link->profile_ns)) {
        free(link->profile_ns);
        return nv_fail(err, ENOMEM, "no memory for the link's profile, trace or tables");
    }
    return 0;
}

/* Get each path what the new link needs. -ENOMEM */
int emu_link_prepare(struct nv_emu *emu, struct emu_plan *plan, const struct emu_link *link, struct nv_error *err)
{
    for (struct emu_path *path = plan->paths; path; path = path->next) {
        if (path->impaired || !emu_impair_any(&link->impair))
            continue;
        path->impaired = malloc(sizeof *path->impaired);
        if (!path->impaired)
            return nv_fail(err, ENOMEM, "no memory for the link's impairments");
        emu_impaired_init(path->impaired, emu->options.seed, emu_path_sequence(plan, &path->id));
    }
    return 0;
}

/* A packet the old trace would never have let go leaves now. */
static void unblock(struct nv_emu *emu, struct emu_path *path)
{
    uint32_t count = path->line;
    struct nv_emu_packet *all = NULL, **end = &all;
    if (path->free_ns != UINT64_MAX)
        return;
    path->free_ns = path->last_ns = emu->now_ns;
    while (count-- > 0) {
        struct nv_emu_packet *packet = line_take(path);
        *end = packet;
        end = &packet->next;
    }
    *end = NULL;
    while (all) {
        struct nv_emu_packet *packet = all;
        all = packet->next;
        if (packet->time_ns == UINT64_MAX)
            packet->time_ns = path->last_ns;
        else if (packet->time_ns > path->last_ns)
            path->last_ns = packet->time_ns;
        line_put(path, packet);
    }
}

/* The plan's link is another from now on. Takes the content of *link. */
void emu_link_change(struct nv_emu *emu, struct emu_plan *plan, struct emu_link *link)
{
    struct emu_link was = plan->link;
    for (struct emu_path *path = plan->paths; path; path = path->next)
        emu_serve(emu, path, emu->now_ns, 0);
    plan->link = *link;
    if (link->does & LINK_REORDERS)
        plan->eager = true;
    if (!emu_impair_same_trace(&was.impair, &link->impair))
        plan->trace_start = UINT64_MAX;
    for (struct emu_path *path = plan->paths; path; path = path->next) {
        path->free_ns += path->free_rest > 0;
        path->free_rest = 0;
        unblock(emu, path);
        if (path->impaired)
            emu_impaired_adopt(path->impaired, &was.impair, &link->impair);
        if (link->does & LINK_REORDERS)
            line_make_heap(path);
        emu_serve(emu, path, emu->now_ns, emu->now_ns);
        emu_arm(emu, path);
    }
    emu_link_free(&was);
    *link = (struct emu_link){0};
}
