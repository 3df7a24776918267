/* SPDX-License-Identifier: BSD-2-Clause */
/* xsk.c - see xsk.h. The order of calls and the errors are those of Documentation/networking/af_xdp.rst and of trying.
 */
#include "nic/xsk.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS    1000000
#define RETRY_NS     (2 * NS_PER_MS)
#define BUDGET_LEAST 32u

static int set(int fd, int option, const void *value, socklen_t size)
{
    return setsockopt(fd, SOL_XDP, option, value, size) ? -errno : 0;
}

/* Give the socket its memory. */
static int set_memory(const struct nv_xsk *x, const struct nv_xsk_plan *plan, struct nv_error *err)
{
    const struct xdp_umem_reg memory = {
        .addr = (uintptr_t)plan->memory,
        .len = plan->memory_size,
        .chunk_size = plan->buffer_size + NV_XSK_HEAD,
        .flags = XDP_UMEM_UNALIGNED_CHUNK_FLAG,
    };
    int error = set(x->fd, XDP_UMEM_REG, &memory, sizeof(memory));
    if (error == -ENOBUFS)
        return nv_fail(err, ENOBUFS, "%s: %zu bytes of memory may not be locked (CAP_IPC_LOCK, or ulimit -l)",
                       plan->name, plan->memory_size);
    if (error)
        return nv_fail(err, -error, "%s: the kernel does not take the memory for AF_XDP: %s", plan->name,
                       strerror(-error));
    return 0;
}

static int set_sizes(const struct nv_xsk *x, const struct nv_xsk_plan *plan, struct nv_error *err)
{
    /* Fill and completion rings are needed for either direction. */
    const uint32_t fill = plan->rx_slots ? plan->rx_slots : 1, completion = plan->tx_slots ? plan->tx_slots : 1;
    int error = set(x->fd, XDP_UMEM_FILL_RING, &fill, sizeof(fill));
    if (!error)
        error = set(x->fd, XDP_UMEM_COMPLETION_RING, &completion, sizeof(completion));
    if (!error && plan->rx_slots)
        error = set(x->fd, XDP_RX_RING, &plan->rx_slots, sizeof(plan->rx_slots));
    if (!error && plan->tx_slots)
        error = set(x->fd, XDP_TX_RING, &plan->tx_slots, sizeof(plan->tx_slots));
    return error ? nv_fail(err, -error, "%s: the kernel does not take rings of %u and %u slots: %s", plan->name,
                           plan->rx_slots, plan->tx_slots, strerror(-error))
                 : 0;
}

static int map_ring(int fd, struct nv_xsk_ring *ring, const struct xdp_ring_offset *at, uint32_t entries,
                    size_t entry_size, off_t page)
{
    const size_t size = at->desc + entries * entry_size;
    char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, page);
    if (map == MAP_FAILED)
        return -errno;
    *ring = (struct nv_xsk_ring){
        .producer = (uint32_t *)(void *)(map + at->producer),
        .consumer = (uint32_t *)(void *)(map + at->consumer),
        .flags = (uint32_t *)(void *)(map + at->flags),
        .entries = map + at->desc,
        .mask = entries - 1,
        .map = map,
        .map_size = size,
    };
    return 0;
}

static int map_rings(struct nv_xsk *x, const struct nv_xsk_plan *plan, struct nv_error *err)
{
    struct xdp_mmap_offsets at;
    socklen_t size = sizeof(at);
    int error = getsockopt(x->fd, SOL_XDP, XDP_MMAP_OFFSETS, &at, &size) ? -errno : 0;
    if (!error)
        error = map_ring(x->fd, &x->fill, &at.fr, plan->rx_slots ? plan->rx_slots : 1, sizeof(uint64_t),
                         (off_t)XDP_UMEM_PGOFF_FILL_RING);
    if (!error)
        error = map_ring(x->fd, &x->completion, &at.cr, plan->tx_slots ? plan->tx_slots : 1, sizeof(uint64_t),
                         (off_t)XDP_UMEM_PGOFF_COMPLETION_RING);
    if (!error && plan->rx_slots)
        error = map_ring(x->fd, &x->rx, &at.rx, plan->rx_slots, sizeof(struct xdp_desc), XDP_PGOFF_RX_RING);
    if (!error && plan->tx_slots)
        error = map_ring(x->fd, &x->tx, &at.tx, plan->tx_slots, sizeof(struct xdp_desc), (off_t)XDP_PGOFF_TX_RING);
    return error ? nv_fail(err, -error, "%s: the rings of AF_XDP cannot be mapped: %s", plan->name, strerror(-error))
                 : 0;
}

