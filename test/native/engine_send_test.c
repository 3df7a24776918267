/* SPDX-License-Identifier: BSD-2-Clause */
/* engine_send_test.c - tx through real ports: counts, contents, fragments, pacing, what stays pending. */
#include <sched.h>

#include "engine_rig.h"

static void null_takes_exactly_the_count(void)
{
    world_new();
    struct nv_plan plan = plan_of(NV_ROLE_TX, "null:");
    plan.count = 1234567;
    struct nv_engine *e = start(&plan);
    CHECK(finishes(e));
    join(e);
    CHECK(stat_of(e, NV_STAT_PACKETS) == plan.count && stat_of(e, NV_STAT_ACCEPTED) == plan.count);
    CHECK(stat_of(e, NV_STAT_BYTES) == plan.count * 60 && stat_of(e, NV_STAT_PENDING) == 0 && drops_of(e) == 0);
    CHECK(nv_page_port(nv_engine_stats(e), NV_PORT_TX_PACKETS) == plan.count);
    CHECK(nv_page_get(nv_engine_stats(e), NV_PAGE_STATE) == NV_STATE_DONE);
    CHECK(stat_of(e, NV_STAT_EVENTS) >= plan.count / 512 && stat_of(e, NV_STAT_LAST_NS) > stat_of(e, NV_STAT_FIRST_NS));
    struct nv_engine_info info;
    nv_engine_describe(e, &info);
    CHECK(info.prepared && info.frags == 1 && info.burst == 512 && strcmp(info.port, "null:") == 0, "%s", info.port);
    nv_engine_free(e);
    world_end();
}

/* Receive `count` packets at the far end of a pipe and hand each to `check`. */
static void receive_all(struct nv_plan *plan, uint64_t count,
                        void (*check)(const struct nv_plan *plan, uint64_t i, const struct packet *p))
{
    static struct packet p;
    plan->port = "netmap:p{1";
    plan->count = count;
    struct nv_engine *e = start(plan);
    struct nv_port *far = open_port("netmap:p}1");
    uint64_t bytes = 0, i = 0;
    for (; i < count && take_packet(far, &p, PATIENCE); i++) {
        struct nv_decoded d;
        uint32_t flags = nv_decode(p.data, p.len, &d);
        CHECK(flags & NV_DECODED_TRANSPORT && !(flags & (NV_DECODED_BAD | NV_DECODED_CUT)), "packet %lu: %x", i, flags);
        CHECK(d.end == p.len && nv_decode_check(p.data, &d) == 0, "packet %lu has a wrong checksum", i);
        check(plan, i, &p);
        bytes += p.len;
    }
    CHECK(i == count, "%lu of %lu came", i, count);
    CHECK(!take_packet(far, &p, 1000000) && finishes(e));
    join(e);
    CHECK(stat_of(e, NV_STAT_PACKETS) == count && stat_of(e, NV_STAT_BYTES) == bytes && drops_of(e) == 0);
    CHECK(stat_of(e, NV_STAT_PENDING) == 0);
    nv_close(far);
    nv_engine_free(e);
}

static void check_addresses(const struct nv_plan *plan, uint64_t i, const struct packet *p)
{
    uint32_t first = nv_get_be32(plan->traffic.src.first), span = nv_get_be32(plan->traffic.src.last) - first + 1;
    CHECK(nv_get_be32(p->data + 26) == first + i % span, "packet %lu: address %x", i, nv_get_be32(p->data + 26));
    CHECK(p->len == 60 && p->slots == 1);
}

/*
 * A pipe exchanges buffers, so that prepared ones are gone after each packet and written anew: the sequence of
 * addresses goes on all the same.
 */
static void addresses_come_in_order(void)
{
    static const char *const ranges[] = {"10.0.0.1", "10.0.0.1-10.0.0.8", "10.0.0.1-10.0.0.10", "10.0.0.1-10.0.3.232"};
    static const bool prepared[] = {true, true, false, false}; /* 1 and 8 divide 1,024 slots, 10 and 1,000 do not */
    for (size_t c = 0; c < 4; c++) {
        world_new();
        struct nv_plan plan = plan_of(NV_ROLE_TX, "netmap:p{1");
        nv_parse_ip_range(ranges[c], 4, &plan.traffic.src, NULL);
        struct nv_engine *e = start(&plan);
        struct nv_engine_info info;
        nv_engine_describe(e, &info);
        CHECK(info.prepared == prepared[c], "%s", ranges[c]);
        nv_engine_free(e);
        receive_all(&plan, 5000, check_addresses);
        world_end();
    }
}

