/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crash_fork_test.c - two processes share one descriptor across fork; one dies while it sends, the other goes on with
 * the same ring. On a pipe nothing is lost or comes twice; on a switch what was in the ring may come twice.
 */
#include "crash_stage.h"

static void send_until_dead(struct board *b, const struct part *part, struct nv_port *port, int id)
{
    uint8_t self[6];
    bool armed = false;
    mac_number(self, (unsigned)id);
    for (int64_t until = now_ms() + PATIENCE_MS; now_ms() < until;) {
        put_packets(b, part, port, self, id);
        nv_txsync(port, 0);
        if (nm_ring_empty(nv_txring(port, 0)))
            nv_wait(port, POLLOUT, 5000000);
        if (!armed && b->sent > 3000)
            nv_step_arm(part->step, SIGKILL, part->count);
        armed = b->sent > 3000;
    }
}

/* Opens, lets a child send until that dies, and plays on with the descriptor. */
static void play_after_child(struct board *b, void *arg)
{
    const struct part *part = arg;
    struct nv_port *port;
    struct nv_error err = {0};
    int id = (int)(b - boards), status = 0;
    if (nv_open(part->port, NULL, &port, &err) < 0) {
        complain(b, "%s", err.message);
        return;
    }
    b->next_seq = 1;
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        send_until_dead(b, part, port, id);
        _exit(1);
    }
    waitpid(child, &status, 0);
    EXPECT(b, WIFSIGNALED(status), "(the child did not come to \"%s\")", part->step);
    nv_txsync(port, 0); /* what it left in the ring */
    play_on(b, part, port, id);
    nv_close(port);
}

static void sibling_dies(const char *to, const char *from, bool pipe)
{
    static const struct {
        const char *step;
        int count;
    } steps[] = {{"claimed", 7}, {"leased", 7}, {"copy", 700}, {"publish", 7}, {"published", 7}};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct part receiver = {.port = to, .wait = NV_WAIT_SLEEP, .any_order = !pipe};
        struct part sender = {
            .port = from, .to = {1}, .receivers = 1, .step = steps[i].step, .signo = SIGKILL, .count = steps[i].count};
        world_new();
        boards_new();
        struct actor both[2], *r = &both[0], *s = &both[1];
        *r = actor_start(1, play, &receiver);
        actor_ready(r);
        *s = actor_start(2, play_after_child, &sender);
        actor_ready(s);
        CHECK(rises(&r->board->got[2], 3000) >= 0, "\"%s\": nothing comes any more", steps[i].step);
        actors_rest(both, 2);
        if (pipe)
            audit_world();
        poke(&s->board->stop, 1);
        CHECK(actor_wait(s, 0) != -1);
        actor_end(r);
        const struct nv_port_stats *st = &s->board->stats;
        uint64_t sent = s->board->sent, got = r->board->got[2]; /* and one hello, when there was room */
        /* The child's death may have left its counts half done, but nothing else. */
        CHECK(!*s->board->error || strstr(s->board->error, "tx_packets"), "%s", s->board->error);
        if (pipe)
            CHECK(got == st->tx_packets && (got == sent || got == sent + 1),
                  "\"%s\": %lu sent, %lu taken, %lu received", steps[i].step, (unsigned long)sent,
                  (unsigned long)st->tx_packets, (unsigned long)got);
        world_end();
    }
}

static void on_a_pipe(void)
{
    sibling_dies("netmap:p}1", "netmap:p{1", true);
}

static void on_a_switch(void)
{
    sibling_dies("vale0:b", "vale0:a", false);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"fork: one dies while it sends, pipe", on_a_pipe},
        {"fork: one dies while it sends, switch", on_a_switch},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
