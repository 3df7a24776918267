/* SPDX-License-Identifier: BSD-2-Clause */
/* nat_config.c - make, change, delete and count nat instances. */
#include <errno.h>
#include <stdlib.h>

#include "rules/nat.h"

static int check_redirect(const struct nv_rules_nat *head, const struct nv_rules_redirect *r, struct nv_error *err)
{
    if (r->kind < NV_REDIRECT_ADDR || r->kind > NV_REDIRECT_PROTO || r->proto > 255)
        return nv_fail(err, EINVAL, "nat %u: unknown kind of redirect %u", head->id, r->kind);
    if (r->target_count == 0 || r->first_target > head->targets || r->target_count > head->targets - r->first_target)
        return nv_fail(err, EINVAL, "nat %u: the targets of a redirect lie outside the configuration", head->id);
    if (r->kind == NV_REDIRECT_PORT && (r->proto != 6 && r->proto != 17 && r->proto != 132))
        return nv_fail(err, EINVAL, "nat %u: redirect_port of protocol %u, which has no ports", head->id, r->proto);
    if (r->kind == NV_REDIRECT_PORT && (r->alias_count == 0 || r->alias_port + r->alias_count > 65536))
        return nv_fail(err, EINVAL, "nat %u: impossible port range of a redirect", head->id);
    return 0;
}

static int check_config(const void *data, size_t size, struct nv_error *err)
{
    const struct nv_rules_nat *head = data;
    if (size < sizeof(*head) || (uintptr_t)data % 8 != 0)
        return nv_fail(err, EINVAL, "nat configuration of %zu bytes: too short or not aligned to 8", size);
    if (head->magic != NV_RULES_NAT_MAGIC || head->version != NV_RULES_VERSION)
        return nv_fail(err, EINVAL, "nat configuration: magic %#x, version %u; this engine takes %#x, %u", head->magic,
                       head->version, NV_RULES_NAT_MAGIC, NV_RULES_VERSION);
    uint64_t wanted = sizeof(*head) + (uint64_t)head->redirects * sizeof(struct nv_rules_redirect) +
                      (uint64_t)head->targets * sizeof(struct nv_rules_target);
    if (wanted != size)
        return nv_fail(err, EINVAL, "nat configuration: its lists do not fill %zu bytes", size);
    if (head->id == 0 || head->id > NV_RULES_NAT_MAX_ID)
        return nv_fail(err, EINVAL, "nat %u: instances are 1 to %u", head->id, NV_RULES_NAT_MAX_ID);
    if (head->port_lo > head->port_hi)
        return nv_fail(err, EINVAL, "nat %u: port range %u-%u is upside down", head->id, head->port_lo, head->port_hi);
    const struct nv_rules_redirect *redirects = (const void *)(head + 1);
    int error = 0;
    for (uint32_t i = 0; i < head->redirects && error == 0; i++)
        error = check_redirect(head, &redirects[i], err);
    return error;
}

/* Copies of the lists; false without memory. */
static bool copy_lists(struct rules_nat *nat, const struct nv_rules_nat *head)
{
    const struct nv_rules_redirect *redirects = (const void *)(head + 1);
    const struct nv_rules_target *targets = (const void *)(redirects + head->redirects);
    nat->config = *head;
    nat->redirects = malloc((head->redirects + 1) * sizeof(*redirects));
    nat->targets = malloc((head->targets + 1) * sizeof(*targets));
    nat->turns = calloc(head->redirects + 1, sizeof(*nat->turns));
    if (!nat->redirects || !nat->targets || !nat->turns)
        return false;
    memcpy(nat->redirects, redirects, head->redirects * sizeof(*redirects));
    memcpy(nat->targets, targets, head->targets * sizeof(*targets));
    return true;
}

static void free_lists(struct rules_nat *nat)
{
    free(nat->redirects);
    free(nat->targets);
    free(nat->turns);
}

void rules_nat_free(struct rules_nat *nat)
{
    if (!nat)
        return;
    free_lists(nat);
    free(nat->links);
    free(nat);
}

/* Put a new instance among the others. Under shared_lock; room is there. */
static void insert(struct nv_rules *engine, struct rules_nat *nat)
{
    uint32_t at = engine->nat_count++;
    for (; at > 0 && engine->nats[at - 1]->config.id > nat->config.id; at--)
        engine->nats[at] = engine->nats[at - 1];
    engine->nats[at] = nat;
}

int nv_rules_nat_config(struct nv_rules *engine, const void *data, size_t size, struct nv_error *err)
{
    const struct nv_rules_nat *head = data;
    int error = check_config(data, size, err);
    if (error != 0)
        return error;
    struct rules_nat *fresh = calloc(1, sizeof(*fresh));
    if (!fresh || !copy_lists(fresh, head)) {
        rules_nat_free(fresh);
        return nv_fail(err, ENOMEM, "no memory for nat %u", head->id);
    }
    pthread_mutex_lock(&engine->lock);
    struct rules_nat **nats = realloc(engine->nats, (engine->nat_count + 1) * sizeof(*nats));
    pthread_mutex_lock(&engine->shared_lock);
    engine->nats = nats ? nats : engine->nats;
    struct rules_nat *old = nat_find(engine, head->id);
    if (!nats) {
        error = nv_fail(err, ENOMEM, "no memory for nat %u", head->id);
    } else if (old) { /* the lists change places, the links stay */
        struct rules_nat was = *old;
        if (head->flags & NV_NAT_RESET && head->address != old->config.address)
            nat_forget_all(old);
        old->config = fresh->config;
        old->redirects = fresh->redirects;
        old->targets = fresh->targets;
        old->turns = fresh->turns;
        fresh->redirects = was.redirects;
        fresh->targets = was.targets;
        fresh->turns = was.turns;
    } else {
        fresh->secret = engine->secret;
        fresh->random = engine->seed | 1;
        insert(engine, fresh);
        fresh = NULL;
    }
    pthread_mutex_unlock(&engine->shared_lock);
    pthread_mutex_unlock(&engine->lock);
    rules_nat_free(fresh);
    return error;
}

int nv_rules_nat_delete(struct nv_rules *engine, uint32_t id, struct nv_error *err)
{
    pthread_mutex_lock(&engine->lock);
    pthread_mutex_lock(&engine->shared_lock);
    struct rules_nat *nat = nat_find(engine, id);
    uint32_t at = 0;
    while (nat && engine->nats[at] != nat)
        at++;
    if (nat) {
        for (engine->nat_count--; at < engine->nat_count; at++)
            engine->nats[at] = engine->nats[at + 1];
    }
    pthread_mutex_unlock(&engine->shared_lock);
    pthread_mutex_unlock(&engine->lock);
    rules_nat_free(nat);
    return nat ? 0 : nv_fail(err, ENOENT, "nat %u is not configured", id);
}

int nv_rules_nat_links(struct nv_rules *engine, uint32_t id, struct nv_rules_nat_stats *out, struct nv_error *err)
{
    pthread_mutex_lock(&engine->shared_lock);
    const struct rules_nat *nat = nat_find(engine, id);
    if (nat)
        *out = nat->stats;
    pthread_mutex_unlock(&engine->shared_lock);
    return nat ? 0 : nv_fail(err, ENOENT, "nat %u is not configured", id);
}