static void check_pieces(const struct nv_plan *plan, uint64_t i, const struct packet *p)
{
    (void)i;
    CHECK(p->len == plan->traffic.size_max && p->slots >= plan->traffic.frags);
}

static void long_packets_are_cut_into_slots(void)
{
    static const struct {
        uint32_t size, frags, frag_size;
    } cases[] = {{9000, 1, 0}, {60, 7, 0}, {1514, 3, 0}, {1514, 2, 100}, {65549, 1, 0}, {100, 63, 0}};
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        world_new();
        struct nv_plan plan = plan_of(NV_ROLE_TX, "");
        plan.traffic.size_max = cases[c].size;
        plan.traffic.frags = (uint16_t)cases[c].frags;
        plan.traffic.frag_size = cases[c].frag_size;
        nv_parse_ip_range("10.0.0.1-10.0.0.9", 4, &plan.traffic.src, NULL);
        receive_all(&plan, 300, check_pieces);
        world_end();
    }
}

static void check_any(const struct nv_plan *plan, uint64_t i, const struct packet *p)
{
    (void)plan, (void)i, (void)p;
}

static void every_kind_of_traffic_goes_through(void)
{
    for (unsigned kind = 0; kind < 8; kind++) {
        world_new();
        struct nv_plan plan = plan_of(kind & 1 ? NV_ROLE_TXSEQ : NV_ROLE_TX, "");
        nv_traffic_default(&plan.traffic, kind & 2 ? 6 : 4);
        plan.traffic.protocol = kind & 4 ? NV_IP_ICMP : NV_IP_UDP;
        plan.traffic.size_mode = kind == 7 ? NV_SIZE_RANDOM : NV_SIZE_IMIX;
        plan.traffic.size_min = 100;
        plan.traffic.size_max = 1514;
        plan.options = kind & 1 ? 0 : NV_OPT_RANDOM_SRC | NV_OPT_RANDOM_DST;
        receive_all(&plan, 3000, check_any);
        world_end();
    }
}

/* Nobody reads the other end: what was not completed is pending, not sent. */
static void pending_is_not_sent(void)
{
    world_new();
    struct nv_plan plan = plan_of(NV_ROLE_TX, "netmap:p{1");
    struct nv_port *far = open_port("netmap:p}1");
    plan.count = 700; /* fits the ring */
    struct nv_engine *e = start(&plan);
    CHECK(finishes(e));
    join(e);
    CHECK(stat_of(e, NV_STAT_ACCEPTED) == 700 && stat_of(e, NV_STAT_PACKETS) == 0 && stat_of(e, NV_STAT_PENDING) == 700,
          "%lu sent, %lu pending", stat_of(e, NV_STAT_PACKETS), stat_of(e, NV_STAT_PENDING));
    CHECK(stat_of(e, NV_STAT_BYTES) == 0);
    nv_engine_free(e);
    nv_close(far);
    world_end();
}

/* An engine that waits for room, for packets, for its time or for a link stops all the same. */
static void stopping_ends_every_wait(void)
{
    world_new();
    struct nv_plan plan = plan_of(NV_ROLE_TX, "netmap:p{1"), idle = plan_of(NV_ROLE_RX, "vale0:x");
    struct nv_plan paced = plan_of(NV_ROLE_TX, "vale0:y"), link = plan_of(NV_ROLE_TX, "vale0:z");
    struct nv_port *far = open_port("netmap:p}1"); /* full, and nobody reads */
    paced.ramp = &(struct nv_rate_step){0, 0, 1};
    paced.ramp_steps = 1;
    link.link_wait_ns = 1000 * NV_SECOND;
    const struct nv_plan *plans[] = {&plan, &idle, &paced, &link};
    for (unsigned i = 0; i < 4; i++) {
        struct nv_engine *e = start(plans[i]);
        usleep(20000);
        CHECK(!nv_engine_done(e));
        nv_engine_stop(e);
        CHECK(finishes(e), "plan %u does not stop", i);
        CHECK(stat_of(e, NV_STAT_ACCEPTED) == stat_of(e, NV_STAT_PACKETS) + stat_of(e, NV_STAT_PENDING));
        nv_engine_free(e);
    }
    nv_close(far);
    world_end();
}

/*
 * A rate is kept on a real port. However slow the machine: no packet departs before its time, no two of a burst of
 * one together, and all of them in the end.
 */
