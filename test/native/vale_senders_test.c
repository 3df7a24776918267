/* SPDX-License-Identifier: BSD-2-Clause */
/* vale_senders_test.c - many senders at once, as threads and as processes, at full rate. */
#include <sys/mman.h>
#include <sys/wait.h>

#include "vale_threads.h"

/* What processes share: when to begin and to stop, and what each found. */
struct board {
    bool stop;
    uint32_t ready;
    uint64_t delivered[SENDERS], received[SENDERS], lost[SENDERS];
    char why[SENDERS][64];
};

static struct board *new_board(void)
{
    return mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

/* Everybody waits here until all are there. */
static void meet(struct board *b, uint32_t all)
{
    __atomic_fetch_add(&b->ready, 1, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(&b->ready, __ATOMIC_ACQUIRE) < all)
        usleep(200);
}

/* Run by process `id`: send, or receive (or both, each on a thread), and leave the result on the board. */
static void process(struct board *b, unsigned id, uint32_t all, const char *name, uint32_t count, bool receives)
{
    uint8_t mac[6];
    void *why = NULL, *other = NULL;
    mac_number(mac, id);
    struct nv_port *port = open_with(name, NULL);
    struct sender s = {.port = port, .id = id, .first = 1, .count = count, .seed = id};
    struct receiver r = {.port = NULL, .stop = &b->stop, .seed = id};
    put_packet(port, 0, 60, broadcast_mac, mac, id << 24); /* now the switch knows where we are */
    nv_txsync(port, 0);
    meet(b, all);
    if (receives) {
        char rx_name[64];
        snprintf(rx_name, sizeof(rx_name), "%.*s/R", (int)strcspn(name, "@"), name);
        r.port = open_with(rx_name, NULL);
        start(&r.thread, receive_numbered, &r);
    }
    if (count)
        why = send_numbered(&s);
    meet(b, 2 * all);
    __atomic_store_n(&b->stop, true, __ATOMIC_RELEASE);
    if (receives)
        pthread_join(r.thread, &other);
    struct nv_port_stats st = add_up(port);
    b->delivered[id] = st.tx_delivered;
    b->received[id] = r.received;
    b->lost[id] = st.rx_drops[NV_DROP_REVOKED] + st.rx_drops[NV_DROP_STALE];
    snprintf(b->why[id], sizeof(b->why[id]), "%s", why ? (char *)why : other ? (char *)other : "");
    nv_close(r.port);
    meet(b, 3 * all); /* nobody leaves with packets for others underway */
    nv_close(port);
    _exit(check_failed != 0);
}

/* `names` processes, each sends to any address and to all; all or only the first receive. */
static void processes(const char *const *names, unsigned n, uint32_t count, bool all_receive)
{
    struct board *b = new_board();
    uint64_t delivered = 0, received = 0, lost = 0;
    pid_t pid[SENDERS];
    world_new();
    for (unsigned i = 0; i < n; i++)
        if ((pid[i] = fork()) == 0)
            process(b, i + 1, n, names[i], i || all_receive ? count : 0, i == 0 || all_receive);
    for (unsigned i = 0; i < n; i++) {
        int status = -1;
        CHECK(waitpid(pid[i], &status, 0) == pid[i] && status == 0, "%s ended with %#x", names[i], status);
        CHECK(!b->why[i + 1][0], "%s: %s", names[i], b->why[i + 1]);
        delivered += b->delivered[i + 1];
        received += b->received[i + 1];
        lost += b->lost[i + 1];
    }
    if (all_receive)
        CHECK(delivered == received + lost, "%lu delivered, %lu received", (unsigned long)delivered,
              (unsigned long)received);
    CHECK(received > 1000, "%lu", (unsigned long)received);
    munmap(b, sizeof(*b));
    world_end();
}

static void senders_as_processes(void)
{
    static const char *const names[] = {"vale0:to", "vale0:a", "vale0:b", "vale0:c"};
    processes(names, 4, 60000, false);
}

static void everybody_as_processes(void)
{
    static const char *const names[] = {"vale0:a", "vale0:b", "vale0:c"};
    processes(names, 3, 60000, true);
}

static void one_region_as_processes(void)
{
    static const char *const names[] = {"vale0:a@9", "vale0:b@9", "vale0:c@9"};
    processes(names, 3, 60000, true);
}

static void mixed_regions_as_processes(void)
{
    static const char *const names[] = {"vale0:a@9", "vale0:b@9", "vale0:c", "vale0:d@4"};
    processes(names, 4, 60000, true);
}

/* To and fro between two sleeping processes: a lost wake-up shows as a time-out. */
static void sleeping_processes(void)
{
    world_new();
    pid_t child = fork();
    struct player p = {.rounds = 4001, .serves = child == 0};
    p.port = open_with(child ? "vale0:a" : "vale0:b", NULL);
    if (child == 0)
        while (nv_wait(p.port, POLLIN, PATIENCE_NS) != POLLIN || get_packet(p.port, 0, NULL) != 77)
            ;
    else
        for (int there = 0; !there; usleep(1000)) { /* until it has the first packet */
            struct nv_port_stats s;
            put_packet(p.port, 0, 60, broadcast_mac, broadcast_mac, 77);
            CHECK(nv_txsync(p.port, 0) == 0);
            nv_stats(p.port, &s);
            there = s.tx_delivered > 0;
        }
    const char *why = play(&p);
    if (child == 0) {
        nv_close(p.port);
        _exit(why != NULL);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0 && !why, "%s", why ? why : "the other process failed");
    nv_close(p.port);
    world_end();
}

static void senders_as_threads(void)
{
    many_to_one("", 150000);
}
static void one_region_as_threads(void)
{
    many_to_one("@9", 150000);
}
static void everybody_as_threads(void)
{
    all_to_all("@9", 150000);
}
static void a_thread_for_each_ring(void)
{
    thread_per_ring(150000);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"senders: four threads to one", senders_as_threads},
        {"senders: four threads to one, one region", one_region_as_threads},
        {"senders: all to all, one region", everybody_as_threads},
        {"senders: a thread for each ring", a_thread_for_each_ring},
        {"senders: three processes to one", senders_as_processes},
        {"senders: processes, all to all", everybody_as_processes},
        {"senders: processes, all to all, one region", one_region_as_processes},
        {"senders: processes, all to all, mixed regions", mixed_regions_as_processes},
        {"senders: two sleeping processes", sleeping_processes},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
