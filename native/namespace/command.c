/* SPDX-License-Identifier: BSD-2-Clause */
/* command.c - the caller's side: the outside of the link, and starting the first process of the namespaces. */
#include "namespace/command.h"
#include "namespace/inside.h"
#include "namespace/masquerade.h"
#include "ports/tap_device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTSIDE_NAME "emulate%d" /* the kernel counts */
#define REPORT_S     10          /* how long setting up may take */
#define RACES        8           /* somebody else may choose the same addresses at the same moment */

static int no_rights(int error, struct nv_error *err)
{
    return nv_fail(
        err, error,
        "running a command behind a link needs CAP_SYS_ADMIN and CAP_NET_ADMIN, for its namespaces and both ends: "
        "run as root, or start the container with --cap-add SYS_ADMIN --cap-add NET_ADMIN --device /dev/net/tun, "
        "or become root in a world of your own: unshare --user --map-root-user --net");
}

/* Address of the outside, and the way to the block behind it. */
static int set_up_family(int nl, unsigned ifindex, const struct nv_prefix *block)
{
    const struct nv_prefix outside = nv_subnet_end(block, NV_SUBNET_OUTSIDE);
    const struct nv_prefix inside = nv_subnet_end(block, NV_SUBNET_INSIDE);
    int error = nv_netlink_address(nl, ifindex, &outside);
    if (!error)
        error = nv_netlink_neighbour(nl, ifindex, &inside, nv_subnet_mac(NV_SUBNET_INSIDE));
    return error ? error : nv_netlink_route(nl, block, inside.address, ifindex);
}

/* The outside tap with its addresses. */
static int make_outside(const struct nv_command_plan *plan, struct nv_command *c, struct nv_error *err)
{
    const struct nv_tap_plan tap = {.name = OUTSIDE_NAME, .queues = 1, .tx_length = 1000};
    int error = nv_subnet_choose(&c->subnet, err);
    if (!error)
        error = nv_tap_create("the outside of the link", &tap, &c->outside, c->ifname, err);
    if (error == -EPERM)
        return no_rights(-error, err);
    if (error)
        return error;
    int nl = nv_netlink_open();
    unsigned ifindex = if_nametoindex(c->ifname);
    error = nl < 0 ? nl : nv_netlink_up(nl, ifindex, plan->mtu, nv_subnet_mac(NV_SUBNET_OUTSIDE));
    if (!error)
        error = set_up_family(nl, ifindex, &c->subnet.v4);
    /* Without IPv6 on this interface there is none inside. */
    if (!error && c->subnet.has_v6)
        c->subnet.has_v6 = set_up_family(nl, ifindex, &c->subnet.v6) == 0;
    if (nl >= 0)
        close(nl);
    if (!error)
        return 0;
    close(c->outside);
    c->outside = -1;
    return nv_fail(err, -error, "cannot set up %s: %s", c->ifname, strerror(-error));
}

static int outside(const struct nv_command_plan *plan, struct nv_command *c, struct nv_error *err)
{
    int error = -EEXIST;
    for (int i = 0; error == -EEXIST && i < RACES; i++)
        error = make_outside(plan, c, err);
    return error;
}

static bool is_default(void *arg, const struct nv_prefix *to, bool unreachable, unsigned protocol)
{
    (void)protocol;
    *(bool *)arg |= !to->bits && !unreachable;
    return *(bool *)arg;
}

/* Does the file of a switch hold 1? */
static bool switched_on(const char *path)
{
    char byte = '0';
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        if (read(fd, &byte, 1) != 1)
            byte = '0';
        close(fd);
    }
    return byte == '1';
}

/* See to it that the command reaches what this machine reaches, as far as that leaves nothing behind. */
static enum nv_wider widen(struct nv_command *c)
{
    bool has_default = false;
    if (c->subnet.nested)
        return NV_WIDER_ROUTED;
    if (switched_on("/proc/sys/net/ipv4/ip_forward")) {
        c->masquerade = nv_masquerade(c->ifname);
        return c->masquerade < 0 ? NV_WIDER_NO_TRANSLATE : NV_WIDER_TRANSLATED;
    }
    int nl = nv_netlink_open();
    if (nl >= 0) {
        nv_netlink_routes(nl, AF_INET, is_default, &has_default);
        close(nl);
    }
    return has_default ? NV_WIDER_NO_FORWARD : NV_WIDER_NONE;
}

