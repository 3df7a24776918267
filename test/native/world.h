/* SPDX-License-Identifier: BSD-2-Clause */
/* world.h - what tests of ports share: a directory of their own, sending and receiving marked packets. */
#ifndef NETVALE_TEST_WORLD_H
#define NETVALE_TEST_WORLD_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include <net/netmap.h>
#include <net/netmap_user.h>
#include <netvale.h>

#include "check.h"
#include "packet/random.h"

static char world_dir[128];

/* A new, empty directory for this test; ports open there because NETVALE_DIR names it. */
static inline void world_new(void)
{
    const char *base = getenv("NETVALE_TEST_DIR"); /* where the test runner clears up */
    int len = snprintf(world_dir, sizeof(world_dir), "%s/netvale-XXXXXX", base ? base : "/dev/shm");
    if (len >= (int)sizeof(world_dir) || !mkdtemp(world_dir)) {
        perror(world_dir);
        exit(2);
    }
    setenv("NETVALE_DIR", world_dir, 1);
}

/* Files left in the directory. */
static inline int world_files(void)
{
    int n = 0;
    DIR *d = opendir(world_dir);
    for (struct dirent *f; d && (f = readdir(d)) != NULL;)
        n += f->d_name[0] != '.';
    if (d)
        closedir(d);
    return n;
}

/* The end of a test: nothing may be left. */
static inline void world_end(void)
{
    CHECK(world_files() == 0, "%d files left in %s", world_files(), world_dir);
    if (world_files()) {
        DIR *d = opendir(world_dir);
        for (struct dirent *f; d && (f = readdir(d)) != NULL;)
            if (f->d_name[0] != '.') {
                printf("#   left: %s\n", f->d_name);
                unlinkat(dirfd(d), f->d_name, 0);
            }
        closedir(d);
    }
    rmdir(world_dir);
}

/* Open a port; the test ends here when that fails, because it cannot go on. */
static inline struct nv_port *open_with(const char *name, const struct nv_open_options *opt)
{
    struct nv_port *port;
    struct nv_error err = {0};
    int error = nv_open(name, opt, &port, &err);
    CHECK(error == 0, "%s: %s", name, err.message);
    if (error)
        exit(EXIT_FAILURE);
    return port;
}

static inline struct nv_port *open_port(const char *name)
{
    return open_with(name, NULL);
}

/* A port with so many slots in each ring. */
static inline struct nv_port *open_slots(const char *name, uint32_t slots)
{
    const struct nv_open_options opt = {.tx_slots = slots, .rx_slots = slots};
    return open_with(name, &opt);
}

/* Opening must fail with this code and a message that holds this text. */
static inline void refuse_port(const char *name, const struct nv_open_options *opt, int code, const char *text)
{
    struct nv_port *port;
    struct nv_error err = {0};
    int error = nv_open(name, opt, &port, &err);
    CHECK(error == -code, "%s gave %d, not %d (%s)", name, error, -code, err.message);
    CHECK(error == 0 || (err.code == code && strstr(err.message, text)), "%s: \"%s\" has no \"%s\"", name, err.message,
          text);
    CHECK(error == 0 || port == NULL);
    if (error == 0)
        nv_close(port);
}

/* A number in [0, n) from a seed that moves on. */
static inline uint32_t random_below(uint64_t *seed, uint32_t n)
{
    return (uint32_t)(nv_splitmix64(seed) % n);
}

static const uint8_t broadcast_mac[6] = {255, 255, 255, 255, 255, 255};

/* Locally administered unicast address number n. */
static inline void mac_number(uint8_t *mac, unsigned n)
{
    memcpy(mac, (uint8_t[6]){2, 0, 0, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}, 6);
}

static inline uint8_t payload_byte(uint32_t seq, unsigned at)
{
    return (uint8_t)((seq * 2654435761u >> 24) + at * 7 + seq);
}

/* A packet to dst from src: its number in bytes 14..17, then a pattern that depends on number and place. */
static inline void make_packet(uint8_t *p, unsigned len, const uint8_t *dst, const uint8_t *src, uint32_t seq)
{
    memcpy(p, dst, 6);
    memcpy(p + 6, src, 6);
    p[12] = 0x88, p[13] = 0xb5;
    memcpy(p + 14, &seq, 4);
    for (unsigned i = 18; i < len; i++)
        p[i] = payload_byte(seq, i);
}

/* The packet's number, or -1 when any byte is not what make_packet wrote. */
static inline int64_t check_packet(const uint8_t *p, unsigned len)
{
    uint32_t seq;
    memcpy(&seq, p + 14, 4);
    for (unsigned i = 18; i < len; i++)
        if (p[i] != payload_byte(seq, i))
            return -1;
    return seq;
}

/* Put one packet into tx ring `ring` without syncing; false: no room. */
static inline bool put_packet(struct nv_port *port, unsigned ring, unsigned len, const uint8_t *dst, const uint8_t *src,
                              uint32_t seq)
{
    struct netmap_ring *r = nv_txring(port, ring);
    if (nm_ring_empty(r))
        return false;
    struct netmap_slot *s = &r->slot[r->cur];
    make_packet((uint8_t *)NETMAP_BUF(r, s->buf_idx), len, dst, src, seq);
    s->len = (uint16_t)len;
    s->flags = 0;
    r->head = r->cur = nm_ring_next(r, r->cur);
    return true;
}

/* Take one packet from rx ring `ring`: its number (-1 torn) and length; -2: nothing there. */
static inline int64_t get_packet(struct nv_port *port, unsigned ring, unsigned *len)
{
    struct netmap_ring *r = nv_rxring(port, ring);
    if (nm_ring_empty(r))
        return -2;
    struct netmap_slot *s = &r->slot[r->cur];
    int64_t seq = check_packet((const uint8_t *)NETMAP_BUF(r, s->buf_idx), s->len);
    if (len)
        *len = s->len;
    r->head = r->cur = nm_ring_next(r, r->cur);
    return seq;
}

#endif
