/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_share_test.c - one port in several processes: across fork, dup, descriptors passed over a socket, and not
 * across exec. The port lives as long as anybody holds its wait descriptor.
 */
#include <sys/socket.h>

#include "crash.h"

static uint8_t mac_a[6], mac_b[6];

static int pick(void *arg, const struct nv_port_info *info)
{
    struct nv_port_info *wanted = arg;
    if (!strcmp(info->name, wanted->name))
        wanted->openers = info->openers;
    return 0;
}

static uint32_t openers(const char *name)
{
    struct nv_port_info wanted = {.openers = 0};
    snprintf(wanted.name, sizeof(wanted.name), "%s", name);
    CHECK(nv_list(NULL, pick, &wanted, NULL) == 0);
    return wanted.openers;
}

/* Packets number first.. first + n - 1 from a arrive at b, all of them and whole. */
static void passes(struct nv_port *a, struct nv_port *b, uint32_t first, uint32_t n)
{
    nv_txsync(a, 0); /* a pipe has room when the other end gave it back */
    for (uint32_t i = 0; i < n && !check_failed; i++)
        CHECK(put_packet(a, 0, 60 + i % 1000, mac_b, mac_a, first + i));
    CHECK(nv_txsync(a, 0) == 0 && nv_rxsync(b, 0) == 0);
    for (uint32_t i = 0; i < n && !check_failed; i++) {
        int64_t got = get_packet(b, 0, NULL);
        CHECK(got == first + i, "%ld instead of %u", (long)got, first + i);
    }
    CHECK(get_packet(b, 0, NULL) == -2);
    nv_rxsync(b, 0);
}

/* Run fn in a child that must end well; wait for it unless `later`. */
static pid_t in_child(void (*fn)(struct nv_port *p, int word), struct nv_port *p, int word)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        alarm(600);
        check_failed = 0;
        fn(p, word);
        _exit(check_failed != 0);
    }
    return pid;
}

static void ends_well(pid_t pid)
{
    int status = -1;
    for (int64_t until = now_ms() + PATIENCE_MS; waitpid(pid, &status, WNOHANG) == 0;) {
        if (now_ms() > until)
            kill(pid, SIGKILL);
        sleep_ms(1);
    }
    CHECK(status == 0, "%#x", (unsigned)status);
}

static void sends_500(struct nv_port *a, int first)
{
    nv_txsync(a, 0);
    for (int i = 0; i < 500 && !check_failed; i++)
        CHECK(put_packet(a, 0, 100, mac_b, mac_a, (uint32_t)(first + i)));
    CHECK(nv_txsync(a, 0) == 0);
}

static void sends_and_closes(struct nv_port *a, int first)
{
    sends_500(a, first);
    nv_close(a);
}

static void expects_500(struct nv_port *b, uint32_t first)
{
    nv_rxsync(b, 0);
    for (uint32_t i = 0; i < 500 && !check_failed; i++) {
        int64_t got = get_packet(b, 0, NULL);
        CHECK(got == first + i, "%ld instead of %u", (long)got, first + i);
    }
    CHECK(get_packet(b, 0, NULL) == -2);
    nv_rxsync(b, 0);
}

/* Parent and child use one descriptor in turn; who closes or ends first leaves it to the other. */
static void forks(const char *from, const char *to)
{
    world_new();
    struct nv_port *a = open_port(from), *b = open_port(to);
    passes(a, b, 1, 100);
    ends_well(in_child(sends_500, a, 1000)); /* ends without closing */
    expects_500(b, 1000);
    passes(a, b, 2000, 700);
    ends_well(in_child(sends_and_closes, a, 3000));
    expects_500(b, 3000);
    passes(a, b, 4000, 700);
    CHECK(openers(nv_name(a)) == 1);
    nv_close(a);
    CHECK(openers(from) == 0);
    nv_close(b);
    world_end();
}

static void fork_on_a_switch(void)
{
    forks("vale0:a", "vale0:b");
}

