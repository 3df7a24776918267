/* SPDX-License-Identifier: BSD-2-Clause */
/* xsk_test.c - AF_XDP sockets and their program on a veth pair: where frames come to lie, long ones, errors, the end.
 */
#include "check.h"
#include "lab.h"
#include "nic/nic.h"
#include "nic/xdp_program.h"
#include "nic/xsk.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#define BUFFER   2048u
#define BUFFERS  64u
#define SLOTS    16u
#define PATIENCE 100000 /* ms */

/* One AF_XDP socket on queue 0 of "x1", with its program attached. */
struct user {
    char *memory;
    struct nv_xsk_plan plan;
    struct nv_xsk socket;
    struct nv_xdp_program program;
};

static int packet_socket = -1; /* on "x0" */

static int user_open(struct user *u, enum nv_xdp_mode mode, struct nv_error *err)
{
    memset(u, 0, sizeof(*u));
    u->socket.fd = -1;
    u->program = (struct nv_xdp_program){.map = -1, .program = -1, .link = -1};
    u->memory = mmap(NULL, BUFFERS * BUFFER, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    u->plan = (struct nv_xsk_plan){.name = "x1",
                                   .ifindex = if_nametoindex("x1"),
                                   .memory = u->memory,
                                   .memory_size = (size_t)BUFFERS * BUFFER,
                                   .buffer_size = BUFFER,
                                   .rx_slots = SLOTS,
                                   .tx_slots = SLOTS,
                                   .share = -1,
                                   .fragments = true};
    int error = nv_xsk_open(&u->socket, &u->plan, err);
    if (!error)
        error = nv_xsk_bind(&u->socket, &u->plan, INT64_C(5000000000), err);
    if (!error)
        error = nv_xdp_load(&u->program, "x1", 1, err);
    if (!error)
        error = nv_xdp_set_socket(&u->program, "x1", 0, u->socket.fd, err);
    return error ? error : nv_xdp_attach(&u->program, "x1", u->plan.ifindex, mode, err);
}

static void user_close(struct user *u)
{
    nv_xdp_unload(&u->program);
    nv_xsk_close(&u->socket);
    munmap(u->memory, BUFFERS * BUFFER);
}

/* Buffers from..to - 1 may be received into. */
static void give(struct user *u, unsigned from, unsigned to)
{
    struct nv_xsk_ring *fill = &u->socket.fill;
    for (unsigned i = from; i < to; i++)
        *nv_xsk_address(fill, fill->mine++) = (uint64_t)i * BUFFER - NV_XSK_HEAD;
    nv_xsk_produced(fill);
}

static void open_packet_socket(void)
{
    const struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex("x0")};
    packet_socket = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
    CHECK(bind(packet_socket, (const struct sockaddr *)&address, sizeof(address)) == 0);
}

static void fill_frame(uint8_t *frame, unsigned length, unsigned seed)
{
    for (unsigned i = 0; i < length; i++)
        frame[i] = (uint8_t)(i * 7 + seed);
    memset(frame, 0xff, 6); /* to everybody */
    frame[6] = 2;           /* from a single station */
    frame[12] = 0x88;       /* a protocol for experiments */
    frame[13] = 0xb5;
}

/* Wait until n descriptors have come. */
static bool wait_for(struct user *u, uint32_t n)
{
    for (unsigned ms = 0; nv_xsk_filled(&u->socket.rx) < n; ms++) {
        struct pollfd p = {.fd = u->socket.fd, .events = POLLIN};
        if (ms > PATIENCE)
            return false;
        poll(&p, 1, 1);
    }
    return true;
}

/* A frame lies at the start of the buffer it was received into, and nothing else was written. */
static void geometry(enum nv_xdp_mode mode)
{
    struct user u;
    struct nv_error err = {0};
    CHECK(user_open(&u, mode, &err) == 0, "%s", err.message);
    CHECK(u.program.native == (mode == NV_XDP_NATIVE));
    memset(u.memory, 0x55, BUFFERS * BUFFER);
    give(&u, 1, 9);
    static const unsigned lengths[] = {14, 60, 1514, BUFFER - 1, BUFFER, BUFFER + 1, 5000};
    unsigned descriptors = 0;
    for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        uint8_t frame[9000], got[9000];
        const unsigned length = lengths[i], parts = (length + BUFFER - 1) / BUFFER;
        fill_frame(frame, length, i);
        CHECK(send(packet_socket, frame, length, 0) == (ssize_t)length);
        CHECK(wait_for(&u, parts), "%u bytes never came", length);
        unsigned at = 0;
        for (unsigned part = 0; part < parts; part++) {
            const struct xdp_desc *d = nv_xsk_desc(&u.socket.rx, u.socket.rx.mine++);
            const uint64_t offset = nv_xsk_offset(d->addr);
            CHECK(offset % BUFFER == 0, "%u bytes lie at %llu", length, (unsigned long long)offset);
            CHECK(((d->options & NV_XDP_PKT_CONTD) != 0) == (part + 1 < parts));
            CHECK(at + d->len <= sizeof(got));
            memcpy(got + at, u.memory + offset, d->len);
            at += d->len;
            descriptors++;
        }
        nv_xsk_consumed(&u.socket.rx);
        CHECK(at == length && !memcmp(got, frame, length), "%u of %u bytes", at, length);
        give(&u, 9 + descriptors - parts, 9 + descriptors);
    }
    for (unsigned i = 0; i < BUFFER - NV_XSK_HEAD; i++) /* buffer 0 is nobody's; its end is the first one's head room */
        CHECK(u.memory[i] == 0x55, "byte %u", i);
    CHECK(nv_xsk_drops(&u.socket) == 0);
    user_close(&u);
}

static void native(void)
{
    geometry(NV_XDP_NATIVE);
}