static void rates_are_kept(void)
{
    static struct packet p;
    world_new();
    struct nv_plan plan = plan_of(NV_ROLE_TX, "netmap:p{1");
    plan.rate = 2000;
    plan.count = 400;
    plan.options = NV_OPT_TS;
    struct nv_port *far = open_port("netmap:p}1");
    struct nv_engine *e = start(&plan);
    uint64_t begin = nv_page_get(nv_engine_stats(e), NV_PAGE_START_NS), previous = 0, i = 0;
    for (; i < plan.count && take_packet(far, &p, PATIENCE); i++) {
        struct nv_stamp stamp = nv_stamp_get(p.data + 42);
        CHECK(stamp.sequence == i && stamp.time_ns > previous, "packet %lu departed with the one before", i);
        CHECK(stamp.time_ns >= begin + i * 500000, "packet %lu is %lu ns early", i, begin + i * 500000 - stamp.time_ns);
        previous = stamp.time_ns;
    }
    CHECK(i == plan.count && finishes(e) && stat_of(e, NV_STAT_EVENTS) == plan.count);
    struct nv_engine_info info;
    nv_engine_describe(e, &info);
    CHECK(info.burst == 1);
    nv_engine_free(e);
    nv_close(far);
    world_end();
}

static void workers_open_a_ring_each(void)
{
    world_new();
    struct nv_plan rx = plan_of(NV_ROLE_RX, "vale0:b"), tx = plan_of(NV_ROLE_TX, "vale0:a");
    rx.threads = tx.threads = 3;
    tx.count = 1000;
    tx.rate = 20000; /* nothing is dropped */
    struct nv_engine *r = start(&rx), *t = start(&tx);
    CHECK(finishes(t));
    CHECK(reaches(r, NV_STAT_PACKETS, stat_of(t, NV_STAT_PACKETS) - drops_of(t)));
    nv_engine_stop(r);
    join(r);
    join(t);
    struct nv_engine_info info;
    nv_engine_describe(t, &info);
    CHECK(info.threads == 3 && info.tx_rings == 3);
    CHECK(stat_of(t, NV_STAT_PACKETS) == 1000 && stat_of(r, NV_STAT_PACKETS) == 1000 - drops_of(t),
          "%lu of %lu, %lu dropped", stat_of(r, NV_STAT_PACKETS), stat_of(t, NV_STAT_PACKETS), drops_of(t));
    for (unsigned i = 0; i < 3; i++) {
        CHECK(nv_page_worker(nv_engine_stats(t), i, NV_STAT_PACKETS) == 333 + (i == 0));
        CHECK(nv_page_worker(nv_engine_stats(r), i, NV_STAT_PACKETS) > 0, "ring %u got nothing", i);
    }
    nv_engine_free(r);
    nv_engine_free(t);
    world_end();
}

static void packets_are_dumped(void)
{
    char text[4096] = "";
    int fds[2];
    world_new();
    struct nv_plan plan = plan_of(NV_ROLE_TX, "null:");
    CHECK(pipe(fds) == 0);
    plan.count = 2;
    plan.options = NV_OPT_DUMP;
    plan.dump_fd = fds[1];
    struct nv_engine *e = start(&plan);
    CHECK(finishes(e));
    nv_engine_free(e);
    close(fds[1]);
    ssize_t got = read(fds[0], text, sizeof(text) - 1);
    close(fds[0]);
    CHECK(got > 0 && strncmp(text, "ring tx0 cur     0 [buf", 23) == 0, "%.80s", text);
    char *second = strstr(text + 1, "ring tx0 cur     1 [buf");
    CHECK(second && strstr(text, "10.0.0.1:1234 > 10.1.0.1:1234 UDP 18\n") && strstr(second, "   48: "), "%s", text);
    world_end();
}

/* Somebody who shares the memory writes rubbish into the ring: it is set right, that is counted, and the engine goes
 * on. */
static void a_ring_is_set_right_and_sending_goes_on(void)
{
    world_new();
    struct nv_plan plan = plan_of(NV_ROLE_TX, "netmap:p{1");
    struct nv_port *near = open_port("netmap:p{1"), *far = open_port("netmap:p}1");
    struct nv_engine *e = start(&plan); /* fills the ring and waits for room */
    CHECK(reaches(e, NV_STAT_ACCEPTED, 1023));
    struct netmap_ring *ring = nv_txring(near, 0);
    __atomic_store_n(&ring->head, 0x7fffffff, __ATOMIC_RELAXED);
    uint64_t limit = nv_now() + PATIENCE;
    while (nv_page_port(nv_engine_stats(e), NV_PORT_RING_RESETS) == 0 && nv_now() < limit)
        usleep(500);
    CHECK(nv_page_port(nv_engine_stats(e), NV_PORT_RING_RESETS) > 0);
    CHECK(!nv_engine_done(e));
    uint64_t before = stat_of(e, NV_STAT_PACKETS);
    while (stat_of(e, NV_STAT_PACKETS) < before + 5000 && nv_now() < limit)
        if (get_packet(far, 0, NULL) < 0)
            nv_rxsync(far, 0);
    CHECK(stat_of(e, NV_STAT_PACKETS) >= before + 5000);
    nv_engine_stop(e);
    CHECK(finishes(e));
    join(e);
    nv_engine_free(e);
    nv_close(near);
    nv_close(far);
    world_end();
}

