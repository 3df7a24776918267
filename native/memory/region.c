/* SPDX-License-Identifier: BSD-2-Clause */
/* region.c - making, mapping and handing out shared memory. */
#include "memory/region.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE          4096u
#define MAX_EXTRA     (128u * 4096u)
#define MAX_SLOTS     4096u
#define MAX_RING_SIZE 69632u /* MAX_SLOTS and the header, in whole pages */

static uint64_t round_up(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

static uint32_t power_of_two(uint32_t value)
{
    uint32_t p = 1;
    while (p < value)
        p <<= 1;
    return p;
}

static uint32_t slots_of(uint32_t ring_size)
{
    return (uint32_t)((ring_size - sizeof(struct netmap_ring)) / sizeof(struct netmap_slot));
}

/* netmap_mem_private_new: room for two pipes of as many rings, or four of one, and a fake host ring each way. */
struct nv_geometry nv_geometry_private(uint32_t tx_rings, uint32_t rx_rings, uint32_t tx_slots, uint32_t rx_slots,
                                       uint32_t extra_bufs)
{
    const uint32_t pipes = 2;
    uint32_t slots = tx_slots > rx_slots ? tx_slots : rx_slots;
    uint32_t extra = extra_bufs < MAX_EXTRA ? extra_bufs : MAX_EXTRA;
    uint64_t ring_size = round_up(sizeof(struct netmap_ring) + slots * sizeof(struct netmap_slot), PAGE);
    uint32_t spread = tx_rings > rx_rings ? tx_rings : rx_rings;
    uint32_t pipe_rings = 2 * pipes * (spread > 2 ? spread : 2);
    return (struct nv_geometry){
        .if_total = 2 + 4 * pipes + (spread > 1 ? 2 * spread : 0),
        .if_size = (uint32_t)round_up(sizeof(struct netmap_if) + (tx_rings + rx_rings + 2) * sizeof(ssize_t), 1024),
        .ring_total = tx_rings + rx_rings + 2 + 8 * pipes * spread,
        .ring_size = ring_size < 20480 ? 20480 : (uint32_t)ring_size,
        .buf_total = (pipe_rings + rx_rings) * rx_slots + (pipe_rings + tx_rings) * tx_slots + 2 + extra,
        .buf_size = NV_BUF_SIZE,
    };
}

struct nv_geometry nv_geometry_shared(void)
{
    return (struct nv_geometry){.if_total = 100,
                                .if_size = 1024,
                                .ring_total = 200,
                                .ring_size = 36864,
                                .buf_total = 163840,
                                .buf_size = NV_BUF_SIZE};
}

void nv_region_file(char *buf, uint16_t mem_id, const char *part)
{
    snprintf(buf, 32, "region.%u.%s", mem_id, part);
}

/* Everything about a region's layout follows from its geometry. */
static struct nv_control layout(uint16_t mem_id, const struct nv_geometry *g)
{
    struct nv_control c = {.magic = NV_CONTROL_MAGIC, .layout = NV_LAYOUT, .mem_id = mem_id, .geometry = *g};
    c.ring_offset = round_up((uint64_t)g->if_total * g->if_size, PAGE);
    c.buf_offset = c.ring_offset + round_up((uint64_t)g->ring_total * g->ring_size, PAGE);
    c.data_size = c.buf_offset + round_up((uint64_t)g->buf_total * g->buf_size, PAGE);
    c.if_owner_at = PAGE;
    c.ring_owner_at = c.if_owner_at + round_up(g->if_total * 4ull, 64);
    c.buf_owner_at = c.ring_owner_at + round_up(g->ring_total * 4ull, 64);
    c.buf_place_at = c.buf_owner_at + round_up(g->buf_total * 4ull, 64);
    c.ctl_at = round_up(c.buf_place_at + g->buf_total * 4ull, PAGE);
    c.ctl_size =
        (uint32_t)round_up(sizeof(struct nv_ring_ctl) + nv_queue_size(power_of_two(slots_of(g->ring_size))), PAGE);
    c.control_size = c.ctl_at + (uint64_t)g->ring_total * c.ctl_size;
    c.backed = NV_FIRST_BUF;
    c.buf_hint = NV_FIRST_BUF;
    return c;
}

static void fill_control(void *map, void *arg)
{
    memcpy(map, arg, sizeof(struct nv_control));
}

static void fill_nothing(void *map, void *arg)
{
    (void)map;
    (void)arg;
}

int nv_region_create(int dirfd, uint16_t mem_id, const struct nv_geometry *g, struct nv_error *err)
{
    if (g->ring_size > MAX_RING_SIZE || g->buf_total > NV_ENTRY_BUF_MASK)
        return nv_fail(err, EINVAL, "a region of %u buffers is beyond this library", g->buf_total);
    struct nv_control c = layout(mem_id, g);
    char name[32];
    struct nv_error why = {0};
    nv_region_file(name, mem_id, "data");
    void *map = nv_file_create(dirfd, name, c.data_size, c.buf_offset + (uint64_t)NV_FIRST_BUF * NV_BUF_SIZE,
                               fill_nothing, NULL, &why);
    if (map) {
        munmap(map, c.data_size);
        nv_region_file(name, mem_id, "control");
        map = nv_file_create(dirfd, name, c.control_size, c.ctl_at, fill_control, &c, &why);
    }
    if (!map)
        return nv_fail(err, why.code, "%s", why.message);
    munmap(map, c.control_size);
    return 0;
}

/* All but the counters is recomputed from the geometry: a header that lies is refused, never followed. */
static bool control_is_sane(const struct nv_control *c, size_t control_size, size_t data_size, uint16_t mem_id)
{
    const struct nv_geometry *g = &c->geometry;
    if (g->buf_size != NV_BUF_SIZE || g->ring_size < 20480 || g->ring_size > MAX_RING_SIZE ||
        g->buf_total > NV_ENTRY_BUF_MASK || g->if_total > 65536 || g->ring_total >= 1u << (32 - NV_PLACE_BITS) ||
        g->if_size > 65536)
        return false;
    struct nv_control want = layout(mem_id, g);
    return want.data_size == data_size && want.control_size == control_size &&
           memcmp(c, &want, offsetof(struct nv_control, backed)) == 0;
}

struct nv_region *nv_region_map(int dirfd, uint16_t mem_id, struct nv_error *err)
{
    char name[32];
    struct nv_region *r = calloc(1, sizeof(*r));
    if (!r) {
        nv_fail(err, ENOMEM, "out of memory");
        return NULL;
    }
    r->refs = 1;
    r->dirfd = dirfd;
    r->mem_id = mem_id;
    nv_region_file(name, mem_id, "control");
    r->control = nv_file_map(dirfd, name, &r->control_size, &r->ino, err);
    if (r->control && (r->control->magic != NV_CONTROL_MAGIC || r->control->layout != NV_LAYOUT)) {
        nv_fail(err, EPROTO, "memory region %u has layout %u, this library has %u: a different version made it", mem_id,
                r->control->magic == NV_CONTROL_MAGIC ? r->control->layout : 0, NV_LAYOUT);
    } else if (r->control) {
        nv_region_file(name, mem_id, "data");
        r->data = nv_file_map(dirfd, name, &r->data_size, NULL, err);
        if (r->data && !control_is_sane(r->control, r->control_size, r->data_size, mem_id)) {
            nv_fail(err, EPROTO, "memory region %u has impossible sizes", mem_id);
            munmap(r->data, r->data_size);
            r->data = NULL;
        }
    }
    if (!r->control || !r->data) {
        if (r->control)
            munmap(r->control, r->control_size);
        free(r);
        return NULL;
    }
    r->bufs = r->data + r->control->buf_offset;
    r->if_owner = (uint32_t *)((char *)r->control + r->control->if_owner_at);
    r->ring_owner = (nv_token *)((char *)r->control + r->control->ring_owner_at);
    r->buf_owner = (uint32_t *)((char *)r->control + r->control->buf_owner_at);
    r->buf_place = (uint32_t *)((char *)r->control + r->control->buf_place_at);
    return r;
}

void nv_region_unmap(struct nv_region *r)
{
    munmap(r->control, r->control_size);
    munmap(r->data, r->data_size);
    free(r);
}

/* Give memory to n more buffers behind the first `backed`: in steps of a megabyte while there is plenty. */
static int back_bufs(struct nv_region *r, uint32_t backed, uint32_t n)
{
    const uint32_t left = r->control->geometry.buf_total - backed, plenty = (n + 511) / 512 * 512;
    const uint64_t from = r->control->buf_offset + (uint64_t)backed * NV_BUF_SIZE;
    char name[32];
    if (left == 0)
        return -ENOMEM;
    n = n < left ? n : left;
    uint32_t more = plenty < left ? plenty : left;
    nv_region_file(name, r->mem_id, "data");
    int error = nv_file_back(r->dirfd, name, from, from + (uint64_t)more * NV_BUF_SIZE);
    if (error && more > n)
        error = nv_file_back(r->dirfd, name, from, from + (uint64_t)(more = n) * NV_BUF_SIZE);
    uint32_t mark = backed;
    while (!error && mark < backed + more &&
           !__atomic_compare_exchange_n(&r->control->backed, &mark, backed + more, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
        ;
    return error;
}

uint32_t nv_region_take_bufs(struct nv_region *r, nv_token owner, uint32_t *out, uint32_t n, int *error)
{
    uint32_t taken = 0, index = __atomic_load_n(&r->control->buf_hint, __ATOMIC_RELAXED);
    for (*error = 0; !*error;) { /* first from those that have memory */
        const uint32_t backed = __atomic_load_n(&r->control->backed, __ATOMIC_ACQUIRE);
        for (uint32_t seen = NV_FIRST_BUF; taken < n && seen < backed; seen++, index++) {
            uint32_t nobody = 0;
            if (index < NV_FIRST_BUF || index >= backed)
                index = NV_FIRST_BUF;
            if (!__atomic_load_n(&r->buf_owner[index], __ATOMIC_RELAXED) &&
                __atomic_compare_exchange_n(&r->buf_owner[index], &nobody, owner, false, __ATOMIC_ACQ_REL,
                                            __ATOMIC_RELAXED))
                out[taken++] = index;
        }
        if (taken == n)
            break;
        index = backed;
        *error = back_bufs(r, backed, n - taken);
    }
    __atomic_store_n(&r->control->buf_hint, index, __ATOMIC_RELAXED);
    return taken;
}

int nv_region_take_rings(struct nv_region *r, nv_token owner, uint32_t count)
{
    uint32_t total = r->control->geometry.ring_total;
    for (uint32_t first = 0; first + count <= total; first++) {
        uint32_t n = 0;
        while (n < count && !r->ring_owner[first + n])
            n++;
        if (n < count) {
            first += n;
            continue;
        }
        char name[32];
        nv_region_file(name, r->mem_id, "control");
        int error = nv_file_back(r->dirfd, name, r->control->ctl_at + (size_t)first * r->control->ctl_size,
                                 r->control->ctl_at + (size_t)(first + count) * r->control->ctl_size);
        if (error)
            return error;
        for (n = 0; n < count; n++)
            __atomic_store_n(&r->ring_owner[first + n], owner, __ATOMIC_RELEASE);
        return (int)first;
    }
    return -ENOMEM;
}

bool nv_region_has_rings(const struct nv_region *r, uint32_t first, uint32_t count, nv_token owner)
{
    const uint32_t total = r->control->geometry.ring_total;
    if (first > total || count > total - first)
        return false;
    for (uint32_t i = first; i < first + count; i++)
        if (nv_load(r->ring_owner[i]) != owner)
            return false;
    return true;
}

int nv_region_take_if(struct nv_region *r, uint32_t owner)
{
    for (uint32_t i = 0; i < r->control->geometry.if_total; i++)
        if (!r->if_owner[i]) {
            r->if_owner[i] = owner;
            return (int)i;
        }
    return -ENOMEM;
}

void nv_region_give_bufs(struct nv_region *r, nv_token from, nv_token to)
{
    for (uint32_t i = NV_FIRST_BUF; i < r->control->geometry.buf_total; i++) {
        uint32_t owner = from;
        if (__atomic_load_n(&r->buf_owner[i], __ATOMIC_RELAXED) == from)
            __atomic_compare_exchange_n(&r->buf_owner[i], &owner, to, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    }
}

/*
 * A queue with empty buffers bufs[0 .. slots - 2], or with none. Sequence numbers go on where the ring's last user
 * ended: a sender of his that wakes up now finds nothing as it was, whatever part of this it sees.
 */
static void init_queue(struct nv_queue *q, uint32_t slots, const uint32_t *bufs)
{
    const uint32_t entries = power_of_two(slots), seq = (uint32_t)(nv_load(q->reserve) >> 32) + 2 * MAX_SLOTS;
    nv_store(q->refill, 0);
    nv_store(q->consumed, 0);
    nv_store(q->mask, entries - 1);
    nv_store(q->slots, slots);
    nv_store(q->wary, 0);
    nv_store(q->armed, 0);
    nv_store(q->armed_tx, 0);
    for (uint32_t i = 1; i <= entries; i++) {
        nv_store(q->full[i - 1], 0);
        nv_store(*nv_queue_record(q, seq - i), nv_record(NV_LEASE_TAKEN, 0, 0, 0, seq - i));
        nv_store(nv_queue_empty(q)[i - 1], bufs && i < slots ? bufs[i - 1] : 0);
    }
    nv_store(q->head_seq, seq);
    nv_store(q->reserve, (uint64_t)seq << 32);
    if (bufs)
        nv_store(q->refill, slots - 1);
}

bool nv_region_queued(const struct nv_region *r, uint32_t buf)
{
    const uint32_t place = __atomic_load_n(&r->buf_place[buf], __ATOMIC_RELAXED), ring = (place >> NV_PLACE_BITS) - 1;
    if (ring >= r->control->geometry.ring_total)
        return false;
    const struct nv_queue *q = &nv_region_ctl(r, ring)->queue;
    const uint32_t consumed = nv_load(q->consumed), refill = nv_load(q->refill);
    const uint32_t behind = (place - consumed) & ((1u << NV_PLACE_BITS) - 1);
    /* An exchange leaves the index standing there, and gives the buffer to another port. */
    return behind < refill - consumed && nv_queue_buffer(q, consumed + behind) == buf &&
           nv_load(r->buf_owner[buf]) == nv_load(q->owner);
}

void nv_region_init_ring(struct nv_region *r, uint32_t index, unsigned ring_id, bool rx, uint32_t slots,
                         const uint32_t *bufs, nv_token owner)
{
    struct nv_ring_ctl *ctl = nv_region_ctl(r, index);
    nv_pair_store(&ctl->hwcur, 0, 0);
    nv_pair_store(&ctl->hwtail, rx ? 0 : slots - 1, 0);
    nv_pair_store(&ctl->released, 0, ctl->queue.refill);
    ctl->completed = 0;
    ctl->peer = 0;
    ctl->turned_away = 0;
    memset(&ctl->stats, 0, sizeof(ctl->stats));
    init_queue(&ctl->queue, slots, rx ? bufs : NULL);
    for (uint32_t i = 0; i < slots; i++)
        nv_store(r->buf_place[bufs[i]], rx && i < slots - 1 ? nv_place(index, i) : 0);
    nv_store(ctl->turn, 0);
    nv_store(ctl->queue.owner, rx ? owner : 0);

    struct netmap_ring *ring = nv_region_ring(r, index);
    memset(ring, 0, sizeof(*ring));
    *(int64_t *)(uintptr_t)&ring->buf_ofs = r->bufs - (char *)ring;
    *(uint32_t *)(uintptr_t)&ring->num_slots = slots;
    *(uint32_t *)(uintptr_t)&ring->nr_buf_size = NV_BUF_SIZE;
    *(uint16_t *)(uintptr_t)&ring->ringid = (uint16_t)ring_id;
    *(uint16_t *)(uintptr_t)&ring->dir = rx;
    ring->tail = ctl->hwtail;
    for (uint32_t i = 0; i < slots; i++)
        ring->slot[i] = (struct netmap_slot){.buf_idx = bufs[i]};
}