static void fork_in_one_region(void)
{
    forks("vale0:a@7", "vale0:b@7");
}

static void fork_on_a_pipe(void)
{
    forks("p{1", "p}1");
}

/* The parent closes, then the child goes on alone. */
static void goes_on_alone(struct nv_port *a, int socket)
{
    char word;
    CHECK(read(socket, &word, 1) == 1);
    sends_500(a, 100);
    CHECK(openers(nv_name(a)) == 1);
    nv_close(a);
}

static void parent_closes(void)
{
    int pair[2];
    world_new();
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    struct nv_port *b = open_port("vale0:b"), *a = open_port("vale0:a");
    passes(a, b, 1, 50);
    pid_t child = in_child(goes_on_alone, a, pair[1]);
    nv_close(a);
    CHECK(openers("vale0:a") == 1);
    CHECK(write(pair[0], "", 1) == 1);
    ends_well(child);
    expects_500(b, 100);
    CHECK(openers("vale0:a") == 0);
    nv_close(b);
    close(pair[0]), close(pair[1]);
    world_end();
}

/* Of two processes with one descriptor, the one that is killed leaves it to the other. */
static void waits(struct nv_port *a, int word)
{
    (void)a, (void)word;
    pause();
}

static void one_is_killed(void)
{
    world_new();
    struct nv_port *b = open_port("vale0:b"), *a = open_port("vale0:a");
    pid_t child = in_child(waits, a, 0);
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
    CHECK(nv_gc(NULL, NULL) == 0);
    passes(a, b, 1, 900);
    nv_close(a), nv_close(b);
    world_end();
}

static void dups(void)
{
    struct nv_port *again;
    struct nv_error err = {0};
    world_new();
    struct nv_port *b = open_port("vale0:b"), *a = open_port("vale0:a");
    passes(a, b, 1, 10);
    int fd = dup(nv_fd(a));
    nv_close(a);
    CHECK(openers("vale0:a") == 1, "a dup keeps it");
    CHECK(nv_open_fd(fd, &again, &err) == 0, "%s", err.message);
    close(fd);
    CHECK(!strcmp(nv_name(again), "vale0:a") && openers("vale0:a") == 1);
    passes(again, b, 100, 900);
    nv_close(again);
    CHECK(openers("vale0:a") == 0);
    a = open_port("vale0:a");
    fd = dup(nv_fd(a));
    nv_close(a);
    close(fd); /* the library does not see this one: the next who looks does */
    CHECK(openers("vale0:a") == 0);
    nv_close(b);
    world_end();
}

/* ---- over a socket ---------------------------------------------------------------------------------- */

static void pass_fd(int socket, int fd)
{
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {.space = {0}};
    struct iovec word = {"x", 1};
    struct msghdr m = {
        .msg_iov = &word, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof(control.space)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof(fd));
    CHECK(sendmsg(socket, &m, 0) == 1, "%s", strerror(errno));
}

static int receive_fd(int socket)
{
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    char byte;
    int fd = -1;
    struct iovec word = {&byte, 1};
    struct msghdr m = {
        .msg_iov = &word, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof(control.space)};
    CHECK(recvmsg(socket, &m, 0) == 1);
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    if (c && c->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(c), sizeof(fd));
    return fd;
}

/* A process that had nothing to do with the port gets its descriptor, and two rings in the state they are in. */
static void gets_a_port(struct nv_port *none, int socket)
{
    struct nv_port *p;
    struct nv_error err = {0};
    int fd = receive_fd(socket);
    (void)none;
    CHECK(nv_open_fd(fd, &p, &err) == 0, "%s", err.message);
    close(fd);
    if (check_failed)
        return;
    char word;
    CHECK(read(socket, &word, 1) == 1); /* the first one closed */
    CHECK(openers("vale0:a") == 1);
    sends_500(p, 100);
    CHECK(write(socket, "", 1) == 1);
    CHECK(nv_wait(p, POLLIN, PATIENCE_MS * 1000000ll) == POLLIN && get_packet(p, 0, NULL) == 7, "woken by a packet");
    CHECK(nv_rxsync(p, 0) == 0);
    nv_close(p);
}

