/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tsan_relay_test.c - a relay between two switches while other threads send, receive, replace its rules, reconfigure
 * its pipes and read its counters; and relays that start and stop many times. Also run under the thread sanitizer.
 */
#include <pthread.h>

#include "relay/relay.h"
#include "rules_build.h"
#include "world.h"

#ifdef __SANITIZE_THREAD__
enum { CHANGES = 150, ROUNDS = 12 };
#else
enum { CHANGES = 600, ROUNDS = 40 };
#endif
enum { SIZE = 400, BURST = 64 };

static struct nv_rules *rules;
static struct nv_emu *emulation;
static bool ending; /* atomic */

static void make_emulation(void)
{
    const struct nv_emu_options options = {.seed = 1};
    struct nv_error err = {0};
    CHECK(nv_emu_create(&options, &emulation, &err) == 0, "%s", err.message);
}

/* Pipe 1, always in order, never full. */
static void configure(uint32_t turn)
{
    const struct nv_emu_link link = {.bandwidth = turn % 3 ? UINT64_C(400000000) * (turn % 5 + 1) : 0,
                                     .delay_ns = turn % 4 * UINT64_C(300000),
                                     .impair.duplicate = turn % 7 == 0 ? 0.1 : 0};
    const struct nv_emu_flowset flowset = {.limit = 100000, .limit_kind = NV_EMU_SLOTS};
    struct nv_error err = {0};
    CHECK(nv_emu_pipe_config(emulation, 1, &link, &flowset, NULL, &err) == 0, "%s", err.message);
}

/* Everything through pipe 1, behind more rules or fewer. */
static void load(uint32_t turn)
{
    struct nv_error err = {0};
    struct build b = {0};
    size_t size;
    for (uint32_t i = 0; i < turn % 5; i++) {
        build_rule(&b, 10 + i, 0);
        build_op(&b, NV_OP_COUNT, 0, 0);
    }
    b.next_id = 99; /* the same rule in every program: packets that wait go on behind it */
    build_rule(&b, 100, 0);
    build_op(&b, NV_OP_PIPE, 0, 1);
    const void *program = build_done(&b, true, &size);
    CHECK(nv_rules_load(rules, program, size, &err) == 0, "%s", err.message);
    build_free(&b);
}

static void *sender(void *arg)
{
    struct nv_port *port = arg;
    uint8_t src[6];
    mac_number(src, 1);
    for (uint32_t n = 0; !__atomic_load_n(&ending, __ATOMIC_ACQUIRE);) {
        for (unsigned i = 0; i < BURST && put_packet(port, 0, SIZE, broadcast_mac, src, n); i++)
            n++;
        if (nv_txsync(port, 0) != 0)
            return "txsync failed";
        usleep(200);
    }
    return NULL;
}

/* Numbers rise; a link may deliver one twice. */
static void *receiver(void *arg)
{
    struct nv_port *port = arg;
    int64_t last = -1;
    for (;;) {
        bool over = __atomic_load_n(&ending, __ATOMIC_ACQUIRE);
        unsigned length;
        int64_t n;
        if (nv_rxsync(port, 0) != 0)
            return "rxsync failed";
        while ((n = get_packet(port, 0, &length)) != -2) {
            if (n < last || length != SIZE)
                return n == -1 ? "a torn packet" : n < last ? "packets out of order" : "another length";
            last = n;
        }
        if (over)
            return last < 0 ? "nothing came" : NULL;
        usleep(100);
    }
}

static uint64_t word(const struct nv_relay *relay, unsigned at)
{
    return __atomic_load_n(nv_relay_page(relay) + at, __ATOMIC_RELAXED);
}

static uint64_t counter(const struct nv_relay *relay, unsigned from, unsigned field)
{
    return word(relay, NV_RELAY_PAGE_HEAD + from * NV_RELAY_GROUP_WORDS + field);
}

/* What came is what left or was lost by name. */
static void check_honest(const struct nv_relay *relay)
{
    uint64_t drops = 0;
    for (unsigned i = 0; i < NV_RELAY_DROP_WORDS; i++)
        drops += counter(relay, 0, NV_RELAY_DROPS_AT + i);
    uint64_t came = counter(relay, 0, NV_RELAY_RX_PACKETS) + counter(relay, 0, NV_RELAY_DUPLICATES);
    uint64_t went = counter(relay, 0, NV_RELAY_TX_PACKETS) + counter(relay, 0, NV_RELAY_WAITING) + drops;
    CHECK(came > 0 && came == went, "%llu came, %llu went", (unsigned long long)came, (unsigned long long)went);
    CHECK(word(relay, NV_RELAY_PAGE_STORE_USED) == 0, "%llu bytes are still in the store",
          (unsigned long long)word(relay, NV_RELAY_PAGE_STORE_USED));
}

