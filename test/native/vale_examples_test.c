/* SPDX-License-Identifier: BSD-2-Clause */
/* vale_examples_test.c - the programs of docs/examples, as two processes: from port to port, and what they refuse. */
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "world.h"

extern char **environ;

struct run {
    pid_t pid;
    FILE *output;
};

/* Start an example (a program beside this one); its standard output and error can be read. */
static struct run begin(const char *program, const char *port, const char *count)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 32);
    path[n > 0 ? n : 0] = 0;
    snprintf(strrchr(path, '/') + 1, 32, "example_%s", program);
    char *argv[] = {path, (char *)(uintptr_t)port, (char *)(uintptr_t)count, NULL};
    int out[2];
    struct run r = {.pid = -1};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    CHECK(pipe2(out, O_CLOEXEC) == 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_adddup2(&actions, out[1], 2);
    CHECK(posix_spawn(&r.pid, path, &actions, NULL, argv, environ) == 0, "%s", path);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    r.output = fdopen(out[0], "r");
    return r;
}

static void says(struct run *r, const char *want)
{
    char line[512] = "";
    CHECK(fgets(line, sizeof(line), r->output) && strstr(line, want), "\"%s\", not \"%s\"", line, want);
}

static int ends(struct run *r)
{
    int status = -1;
    waitpid(r->pid, &status, 0);
    fclose(r->output);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void from_to(const char *from, const char *to, const char *count)
{
    char want[64];
    world_new();
    struct run receiver = begin("receive", to, NULL);
    says(&receiver, "receiving on");
    struct run sender = begin("send", from, count);
    snprintf(want, sizeof(want), "%s packets sent", count);
    says(&sender, want);
    CHECK(ends(&sender) == 0);
    says(&receiver, "the first one says hello");
    snprintf(want, sizeof(want), "%s packets, ", count);
    says(&receiver, want);
    CHECK(ends(&receiver) == 0);
    world_end();
}

static void over_a_switch(void)
{
    from_to("vale0:a", "vale0:b", "1000"); /* less than a ring: none is lost */
}
static void over_a_pipe(void)
{
    from_to("p{1", "p}1", "200000");
}

static void refusals(void)
{
    world_new();
    struct run r = begin("send", "vale0:a", "none");
    says(&r, "usage");
    CHECK(ends(&r) == 2);
    r = begin("send", "vale0", "5");
    says(&r, "bad port name \"vale0\"");
    CHECK(ends(&r) == 1);
    r = begin("receive", "xdp:eth0", NULL);
    says(&r, "not in this build");
    CHECK(ends(&r) == 1);
    world_end();
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"examples: over a switch", over_a_switch},
        {"examples: over a pipe", over_a_pipe},
        {"examples: what they refuse", refusals},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