/* A port that was there before has counted before: the page tells of this engine's time only. */
static void counters_start_at_zero(void)
{
    world_new();
    struct nv_port *held = open_port("vale0:a");
    for (uint64_t count = 10; count >= 5; count -= 5) {
        struct nv_plan plan = plan_of(NV_ROLE_TX, "vale0:a");
        plan.count = count;
        struct nv_engine *e = start(&plan);
        CHECK(finishes(e));
        struct nv_stats_page *page = nv_engine_stats(e);
        CHECK(nv_page_drop(page, NV_DROP_NO_PORT) == count && nv_page_port(page, NV_PORT_TX_PACKETS) == count);
        nv_engine_free(e);
    }
    nv_close(held);
    world_end();
}

/* The processors that the engine's threads may run on, as the kernel lists them; how many such threads there are. */
static unsigned processors_of_threads(char lists[4][32])
{
    unsigned found = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *t; tasks && (t = readdir(tasks)) != NULL && found < 4;) {
        char path[300], line[256];
        bool ours = false;
        snprintf(path, sizeof(path), "/proc/self/task/%s/status", t->d_name);
        FILE *f = fopen(path, "r");
        while (f && fgets(line, sizeof(line), f)) {
            ours |= strcmp(line, "Name:\tnv-engine\n") == 0;
            if (ours && sscanf(line, "Cpus_allowed_list: %31s", lists[found]) == 1)
                found++;
        }
        if (f)
            fclose(f);
    }
    closedir(tasks);
    return found;
}

static bool may_run_on(int cpu)
{
    cpu_set_t before, one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    CHECK(sched_getaffinity(0, sizeof(before), &before) == 0);
    bool may = sched_setaffinity(0, sizeof(one), &one) == 0;
    CHECK(sched_setaffinity(0, sizeof(before), &before) == 0);
    return may;
}

static void workers_are_pinned(void)
{
    char lists[4][32];
    unsigned here[2] = {0, 0};
    world_new();
    struct nv_plan plan = plan_of(NV_ROLE_TX, "null:");
    if (!may_run_on(0)) {
        printf("skip workers_are_pinned this process may not run on processor 0\n");
        world_end();
        return;
    }
    plan.threads = 3;
    plan.cpu = 0;
    plan.cpus = may_run_on(1) ? 2 : 1; /* the third goes where the first is */
    plan.rate = 1000;
    struct nv_engine *e = start(&plan);
    CHECK(reaches(e, NV_STAT_CPU, plan.cpus == 2 ? 4 : 3));
    /* Threads of the engines before are listed until the kernel has forgotten them. */
    for (unsigned tries = 0; processors_of_threads(lists) != 3 && tries < 10000; tries++)
        usleep(1000);
    CHECK(processors_of_threads(lists) == 3);
    for (unsigned i = 0; i < 3; i++) {
        here[lists[i][0] == '1']++;
        CHECK(nv_page_worker(nv_engine_stats(e), i, NV_STAT_CPU) == i % plan.cpus + 1);
    }
    CHECK(here[0] == (plan.cpus == 2 ? 2 : 3));
    nv_engine_free(e);
    world_end();
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"null_takes_exactly_the_count", null_takes_exactly_the_count},
        {"addresses_come_in_order", addresses_come_in_order},
        {"long_packets_are_cut_into_slots", long_packets_are_cut_into_slots},
        {"every_kind_of_traffic_goes_through", every_kind_of_traffic_goes_through},
        {"pending_is_not_sent", pending_is_not_sent},
        {"stopping_ends_every_wait", stopping_ends_every_wait},
        {"rates_are_kept", rates_are_kept},
        {"workers_open_a_ring_each", workers_open_a_ring_each},
        {"counters_start_at_zero", counters_start_at_zero},
        {"workers_are_pinned", workers_are_pinned},
        {"packets_are_dumped", packets_are_dumped},
        {"a_ring_is_set_right_and_sending_goes_on", a_ring_is_set_right_and_sending_goes_on},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
