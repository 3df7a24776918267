/* SPDX-License-Identifier: BSD-2-Clause */
/* inside.c - see inside.h. */
#include "namespace/inside.h"
#include "ports/tap_device.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONTROL_FD 3
#define LINGER_MS  3000 /* for the last words of connections, if the link is slow or loses them */

/* Write a file that is there. False: it could not be. */
static bool write_file(const char *path, int flags, const char *text, size_t length)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0644);
    bool done = fd >= 0 && write(fd, text, length) == (ssize_t)length;
    if (fd >= 0)
        close(fd);
    return done;
}

/*
 * Hold nothing of the caller's but the standard descriptors and the control stream, which is `fd` afterwards: his ports
 * must look closed when he dies.
 */
static void close_others(int control, int fd)
{
    struct rlimit limit = {.rlim_cur = 1024};
    dup3(control, fd, O_CLOEXEC);
    if (syscall(SYS_close_range, fd + 1, ~0u, 0) == 0)
        return;
    getrlimit(RLIMIT_NOFILE, &limit);
    for (int i = fd + 1; i < (int)limit.rlim_cur; i++)
        close(i);
}

/* ---- the network ------------------------------------------------------------------------------------------------- */

/* Addresses and routes of one family on the inside of the link. */
static int set_up_family(int nl, unsigned ifindex, const struct nv_prefix *block)
{
    const struct nv_prefix inside = nv_subnet_end(block, NV_SUBNET_INSIDE), everywhere = {.family = block->family};
    const struct nv_prefix outside = nv_subnet_end(block, NV_SUBNET_OUTSIDE);
    int error = nv_netlink_address(nl, ifindex, &inside);
    if (!error)
        error = nv_netlink_neighbour(nl, ifindex, &outside, nv_subnet_mac(NV_SUBNET_OUTSIDE));
    /* The rest of the block is for links behind this one; what is not in use must not come back out of here. */
    if (!error)
        error = nv_netlink_route(nl, block, NULL, 0);
    if (!error)
        error = nv_netlink_route(nl, &everywhere, outside.address, ifindex);
    return error;
}

static int set_up_network(const struct nv_inside *in, const char *ifname, struct nv_error *err)
{
    int nl = nv_netlink_open(), error = nl < 0 ? nl : nv_netlink_up(nl, if_nametoindex("lo"), 0, NULL);
    unsigned ifindex = if_nametoindex(ifname);
    if (!error)
        error = nv_netlink_up(nl, ifindex, in->plan->mtu, nv_subnet_mac(NV_SUBNET_INSIDE));
    if (!error)
        error = set_up_family(nl, ifindex, &in->subnet->v4);
    if (!error && in->subnet->has_v6)
        error = set_up_family(nl, ifindex, &in->subnet->v6);
    if (nl >= 0)
        close(nl);
    /* For links behind this one. Nobody else lives here, and without /proc they only cannot nest. */
    write_file("/proc/sys/net/ipv4/ip_forward", 0, "1", 1);
    write_file("/proc/sys/net/ipv6/conf/all/forwarding", 0, "1", 1);
    return error ? nv_fail(err, -error, "cannot set up the network of the command: %s", strerror(-error)) : 0;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

/* Put a file of ours over the one that is there, /etc/NAME, by way of /proc/NAME in memory. */
static bool mount_over(const char *name, const char *text)
{
    char made[32], path[32];
    snprintf(made, sizeof(made), "/proc/%s", name);
    snprintf(path, sizeof(path), "/etc/%s", name);
    return text && write_file(made, O_CREAT | O_EXCL, text, strlen(text)) &&
           mount(made, path, NULL, MS_BIND, NULL) == 0;
}

/*
 * The command's resolv.conf and hosts. They stand in a file system in memory that is mounted on /proc for a moment,
 * which every machine has; nothing is written to a disk.
 */
static void mount_files(const struct nv_texts *texts, struct nv_inside_report *report)
{
    if (mount("netvale", "/proc", "tmpfs", MS_NOSUID | MS_NODEV, NULL) < 0)
        return;
    report->resolves = mount_over("resolv.conf", texts->resolv_conf);
    report->named = mount_over("hosts", texts->hosts);
    umount2("/proc", MNT_DETACH);
}

static int set_up_files(const struct nv_inside *in, struct nv_inside_report *report)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
        return nv_fail(&report->error, errno, "cannot make the mounts private: %s", strerror(errno));
    mount_files(in->texts, report);
    /* Processes as the command numbers them. Where that is forbidden the command sees the caller's, which does no harm.
     */
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    return 0;
}

/* ---- talking to the caller --------------------------------------------------------------------------------------- */

