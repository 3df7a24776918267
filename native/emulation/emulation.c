/* SPDX-License-Identifier: BSD-2-Clause */
/* emulation.c - an emulator as a whole: make, destroy, names. */
#include <errno.h>
#include <stdlib.h>

#include "emulation/line.h"
#include "memory/error.h"

#define NAME(id, name) name,
static const char *const drop_names[] = {NV_EMU_DROPS(NAME)};
#undef NAME
_Static_assert(sizeof drop_names / sizeof *drop_names == NV_EMU_DROP_COUNT, "a name for each drop");
_Static_assert(sizeof(struct nv_emu_packet) == 64, "a packet's record is one cache line");

const char *nv_emu_drop_name(unsigned reason)
{
    return reason < NV_EMU_DROP_COUNT ? drop_names[reason] : NULL;
}

/* What the core lends to queue management: arg is the emulator, emu->serving the path it acts for. */
static uint64_t host_random(void *arg)
{
    struct nv_emu *emu = arg;
    return nv_random_next(&emu->serving->plan->random);
}

static void host_drop(void *arg, struct emu_flow *flow, struct nv_emu_packet *packet, enum nv_emu_drop reason)
{
    struct nv_emu *emu = arg;
    struct emu_queue *queue = emu_queue_of(flow);
    emu->serving->waiting--;
    emu_queue_drop(queue, packet, reason);
    if (queue->set->config.no_error)
        packet->flags |= NV_EMU_NO_ERROR;
    emu_lose(emu, packet, reason, emu->serving_ns);
}

int nv_emu_create(const struct nv_emu_options *options, struct nv_emu **out, struct nv_error *err)
{
    struct nv_emu *emu = calloc(1, sizeof *emu);
    struct nv_random random;
    uint32_t number;
    if (!emu)
        return nv_fail(err, ENOMEM, "no memory for an emulator");
    if (options)
        emu->options = *options;
    if (!emu->options.memory)
        emu->options.memory = UINT64_C(1) << 31;
    if (!emu->options.expire_ns)
        emu->options.expire_ns = UINT64_C(10000000000);
    nv_random_seed(&random, emu->options.seed, 0);
    emu->key.k0 = nv_random_next(&random);
    emu->key.k1 = nv_random_next(&random);
    emu->perturb = nv_random_next(&random);
    slab_init(&emu->queues, sizeof(struct emu_queue), &emu->memory, emu->options.memory);
    slab_init(&emu->paths, sizeof(struct emu_path), &emu->memory, emu->options.memory);
    emu->queue_table.spent = emu->path_table.spent = &emu->memory;
    wheel_init(&emu->wheel, &emu->memory);
    emu->host = (struct emu_aqm_host){emu, host_random, host_drop};
    emu->losses = slab_take(&emu->paths, &number);
    if (!emu->losses || !wheel_room(&emu->wheel, number)) {
        nv_emu_destroy(emu);
        return nv_fail(err, ENOMEM, "no memory for an emulator");
    }
    emu->losses->number = number;
    emu->losses->flags = PATH_HEAP;
    pthread_mutex_init(&emu->lock, NULL);
    *out = emu;
    return 0;
}

void nv_emu_set_copy(struct nv_emu *emu, struct nv_emu_packet *(*copy)(void *arg, const struct nv_emu_packet *packet),
                     void *arg)
{
    pthread_mutex_lock(&emu->lock);
    emu->options.copy = copy;
    emu->options.arg = arg;
    pthread_mutex_unlock(&emu->lock);
}

void nv_emu_set_changed(struct nv_emu *emu, void (*changed)(void *arg), void *arg)
{
    pthread_mutex_lock(&emu->lock);
    emu->changed = changed;
    emu->changed_arg = arg;
    pthread_mutex_unlock(&emu->lock);
}

void emu_unlock_changed(struct nv_emu *emu)
{
    if (emu->changed)
        emu->changed(emu->changed_arg);
    pthread_mutex_unlock(&emu->lock);
}

void nv_emu_destroy(struct nv_emu *emu)
{
    if (!emu)
        return;
    if (emu->losses) {
        nv_emu_flush(emu);
        pthread_mutex_destroy(&emu->lock);
    }
    emu_hash_fini(&emu->queue_table);
    emu_hash_fini(&emu->path_table);
    slab_fini(&emu->queues);
    slab_fini(&emu->paths);
    wheel_fini(&emu->wheel);
    free(emu);
}