static void over_a_socket(void)
{
    int pair[2];
    char word;
    world_new();
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    pid_t child = in_child(gets_a_port, NULL, pair[1]);
    struct nv_port *b = open_port("vale0:b"), *a = open_port("vale0:a");
    passes(a, b, 1, 77);
    pass_fd(pair[0], nv_fd(a));
    nv_close(a);
    CHECK(write(pair[0], "", 1) == 1);
    CHECK(read(pair[0], &word, 1) == 1);
    expects_500(b, 100);
    sleep_ms(20); /* let it fall asleep */
    put_packet(b, 0, 60, mac_a, mac_b, 7);
    nv_txsync(b, 0);
    ends_well(child);
    CHECK(openers("vale0:a") == 0);
    nv_close(b);
    close(pair[0]), close(pair[1]);
    world_end();
}

static void refuse_fd(int fd)
{
    struct nv_port *p;
    struct nv_error err = {0};
    CHECK(nv_open_fd(fd, &p, &err) == -EBADF && !p && err.code == EBADF && *err.message, "%s", err.message);
}

static void not_a_port(void)
{
    char path[200];
    int ends[2];
    world_new();
    struct nv_port *a = open_port("vale0:a"), *b = open_port("vale0:b");
    refuse_fd(-1);
    refuse_fd(1000);
    CHECK(pipe(ends) == 0);
    refuse_fd(ends[0]);
    close(ends[0]), close(ends[1]);
    int null = open("/dev/null", O_RDWR);
    refuse_fd(null);
    close(null);
    for (int i = 0; i < 2; i++) { /* a FIFO of that name, but not in the table: free, or taken by another */
        snprintf(path, sizeof(path), "%s/wait.%d", world_dir, i ? 99 : 98);
        CHECK(mkfifo(path, 0600) == 0);
        int fd = open(path, O_RDWR | O_NONBLOCK);
        refuse_fd(fd);
        close(fd);
        unlink(path);
    }
    int fd = dup(nv_fd(a)), closed = nv_fd(a);
    snprintf(path, sizeof(path), "%s/wait.0", world_dir);
    nv_close(a);
    refuse_fd(closed);
    CHECK(unlink(path) == 0); /* somebody removed it by hand */
    refuse_fd(fd);
    close(fd);
    nv_close(b);
    world_end();
}

/* Another program does not inherit the port, and cannot keep it alive without knowing. */
static void execs(struct nv_port *none, int fd)
{
    (void)none;
    struct nv_port *a = open_port("vale0:a"), *p = open_port("p{1");
    CHECK(a && p && dup2(fd, 3) == 3);
    execl("/bin/sh", "sh", "-c", "echo >&3; exec sleep 600", NULL);
    CHECK(false, "cannot start /bin/sh");
}

static void not_across_exec(void)
{
    int ends[2];
    char word;
    world_new();
    CHECK(pipe(ends) == 0);
    pid_t child = in_child(execs, NULL, ends[1]);
    CHECK(read(ends[0], &word, 1) == 1);
    CHECK(openers("vale0:a") == 0 && openers("p{1") == 0 && world_files() == 0, "%d files", world_files());
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
    close(ends[0]), close(ends[1]);
    world_end();
}

int main(int argc, char **argv)
{
    mac_number(mac_a, 1), mac_number(mac_b, 2);
    static const struct check_test tests[] = {
        {"shared: fork, switch", fork_on_a_switch},     {"shared: fork, one region", fork_in_one_region},
        {"shared: fork, pipe", fork_on_a_pipe},         {"shared: fork, the parent closes", parent_closes},
        {"shared: fork, one is killed", one_is_killed}, {"shared: dup", dups},
        {"shared: over a socket", over_a_socket},       {"shared: what is no port", not_a_port},
        {"shared: not across exec", not_across_exec},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