static struct nv_relay *start(const char *inside, const char *outside)
{
    struct nv_relay_plan plan;
    struct nv_relay *relay;
    struct nv_error err = {0};
    nv_relay_default(&plan);
    plan.port[0] = inside;
    plan.port[1] = outside;
    plan.rules = rules;
    plan.emulation = emulation;
    plan.memory = 16u << 20;
    int error = nv_relay_start(&plan, &relay, &err);
    CHECK(error == 0, "%s", err.message);
    if (error)
        exit(EXIT_FAILURE);
    return relay;
}

static void look(struct nv_relay *relay)
{
    struct nv_emu_totals totals;
    uint64_t sum = 0;
    for (unsigned i = 0; i < NV_RELAY_PAGE_WORDS; i++)
        sum += word(relay, i);
    nv_emu_get_totals(emulation, &totals);
    CHECK(sum > 0);
}

static void changed_under_load(const char *region)
{
    char names[4][32];
    static const char *const bases[] = {"vale1:s", "vale1:r", "vale2:r", "vale2:d"};
    struct nv_rules_params params = nv_rules_default_params();
    struct nv_error err = {0};
    pthread_t threads[2];
    void *failed[2];

    world_new();
    for (unsigned i = 0; i < 4; i++)
        snprintf(names[i], sizeof(names[i]), "%s%s", bases[i], region);
    CHECK(nv_rules_create(&params, &rules, &err) == 0, "%s", err.message);
    make_emulation();
    configure(0);
    load(0);
    struct nv_port *from = open_port(names[0]), *to = open_port(names[3]);
    struct nv_relay *relay = start(names[1], names[2]);
    ending = false;
    pthread_create(&threads[0], NULL, sender, from);
    pthread_create(&threads[1], NULL, receiver, to);
    for (unsigned tries = 0; counter(relay, 0, NV_RELAY_RX_PACKETS) == 0 && tries < 100000; tries++)
        usleep(1000);
    for (uint32_t turn = 1; turn <= CHANGES; turn++) {
        configure(turn);
        load(turn);
        nv_relay_set_one_pass(relay, turn % 6 < 3);
        look(relay);
        usleep(1000);
    }
    nv_relay_stop(relay, true);
    CHECK(nv_relay_join(relay, &err) == 0, "%s", err.message);
    __atomic_store_n(&ending, true, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(threads[i], &failed[i]);
        CHECK(failed[i] == NULL, "%s", (const char *)failed[i]);
    }
    check_honest(relay);
    CHECK(counter(relay, 0, NV_RELAY_WAITING) == 0);
    nv_relay_free(relay);
    nv_close(from);
    nv_close(to);
    nv_emu_destroy(emulation);
    nv_rules_destroy(rules);
    world_end();
}

static void two_regions(void)
{
    changed_under_load("");
}

static void one_region(void)
{
    changed_under_load("@5");
}

static void comes_and_goes(void)
{
    struct nv_rules_params params = nv_rules_default_params();
    struct nv_error err = {0};
    uint8_t src[6];

    world_new();
    mac_number(src, 1);
    CHECK(nv_rules_create(&params, &rules, &err) == 0, "%s", err.message);
    load(0);
    struct nv_port *from = open_port("vale1:s"), *to = open_port("vale2:d");
    for (uint32_t round = 0; round < ROUNDS; round++) {
        make_emulation();
        configure(1 + round % 3);
        struct nv_relay *relay = start("vale1:r", "vale2:r");
        while (!put_packet(from, 0, SIZE, broadcast_mac, src, round))
            nv_txsync(from, 0);
        nv_txsync(from, 0);
        for (unsigned tries = 0; counter(relay, 0, NV_RELAY_RX_PACKETS) == 0 && tries < 100000; tries++)
            usleep(1000);
        nv_relay_stop(relay, round % 3 != 0);
        if (round % 4 != 1) {
            CHECK(nv_relay_join(relay, &err) == 0, "%s", err.message);
            check_honest(relay);
        }
        nv_relay_free(relay);
        nv_emu_destroy(emulation);
        nv_rxsync(to, 0);
        while (get_packet(to, 0, NULL) != -2)
            ;
    }
    nv_close(from);
    nv_close(to);
    nv_rules_destroy(rules);
    world_end();
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"relay: rules and pipes change while packets flow", two_regions},
        {"relay: the same in one region", one_region},
        {"relay: starts and stops many times", comes_and_goes},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