static void generic(void)
{
    geometry(NV_XDP_GENERIC);
}

/* What is sent arrives, and each descriptor is completed. */
static void sending(void)
{
    struct user u;
    struct nv_error err = {0};
    CHECK(user_open(&u, NV_XDP_BEST, &err) == 0, "%s", err.message);
    struct nv_xsk_ring *tx = &u.socket.tx;
    uint8_t frame[5000], got[9000];
    fill_frame(frame, sizeof(frame), 9);
    memcpy(u.memory + BUFFER, frame, sizeof(frame)); /* three buffers in a row */
    CHECK(nv_xsk_room(tx) == SLOTS);
    for (unsigned left = sizeof(frame), i = 1; left; i++) {
        const unsigned n = left < BUFFER ? left : BUFFER;
        *nv_xsk_desc(tx, tx->mine++) =
            (struct xdp_desc){.addr = (uint64_t)i * BUFFER, .len = n, .options = left > n ? NV_XDP_PKT_CONTD : 0};
        left -= n;
    }
    nv_xsk_produced(tx);
    int error = nv_xsk_kick(&u.socket);
    CHECK(error == 0, "%d", error);
    ssize_t n;
    do
        n = recv(packet_socket, got, sizeof(got), 0);
    while (n >= 14 && (got[12] != 0x88 || got[13] != 0xb5));
    CHECK(n == (ssize_t)sizeof(frame) && !memcmp(got, frame, sizeof(frame)), "%zd bytes", n);
    for (unsigned ms = 0; nv_xsk_filled(&u.socket.completion) < 3 && ms < PATIENCE; ms++)
        poll(NULL, 0, 1);
    CHECK(nv_xsk_filled(&u.socket.completion) == 3);
    for (unsigned i = 1; i <= 3; i++)
        CHECK(*nv_xsk_address(&u.socket.completion, u.socket.completion.mine++) == (uint64_t)i * BUFFER);
    user_close(&u);
}

/* The second user of an interface is told who has it; when that one goes, in whatever way, it is free. */
static void busy(void)
{
    struct user u;
    struct nv_error err = {0};
    int ready[2];
    CHECK(pipe(ready) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        char done = (char)(user_open(&u, NV_XDP_BEST, &err) == 0);
        _exit(write(ready[1], &done, 1) == 1 && pause() ? 0 : 1);
    }
    char done = 0;
    CHECK(read(ready[0], &done, 1) == 1 && done);
    struct nv_xdp_program p;
    char expected[64];
    snprintf(expected, sizeof(expected), "x1: in use by process %d (", (int)pid);
    CHECK(nv_xdp_load(&p, "x1", 1, &err) == 0, "%s", err.message);
    CHECK(nv_xdp_attach(&p, "x1", if_nametoindex("x1"), NV_XDP_BEST, &err) == -EBUSY);
    CHECK(!strncmp(err.message, expected, strlen(expected)), "%s", err.message);
    nv_xdp_unload(&p);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    struct nv_nic *nic = calloc(1, sizeof(*nic));
    CHECK(nv_nic_ask(NULL, "x1", 0, nic, &err) == 0 && nic->attached == NV_NIC_NO_XDP);
    free(nic);
    CHECK(user_open(&u, NV_XDP_BEST, &err) == 0, "%s", err.message); /* the queue stays busy for some 30 ms */
    user_close(&u);
    close(ready[0]);
    close(ready[1]);
}

static void wrong(void)
{
    struct user u;
    struct nv_error err = {0};
    CHECK(user_open(&u, NV_XDP_BEST, &err) == 0, "%s", err.message);
    struct nv_xsk other;
    struct nv_xsk_plan plan = u.plan;
    plan.share = u.socket.fd;
    plan.queue = 5;
    CHECK(nv_xsk_open(&other, &plan, &err) == 0, "%s", err.message);
    CHECK(nv_xsk_bind(&other, &plan, 0, &err) == -EINVAL &&
              !strcmp(err.message, "x1 has no queue 5 in use (ethtool -l x1)"),
          "%s", err.message);
    nv_xsk_close(&other);
    plan.rx_slots = 24;
    CHECK(nv_xsk_open(&other, &plan, &err) == -EINVAL && other.fd == -1, "%s", err.message);
    user_close(&u);
}

/* poll(2) never tells that an interface is down or gone. */
static void gone(void)
{
    struct user u;
    struct nv_error err = {0};
    CHECK(user_open(&u, NV_XDP_BEST, &err) == 0, "%s", err.message);
    CHECK(nv_xsk_alive(&u.socket) == 0);
    CHECK(lab_set_flags("x1", 0, IFF_UP) == 0);
    CHECK(nv_xsk_alive(&u.socket) == -ENETDOWN);
    CHECK(lab_set_flags("x1", IFF_UP, 0) == 0);
    CHECK(nv_xsk_alive(&u.socket) == 0);
    lab_remove("x1");
    int error = 0;
    for (unsigned ms = 0; !error && ms < PATIENCE; ms++, poll(NULL, 0, 1))
        error = nv_xsk_alive(&u.socket);
    CHECK(error == -ENXIO || error == -ENETDOWN, "%d", error);
    user_close(&u);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"where frames lie, native", native},
        {"where frames lie, generic", generic},
        {"sending, one frame of several buffers", sending},
        {"an interface in use, and its user killed", busy},
        {"wrong queues and sizes", wrong},
        {"an interface down, and removed", gone}, /* last: it takes the pair away */
    };
    const char *why = lab_enter();
    if (!why && lab_pair("x0", "x1", LAB_MTU, 1))
        why = "the kernel has no veth pairs";
    if (why) {
        printf("skip xsk %s\n", why);
        return 0;
    }
    open_packet_socket();
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
