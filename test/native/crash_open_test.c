/* SPDX-License-Identifier: BSD-2-Clause */
/* crash_open_test.c - processes die or stand still while they open or close a port, and others' traffic goes on. */
#include "crash_stage.h"

/* A process that comes to a step while it opens, closes, or finds the dead. */
struct visitor {
    const char *port, *step;
    int signo, count;
};

static void visit(struct board *b, void *arg)
{
    const struct visitor *v = arg;
    struct nv_port *port;
    struct nv_error err = {0};
    if (v->step)
        nv_step_arm(v->step, v->signo, v->count);
    if (nv_open(v->port, NULL, &port, &err) < 0) {
        complain(b, "%s", err.message);
        return;
    }
    poke(&b->ready, 1);
    while (!peek(&b->stop))
        sleep_ms(1);
    nv_close(port);
}

#define VISITOR 8 /* number of its board */

/* Start a visitor that shall die at its step, while opening or (closing) when told to stop. */
static void dies_at(const struct visitor *v)
{
    struct actor a = actor_start(VISITOR, visit, (void *)v);
    poke(&a.board->stop, 1);
    int status = actor_wait(&a, 0);
    CHECK(status != -1 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%s was to die at \"%s\": %#x %s",
          v->port, v->step, (unsigned)status, a.board->error);
}

static void opens_and_closes(const char *port)
{
    struct visitor v = {.port = port};
    struct actor a = actor_start(VISITOR + 3, visit, &v);
    actor_ready(&a);
    actor_end(&a);
}

static const char *const kinds[] = {"vale0:x", "vale0:x@7", "vale1:y", "netmap:p{9", "netmap:q}1", "null:"};
static const char *const at_open[] = {"descriptor", "region", "file", "allocate", "attach"};
static const char *const at_close[] = {"buried", "detach", "leave"};

/* Does opening this port pass this step, with others there (or not)? */
static bool passes(const char *port, const char *step, bool alone)
{
    bool vale = !strncmp(port, "vale", 4);
    if (!strcmp(step, "attach") || !strcmp(step, "detach"))
        return vale;
    if (!strcmp(step, "region") || !strcmp(step, "file"))
        return alone || (strcmp(port, "vale0:x@7") && strcmp(port, "netmap:p{9"));
    return strcmp(step, "leave") || alone;
}

static void each_death(bool alone)
{
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        struct visitor v = {.port = kinds[k], .signo = SIGKILL, .count = 1};
        for (size_t i = 0; i < sizeof(at_open) / sizeof(at_open[0]); i++)
            if (passes(v.port, v.step = at_open[i], alone))
                dies_at(&v);
        for (size_t i = 0; i < sizeof(at_close) / sizeof(at_close[0]); i++)
            if (passes(v.port, v.step = at_close[i], alone))
                dies_at(&v);
        opens_and_closes(v.port);
    }
}

/* Others exchange packets in all the regions and on all the switches that the dying ones enter. */
static void die_among_others(void)
{
    struct stage s;
    stage_shared(&s);
    if (stage_start(&s)) {
        struct part pipe[2] = {{.port = "netmap:p}1"}, {.port = "netmap:p{1", .to = {5}, .receivers = 1}};
        struct actor end[2];
        for (int i = 0; i < 2; i++) {
            end[i] = actor_start(5 + i, play, &pipe[i]);
            actor_ready(&end[i]);
        }
        each_death(false);
        others_go_on(&s, 0);
        CHECK(rises(&end[0].board->got[6], FLOW) >= 0, "the pipe stands still");
        actors_rest(end, 2);
        actor_end(&end[1]);
        actor_end(&end[0]);
    }
    stage_end(&s, true);
}

static void die_alone(void)
{
    world_new();
    boards_new();
    each_death(true);
    world_end();
}

/* After each death of the only process there, one call clears the directory. */
static void gc_after_death(void)
{
    static const char *const steps[] = {"file",   "descriptor", "region", "allocate",
                                        "attach", "buried",     "detach", "leave"};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        for (int count = 1; count <= (strcmp(steps[i], "file") ? 1 : 4); count++) {
            struct visitor v = {.port = "vale0:x", .step = steps[i], .signo = SIGKILL, .count = count};
            struct nv_error err = {0};
            world_new();
            boards_new();
            dies_at(&v);
            CHECK(nv_gc(NULL, &err) >= 0, "after \"%s\": %s", v.step, err.message);
            CHECK(nv_gc(NULL, NULL) == 0, "a second time there is nothing to do");
            world_end();
        }
}

