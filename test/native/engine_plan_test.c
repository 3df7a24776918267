/* SPDX-License-Identifier: BSD-2-Clause */
/* engine_plan_test.c - plans that are refused: each with its own message, and nothing is left running or open. */
#include "engine_rig.h"
#include "engine/pacer.h"

static struct nv_rate_step steps[3] = {{0, 10, NV_SECOND}, {10, 10, NV_SECOND}, {10, 0, NV_SECOND}};

static void refuse(const char *what, const struct nv_plan *plan, int code, const char *word)
{
    struct nv_error err = {0};
    struct nv_engine *e = (struct nv_engine *)&err;
    int error = nv_engine_start(plan, &e, &err);
    CHECK(error == -code && err.code == code, "%s: %d", what, error);
    CHECK(strstr(err.message, word) && !strchr(err.message, '\n'), "%s: \"%s\" has no \"%s\"", what, err.message, word);
    CHECK(e == NULL && nv_engine_start(plan, &e, NULL) == -code);
    CHECK(world_files() == 0, "%s: something was opened", what);
}

static void bad_plans_are_refused(void)
{
    world_new();
#define REFUSE(role, change, word)                                                                                     \
    do {                                                                                                               \
        struct nv_plan plan = plan_of(NV_ROLE_##role, "vale0:a");                                                      \
        change;                                                                                                        \
        refuse(#change, &plan, EINVAL, word);                                                                          \
    } while (0)
    REFUSE(TX, plan.port = NULL, "no port");
    REFUSE(TX, plan.port = "", "no port");
    REFUSE(TX, plan.role = NV_ROLE_COUNT, "function");
    REFUSE(TX, plan.threads = 0, "0");
    REFUSE(RX, plan.threads = 17, "17");
    REFUSE(PING, plan.threads = 2, "one thread");
    REFUSE(PONG, plan.threads = 2, "one thread");
    REFUSE(TX, plan.cpus = 100000, "100000");
    REFUSE(TX, plan.cpu = 100000, "100000");
    REFUSE(TX, plan.cpu = -2, "-2");
    REFUSE(TX, plan.rate = NV_RATE_MAX + 1, "1000000001");
    REFUSE(TX, plan.ramp_steps = 1, "missing");
    REFUSE(TX, (plan.rate = 1, plan.ramp = steps, plan.ramp_steps = 3), "exclude");
    REFUSE(TX, (plan.ramp = steps, plan.ramp_steps = 3, steps[1].duration_ns = 0), "step 2");
    steps[1].duration_ns = 1;
    REFUSE(TX, (plan.ramp = steps, plan.ramp_steps = 3, steps[2].duration_ns = NV_RAMP_MAX + 1), "three days");
    REFUSE(TX, (plan.ramp = steps, plan.ramp_steps = 3, steps[0].to = NV_RATE_MAX + 1), "step 1");
    REFUSE(TX, plan.burst = 65537, "65537");
    REFUSE(TX, plan.options = 128, "128");
    REFUSE(TX, plan.options = 1 << 20, "1048576");
    REFUSE(TX, plan.options = NV_OPT_DUMP, "nowhere");
    REFUSE(TX, (plan.options = NV_OPT_INDIRECT, plan.port = "netmap:p{1"), "VALE");
    REFUSE(PING, plan.timeout_ns = 0, "time-out");
    REFUSE(PING, plan.traffic.frags = 2, "2 fragments");
    REFUSE(TX, plan.traffic.size_max = 3, "3");
    REFUSE(TXSEQ, plan.traffic.size_max = 59, "60");
    REFUSE(PING, (plan.traffic.vlans = 1, plan.traffic.size_max = 63), "64");
    REFUSE(TX, plan.traffic.size_max = 41, "42");
    REFUSE(TX, (plan.traffic.protocol = 6, plan.traffic.size_max = 50), "54");
    REFUSE(TX, (nv_traffic_default(&plan.traffic, 6), plan.traffic.size_max = 60), "62");
    REFUSE(TX, (plan.options = NV_OPT_TS, plan.traffic.size_max = 50), "60");
    REFUSE(TX, (plan.threads = 2, plan.port = "vale0:a-1"), "ring");
#undef REFUSE
    world_end();
}

/* Found out with the port open: refused all the same, and the port is gone again. */
static void what_the_port_cannot_do_is_refused(void)
{
    world_new();
    struct nv_plan plan = plan_of(NV_ROLE_TX, "vale0:a");
    plan.traffic.size_max = 65000;
    plan.traffic.frag_size = 1000;
    refuse("65 slots", &plan, EINVAL, "65");
    plan.traffic.frag_size = 0;
    plan.port = "vale0:a@conf:slots=16";
    refuse("32 slots in a ring of 16", &plan, EINVAL, "16");
    plan.port = "vale0:a";
    plan.options = NV_OPT_INDIRECT;
    refuse("indirect and too long", &plan, EINVAL, "65000");
    plan = plan_of(NV_ROLE_RX, "vale0:a-7");
    refuse("no ring 7", &plan, EINVAL, "vale0:a");
    plan = plan_of(NV_ROLE_TX, "vale0:a/R");
    refuse("no tx rings", &plan, EINVAL, "tx rings");
    plan = plan_of(NV_ROLE_PONG, "vale0:a/T");
    refuse("no rx rings", &plan, EINVAL, "rx rings");
    plan = plan_of(NV_ROLE_RX, "vale0:this-name-is-bad/q");
    refuse("a bad name", &plan, EINVAL, "");
    plan = plan_of(NV_ROLE_RX, "vale0:a");
    plan.open.flags = NV_OPEN_EXISTING;
    refuse("a port that is not there", &plan, ENOENT, "vale0:a");
    world_end();
}

static void defaults_are_pkt_gens(void)
{
    for (unsigned role = 0; role < NV_ROLE_COUNT; role++) {
        struct nv_plan plan = plan_of(role, "null:");
        struct nv_error err = {0};
        CHECK(nv_plan_check(&plan, &err) == 0, "%s: %s", nv_role_name(role), err.message);
        CHECK(plan.threads == 1 && plan.cpu == -1 && plan.traffic.src.first_port == 1234);
        CHECK(plan.traffic.dst_mac.first[0] == 0xff && plan.traffic.src.first[0] == 10 &&
              plan.traffic.dst.first[1] == 1);
        nv_traffic_default(&plan.traffic, 6);
        CHECK(nv_plan_check(&plan, &err) == 0, "IPv6, %s: %s", nv_role_name(role), err.message);
    }
    CHECK(strcmp(nv_role_name(NV_ROLE_TXSEQ), "txseq") == 0 && nv_role_name(NV_ROLE_COUNT) == NULL);
}

/* Two ports of a switch, left to choose, do not send from the same address. */
static void ports_have_addresses_of_their_own(void)
{
    static struct packet p[2];
    world_new();
    struct nv_port *sink = open_port("vale0:z");
    for (unsigned i = 0; i < 2; i++) {
        struct nv_plan plan = plan_of(NV_ROLE_TX, i ? "vale0:b" : "vale0:a");
        plan.count = 1;
        struct nv_engine *e = start(&plan);
        CHECK(finishes(e) && take_packet(sink, &p[i], PATIENCE));
        nv_engine_free(e);
        CHECK((p[i].data[6] & 3) == 2, "not a local unicast address: %02x", p[i].data[6]);
    }
    CHECK(memcmp(p[0].data + 6, p[1].data + 6, 6) != 0);
    nv_close(sink);
    world_end();
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"bad_plans_are_refused", bad_plans_are_refused},
        {"what_the_port_cannot_do_is_refused", what_the_port_cannot_do_is_refused},
        {"defaults_are_pkt_gens", defaults_are_pkt_gens},
        {"ports_have_addresses_of_their_own", ports_have_addresses_of_their_own},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
