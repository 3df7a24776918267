/* SPDX-License-Identifier: BSD-2-Clause */
/* subnet.c - see subnet.h. */
#include "namespace/subnet.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define NEST_BITS  4u /* a link behind a link gets a sixteenth of its block */
#define V4_DEEPEST 28u
#define TRIES      64

static const struct nv_prefix all_v4 = {AF_INET, {100, 64}, 10};
static const struct nv_prefix all_v6 = {AF_INET6, {0xfd}, 8};

/* Do the first `bits` bits agree? */
static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned bytes = bits / 8, rest = bits % 8;
    return !memcmp(a, b, bytes) && (!rest || !((a[bytes] ^ b[bytes]) >> (8 - rest)));
}

static bool overlap(const struct nv_prefix *a, const struct nv_prefix *b)
{
    return same_bits(a->address, b->address, a->bits < b->bits ? a->bits : b->bits);
}

/* Fill bits [from, to) of the address from the low bits of `value`. */
static void put_bits(uint8_t *address, unsigned from, unsigned to, uint64_t value)
{
    for (unsigned bit = to; bit-- > from; value >>= 1) {
        uint8_t mask = (uint8_t)(0x80u >> bit % 8);
        address[bit / 8] = (uint8_t)((address[bit / 8] & ~mask) | (value & 1 ? mask : 0));
    }
}

/* The block that was given to this namespace, if it is behind a link. */
static bool is_block(void *arg, const struct nv_prefix *to, bool unreachable, unsigned protocol)
{
    if (!unreachable || protocol != NV_ROUTE_PROTOCOL)
        return false;
    *(struct nv_prefix *)arg = *to;
    return true;
}

struct candidate {
    struct nv_prefix block;
    bool taken;
};

static bool takes(void *arg, const struct nv_prefix *to, bool unreachable, unsigned protocol)
{
    struct candidate *c = arg;
    if (to->bits && !(unreachable && protocol == NV_ROUTE_PROTOCOL))
        c->taken |= overlap(&c->block, to);
    return c->taken;
}

/* A random child of `parent`, `bits` long, that no route of the namespace touches. 0, -ENOSPC or -errno. */
static int choose(int fd, const struct nv_prefix *parent, unsigned bits, struct nv_prefix *out)
{
    for (int i = 0; i < TRIES; i++) {
        struct candidate c = {.block = *parent};
        uint64_t random;
        if (getrandom(&random, sizeof(random), 0) != sizeof(random))
            return -errno;
        c.block.bits = bits;
        put_bits(c.block.address, parent->bits, bits, random);
        int error = nv_netlink_routes(fd, parent->family, takes, &c);
        if (error)
            return error;
        *out = c.block;
        if (!c.taken)
            return 0;
    }
    return -ENOSPC;
}

static int choose_both(int fd, struct nv_subnet *out, struct nv_error *err)
{
    struct nv_prefix v4 = {.family = 0}, v6 = {.family = 0};
    int error = nv_netlink_routes(fd, AF_INET, is_block, &v4);
    if (error)
        return nv_fail(err, -error, "cannot read the routes: %s", strerror(-error));
    if (v4.family && v4.bits + NEST_BITS > V4_DEEPEST)
        return nv_fail(err, ENOSPC, "links nest too deep: at most four, one behind the other");
    out->nested = v4.family != 0;
    error = v4.family ? choose(fd, &v4, v4.bits + NEST_BITS, &out->v4) : choose(fd, &all_v4, 16, &out->v4);
    if (error)
        return nv_fail(err, -error, "no free addresses for the link in %s",
                       v4.family ? "this one's block" : "100.64.0.0/10");
    out->has_v6 = nv_netlink_routes(fd, AF_INET6, is_block, &v6) == 0;
    if (out->has_v6)
        out->has_v6 =
            (v6.family ? choose(fd, &v6, v6.bits + NEST_BITS, &out->v6) : choose(fd, &all_v6, 48, &out->v6)) == 0;
    return 0;
}

int nv_subnet_choose(struct nv_subnet *out, struct nv_error *err)
{
    memset(out, 0, sizeof(*out));
    int fd = nv_netlink_open();
    if (fd < 0)
        return nv_fail(err, -fd, "cannot read the routes: %s", strerror(-fd));
    int error = choose_both(fd, out, err);
    close(fd);
    return error;
}

const uint8_t *nv_subnet_mac(enum nv_subnet_end end)
{
    static const uint8_t outside[] = {2, 'n', 'v', 0, 0, NV_SUBNET_OUTSIDE},
                         inside[] = {2, 'n', 'v', 0, 0, NV_SUBNET_INSIDE};
    return end == NV_SUBNET_OUTSIDE ? outside : inside;
}

struct nv_prefix nv_subnet_end(const struct nv_prefix *block, enum nv_subnet_end end)
{
    struct nv_prefix address = *block;
    unsigned last = block->family == AF_INET ? 3 : 15;
    address.address[last] = (uint8_t)(address.address[last] + end);
    address.bits = block->family == AF_INET ? 30 : 126;
    return address;
}