/* Nobody notices whose finding of the dead is cut short: the next one does it. */
static void reapers_die(void)
{
    struct stage s;
    stage_vale(&s);
    if (stage_start(&s)) {
        actor_kill(&s.actor[2]);
        struct visitor v = {.port = "vale0:y", .signo = SIGKILL, .count = 1, .step = "buried"};
        dies_at(&v);
        v.step = "detach";
        for (int i = 0; i < 3; i++)
            dies_at(&v);
        replace(&s, 2);
        others_go_on(&s, 2);
    }
    stage_end(&s, false);
}

/* 300 deaths just when the port was put on the switch must not use up its 254 places. */
static void places_come_back(void)
{
    world_new();
    boards_new();
    struct visitor stays = {.port = "vale0:a"}, v = {.port = "vale0:b", .step = "attach", .signo = SIGKILL, .count = 1};
    struct actor a = actor_start(1, visit, &stays);
    actor_ready(&a);
    for (int i = 0; i < 300 && !check_failed; i++)
        dies_at(&v);
    opens_and_closes("vale0:b");
    actor_end(&a);
    world_end();
}

/* ---- stopped while the directory is locked --------------------------------------------------------- */

/* Opening must be refused after five seconds, by a line that says why. */
static void is_refused(struct board *b, void *arg)
{
    struct nv_port *port;
    struct nv_error err = {0};
    int64_t start = now_ms();
    int error = nv_open(arg, NULL, &port, &err);
    EXPECT(b, error == -EBUSY, "(%d, %s)", error, err.message);
    EXPECT(b, strstr(err.message, "stopped"), "(%s)", err.message);
    EXPECT(b, now_ms() - start >= 4900, "(%ld ms)", (long)(now_ms() - start));
}

static void gc_is_refused(struct board *b, void *arg)
{
    struct nv_error err = {0};
    (void)arg;
    EXPECT(b, nv_gc(NULL, &err) == -EBUSY, "(%s)", err.message);
}

/* Traffic goes on; opening is refused; who closes waits as long and then leaves the rest to others. */
static void stops_in_open(void)
{
    struct stage s;
    stage_vale(&s);
    if (stage_start(&s)) {
        struct visitor v = {.port = "vale0:x", .step = "attach", .signo = SIGSTOP, .count = 1}, w = {.port = "vale9:w"};
        struct actor leaving = actor_start(7, visit, &w), stopped, refused, gc;
        actor_ready(&leaving);
        stopped = actor_start(VISITOR, visit, &v);
        CHECK(actor_wait(&stopped, WUNTRACED) != -1);
        refused = actor_start(9, is_refused, "vale0:z");
        gc = actor_start(10, gc_is_refused, NULL);
        int64_t start = now_ms();
        poke(&leaving.board->stop, 1);
        while (now_ms() - start < 4500)
            others_go_on(&s, 2);
        actor_end(&leaving);
        CHECK(now_ms() - start >= 4900, "closed after %ld ms", (long)(now_ms() - start));
        actor_end(&refused);
        actor_end(&gc);
        others_go_on(&s, 2);
        kill(stopped.pid, SIGCONT);
        actor_ready(&stopped);
        opens_and_closes("vale9:w");
        actor_end(&stopped);
    }
    stage_end(&s, true);
}

/* One that makes memory holds up only who wants the same port. */
static void stops_making(void)
{
    static const char *const steps[] = {"file", "allocate"};
    for (int i = 0; i < 2; i++) {
        world_new();
        boards_new();
        struct visitor first = {.port = "vale0:a"},
                       v = {.port = "vale0:x", .step = steps[i], .signo = SIGSTOP, .count = 1};
        struct actor a = actor_start(1, visit, &first), stopped;
        actor_ready(&a);
        stopped = actor_start(VISITOR, visit, &v);
        CHECK(actor_wait(&stopped, WUNTRACED) != -1);
        opens_and_closes("vale0:y"); /* refused, if the directory were locked */
        opens_and_closes("netmap:p{1");
        opens_and_closes("null:");
        if (i == 0) {
            struct actor same = actor_start(9, is_refused, "vale0:x");
            actor_end(&same);
        }
        kill(stopped.pid, SIGCONT);
        actor_ready(&stopped);
        opens_and_closes("vale0:x");
        actor_end(&stopped);
        actor_end(&a);
        world_end();
    }
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"killed while opening or closing, among others", die_among_others},
        {"killed while opening or closing, alone", die_alone},
        {"killed while opening or closing, then gc", gc_after_death},
        {"killed while finding the dead", reapers_die},
        {"killed while attaching, 300 times", places_come_back},
        {"stopped while opening", stops_in_open},
        {"stopped while making memory", stops_making},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