/* Wait for the report of the first process; c->inside is then its tap. */
static int take_report(struct nv_command *c, struct nv_error *err)
{
    struct nv_inside_report report;
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } with;
    struct iovec iov = {&report, sizeof(report)};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &with, .msg_controllen = sizeof(with)};
    const struct timeval limit = {.tv_sec = REPORT_S}, none = {0};
    setsockopt(c->control, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    ssize_t n;
    do
        n = recvmsg(c->control, &message, MSG_WAITALL | MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    setsockopt(c->control, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof(none));
    if (n != (ssize_t)sizeof(report))
        return nv_fail(err, EIO, "the first process of the command's namespaces did not start");
    const struct cmsghdr *got = CMSG_FIRSTHDR(&message);
    if (!got || got->cmsg_type != SCM_RIGHTS)
        return nv_fail(err, report.error.code ? report.error.code : EIO, "%s", report.error.message);
    memcpy(&c->inside, CMSG_DATA(got), sizeof(c->inside));
    c->resolves = report.resolves;
    c->named = report.named;
    return 0;
}

static int clone_failed(int error, struct nv_error *err)
{
    if (error == EPERM)
        return no_rights(error, err);
    if (error == EINVAL || error == ENOSPC || error == EUSERS)
        return nv_fail(err, error, "no more network, mount or process namespaces can be made here: %s",
                       error == EINVAL ? "the kernel is built without them" : "the limit is reached");
    return nv_fail(err, error, "cannot make the command's namespaces: %s", strerror(error));
}

/* Start the first process and wait until it is ready. */
static int inside(const struct nv_command_plan *plan, const struct nv_texts *texts, struct nv_command *c,
                  struct nv_error *err)
{
    int pair[2];
    struct nv_inside in = {.plan = plan, .texts = texts, .subnet = &c->subnet};
    sigset_t all;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return nv_fail(err, errno, "cannot make a socket pair: %s", strerror(errno));
    in.control = pair[1];
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &in.mask); /* no handler of ours may run in there */
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0) {
        close(pair[0]);
        nv_inside_main(&in);
    }
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &in.mask, NULL);
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return clone_failed(error, err);
    }
    c->pid = pid;
    c->control = pair[0];
    error = take_report(c, err);
    if (error) {
        close(c->control);
        kill(pid, SIGKILL);
        nv_command_reap(pid);
    }
    return error;
}

int nv_command_start(const struct nv_command_plan *plan, struct nv_command *out, struct nv_error *err)
{
    *out = (struct nv_command){.control = -1, .inside = -1, .outside = -1, .masquerade = -1};
    struct nv_texts texts = {.envp = NULL};
    int error = outside(plan, out, err);
    if (!error && (error = nv_texts_make(plan, &out->subnet, &texts)))
        nv_fail(err, -error, "no memory for the command's environment");
    if (!error)
        error = inside(plan, &texts, out, err);
    nv_texts_free(&texts);
    if (!error)
        out->wider = widen(out);
    if (error && out->outside >= 0)
        close(out->outside);
    return error;
}

void nv_command_reap(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
}

/* The terminal among the standard descriptors; -1: none. */
static int terminal(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (tcgetpgrp(fd) >= 0)
            return fd;
    return -1;
}

bool nv_terminal_foreground(void)
{
    int fd = terminal();
    return fd >= 0 && tcgetpgrp(fd) == getpgrp();
}

void nv_terminal_restore(void)
{
    sigset_t ttou, old;
    int fd = terminal();
    if (fd < 0)
        return;
    sigemptyset(&ttou);
    sigaddset(&ttou, SIGTTOU); /* which stops those who do this from the background */
    pthread_sigmask(SIG_BLOCK, &ttou, &old);
    tcsetpgrp(fd, getpgrp());
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}