int nv_xsk_open(struct nv_xsk *x, const struct nv_xsk_plan *plan, struct nv_error *err)
{
    memset(x, 0, sizeof(*x));
    x->fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (x->fd < 0 && errno == EPERM)
        return nv_fail(err, EPERM, "%s: AF_XDP takes the capability CAP_NET_RAW (root has it)", plan->name);
    if (x->fd < 0)
        return nv_fail(err, errno, "%s: the kernel has no AF_XDP: %s", plan->name, strerror(errno));
    int error = plan->share >= 0 ? 0 : set_memory(x, plan, err);
    if (!error)
        error = set_sizes(x, plan, err);
    if (!error)
        error = map_rings(x, plan, err);
    if (error) {
        nv_xsk_close(x);
        return error;
    }
    /* One call sends 32 frames otherwise; kernels before 6.14 have no such option, and send what there is. */
    if (plan->tx_slots > BUDGET_LEAST)
        (void)set(x->fd, NV_XDP_MAX_TX_SKB_BUDGET, &plan->tx_slots, sizeof(plan->tx_slots));
    return 0;
}

static int bind_with(const struct nv_xsk *x, const struct nv_xsk_plan *plan, uint16_t flags)
{
    const struct sockaddr_xdp address = {
        .sxdp_family = AF_XDP,
        .sxdp_flags = plan->share >= 0 ? XDP_SHARED_UMEM : flags,
        .sxdp_ifindex = plan->ifindex,
        .sxdp_queue_id = plan->queue,
        .sxdp_shared_umem_fd = plan->share >= 0 ? (uint32_t)plan->share : 0,
    };
    return bind(x->fd, (const struct sockaddr *)&address, sizeof(address)) ? -errno : 0;
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 * NS_PER_MS + now.tv_nsec;
}

int nv_xsk_bind(struct nv_xsk *x, const struct nv_xsk_plan *plan, int64_t patience_ns, struct nv_error *err)
{
    static const struct timespec retry = {.tv_nsec = RETRY_NS};
    const int64_t end = now_ns() + patience_ns;
    uint16_t flags = plan->fragments ? NV_XDP_USE_SG : 0;
    int error = bind_with(x, plan, flags);
    if (error == -EINVAL && flags) { /* before Linux 6.6 */
        flags = 0;
        error = bind_with(x, plan, 0);
    }
    while (error == -EBUSY && now_ns() < end) {
        nanosleep(&retry, NULL);
        error = bind_with(x, plan, flags);
    }
    struct xdp_options options = {0};
    socklen_t size = sizeof(options);
    if (!error && !getsockopt(x->fd, SOL_XDP, XDP_OPTIONS, &options, &size))
        x->zero_copy = (options.flags & XDP_OPTIONS_ZEROCOPY) != 0;
    x->fragments = flags != 0;
    switch (error) {
    case 0:
        return 0;
    case -EBUSY:
        return nv_fail(err, EBUSY, "%s: queue %u is in use by another AF_XDP socket", plan->name, plan->queue);
    case -EINVAL:
        return nv_fail(err, EINVAL, "%s has no queue %u in use (ethtool -l %s)", plan->name, plan->queue, plan->name);
    default:
        return nv_fail(err, -error, "%s: queue %u cannot be bound: %s", plan->name, plan->queue, strerror(-error));
    }
}

void nv_xsk_close(struct nv_xsk *x)
{
    struct nv_xsk_ring *rings[] = {&x->fill, &x->completion, &x->rx, &x->tx};
    for (unsigned i = 0; i < sizeof(rings) / sizeof(rings[0]); i++)
        if (rings[i]->map)
            munmap(rings[i]->map, rings[i]->map_size);
    if (x->fd >= 0)
        close(x->fd);
    memset(x, 0, sizeof(*x));
    x->fd = -1;
}

int nv_xsk_kick(const struct nv_xsk *x)
{
    while (sendto(x->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

int nv_xsk_alive(const struct nv_xsk *x)
{
    if (recvfrom(x->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL) >= 0 || (errno != ENETDOWN && errno != ENXIO))
        return 0;
    return -errno;
}

uint64_t nv_xsk_drops(const struct nv_xsk *x)
{
    struct xdp_statistics stats = {0};
    socklen_t size = sizeof(stats);
    if (getsockopt(x->fd, SOL_XDP, XDP_STATISTICS, &stats, &size))
        return 0;
    return stats.rx_dropped + stats.rx_ring_full;
}