static void tell(int control, enum nv_command_type type, int value)
{
    const struct nv_command_message message = {type, value};
    if (send(control, &message, sizeof(message), MSG_NOSIGNAL) < 0)
        _exit(1); /* nobody is there */
}

/* The report, with the descriptor of the tap if there is one. */
static void send_report(int control, const struct nv_inside_report *report, int tap)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } with = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    struct iovec iov = {(void *)(uintptr_t)report, sizeof(*report)};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    if (tap >= 0) {
        memcpy(CMSG_DATA(&with.header), &tap, sizeof(tap));
        message.msg_control = &with;
        message.msg_controllen = sizeof(with);
    }
    if (sendmsg(control, &message, MSG_NOSIGNAL) < 0)
        _exit(1);
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static void run_command(const struct nv_inside *in)
{
    for (int s = 1; s < _NSIG; s++)
        signal(s, SIG_DFL);
    sigprocmask(SIG_SETMASK, &in->mask, NULL);
    for (int fd = 0; fd <= 2; fd++) { /* the caller may have made them non-blocking and close-on-exec for itself */
        int flags = fcntl(fd, F_GETFL);
        fcntl(fd, F_SETFD, 0);
        if (flags >= 0 && flags & O_NONBLOCK)
            fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    }
    environ = in->texts->envp;
    execvp(in->plan->argv[0], in->plan->argv);
    tell(in->control, NV_COMMAND_EXEC, errno);
    _exit(127);
}

/* Take who ended. True: the command was among them, with *status. */
static bool reap(pid_t command, int *status)
{
    int one;
    for (pid_t pid; (pid = waitpid(-1, &one, WNOHANG)) > 0;)
        if (pid == command) {
            *status = one;
            return true;
        }
    return false;
}

/* Until the command has ended, true and its wait status, or the caller. */
static bool serve(const struct nv_inside *in, int children, int *status)
{
    pid_t command = 0;
    struct signalfd_siginfo info;
    struct nv_command_message message;
    struct pollfd fds[2] = {{.fd = in->control, .events = POLLIN}, {.fd = children, .events = POLLIN}};
    while (poll(fds, 2, -1) >= 0) {
        if (fds[1].revents && read(children, &info, sizeof(info)) > 0 && reap(command, status))
            return true;
        if (!fds[0].revents)
            continue;
        if (recv(in->control, &message, sizeof(message), MSG_WAITALL) != sizeof(message))
            return false;
        if (message.type == NV_COMMAND_SIGNAL && command > 0)
            kill(command, message.value);
        if (message.type != NV_COMMAND_GO || command)
            continue;
        command = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
        if (command == 0)
            run_command(in);
        if (command < 0) {
            tell(in->control, NV_COMMAND_EXEC, errno);
            return false;
        }
        tell(in->control, NV_COMMAND_STARTED, 0);
    }
    return false;
}

/*
 * The command has ended: take down what it left, let the connections finish, tell, and keep the network until the
 * caller has carried what is still on the link.
 */
static void finish(const struct nv_inside *in, int status)
{
    struct nv_command_message message;
    tell(in->control, NV_COMMAND_ENDED, status);
    kill(-1, SIGKILL); /* everybody in the namespace but this process */
    while (waitpid(-1, NULL, 0) > 0)
        ;
    nv_inside_linger(LINGER_MS);
    tell(in->control, NV_COMMAND_EXIT, status);
    while (recv(in->control, &message, sizeof(message), MSG_WAITALL) > 0)
        ;
}

void nv_inside_main(const struct nv_inside *caller)
{
    struct nv_inside own = *caller, *in = &own;
    struct nv_inside_report report = {.resolves = false};
    const struct nv_tap_plan tap = {.name = NV_COMMAND_IFNAME, .queues = 1, .tx_length = 1000};
    char ifname[IFNAMSIZ];
    int fd = -1;
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, "netvale-command");
    close_others(caller->control, CONTROL_FD);
    own.control = CONTROL_FD;
    int children = signalfd(-1, &child, SFD_CLOEXEC);
    int error = set_up_files(in, &report);
    if (!error)
        error = nv_tap_create("the inside of the link", &tap, &fd, ifname, &report.error);
    if (!error)
        error = set_up_network(in, ifname, &report.error);
    if (!error && children < 0)
        error = nv_fail(&report.error, errno, "cannot wait for the command: %s", strerror(errno));
    send_report(in->control, &report, error ? -1 : fd);
    if (fd >= 0)
        close(fd); /* the caller alone holds the link */
    int status;
    if (!error && serve(in, children, &status))
        finish(in, status);
    _exit(0);
}
