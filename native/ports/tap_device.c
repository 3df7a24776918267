/* SPDX-License-Identifier: BSD-2-Clause */
/* tap_device.c - tap interfaces of the kernel, by /dev/net/tun and ioctl (Documentation/networking/tuntap.rst). */
#include "ports/tap_device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEVICE "/dev/net/tun"

static int open_device(const char *port, struct nv_error *err)
{
    int fd = open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    if (errno == EACCES || errno == EPERM)
        return nv_fail(err, errno, "%s: no right to open " DEVICE ": run as root, or let this user read and write it",
                       port);
    if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
        return nv_fail(err, errno,
                       "%s: there is no " DEVICE ": load the kernel module tun, or start the container with "
                       "--device " DEVICE,
                       port);
    return nv_fail(err, errno, "%s: cannot open " DEVICE ": %s", port, strerror(errno));
}

static int attach_failed(const char *port, const char *name, int error, struct nv_error *err)
{
    switch (error) {
    case EPERM:
        return nv_fail(err, error,
                       "%s: making a tap interface needs CAP_NET_ADMIN: run as root, start the container with "
                       "--cap-add NET_ADMIN, or have one made for you: ip tuntap add mode tap user USER dev NAME",
                       port);
    case EBUSY:
        return nv_fail(err, error, "%s: the interface %s is in use by another program", port, name);
    case EINVAL:
        return nv_fail(err, EEXIST,
                       "%s: there is an interface %s already, which is no tap with as many queues as rings are wanted",
                       port, name);
    default:
        return nv_fail(err, error, "%s: cannot make the interface %s: %s", port, name, strerror(error));
    }
}

/*
 * Set the interface up, and its queue length where that is not 0. In a user namespace the kernel refuses the length (it
 * wants the machine's CAP_NET_ADMIN), and the interface keeps its own.
 */
static int set_up(const char *port, const char *name, unsigned tx_length, struct nv_error *err)
{
    struct ifreq ifr = {0};
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), error = 0;
    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
    ifr.ifr_qlen = (int)tx_length;
    if (s < 0 || (tx_length && ioctl(s, SIOCSIFTXQLEN, &ifr) < 0 && errno != EPERM))
        error = errno;
    if (!error && ioctl(s, SIOCGIFFLAGS, &ifr) < 0)
        error = errno;
    if (!error && !(ifr.ifr_flags & IFF_UP)) {
        ifr.ifr_flags = (short)(ifr.ifr_flags | IFF_UP);
        error = ioctl(s, SIOCSIFFLAGS, &ifr) < 0 ? errno : 0;
    }
    if (s >= 0)
        close(s);
    return error ? nv_fail(err, error, "%s: cannot set the interface %s up: %s", port, name, strerror(error)) : 0;
}

/* One queue: the first makes the interface or takes the one that is there. */
static int attach(const char *port, const struct nv_tap_plan *plan, char *name, int *out, struct nv_error *err)
{
    struct ifreq ifr = {.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | (plan->queues > 1 ? IFF_MULTI_QUEUE : 0))};
    int fd = open_device(port, err);
    if (fd < 0)
        return fd;
    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
    if (ioctl(fd, TUNSETIFF, &ifr) < 0 || ioctl(fd, TUNSETOFFLOAD, 0) < 0) {
        int error = attach_failed(port, name, errno, err);
        close(fd);
        return error;
    }
    snprintf(name, IFNAMSIZ, "%s", ifr.ifr_name);
    *out = fd;
    return 0;
}

int nv_tap_create(const char *port, const struct nv_tap_plan *plan, int *fd, char *name, struct nv_error *err)
{
    const bool there = *plan->name && if_nametoindex(plan->name) != 0;
    unsigned n = 0;
    int error = 0;
    snprintf(name, IFNAMSIZ, "%s", *plan->name ? plan->name : "tap%d");
    for (; !error && n < plan->queues; n += !error)
        error = attach(port, plan, name, &fd[n], err);
    if (!error)
        error = set_up(port, name, there ? 0 : plan->tx_length, err);
    if (!error && plan->keep && ioctl(fd[0], TUNSETPERSIST, 1) < 0)
        error = nv_fail(err, errno, "%s: cannot keep the interface %s: %s", port, name, strerror(errno));
    while (error && n > 0)
        close(fd[--n]);
    return error;
}

int nv_tap_take(const char *port, int given, int *fd, char *name, struct nv_error *err)
{
    struct ifreq ifr = {0};
    if (ioctl(given, TUNGETIFF, &ifr) < 0 || (ifr.ifr_flags & (IFF_TAP | IFF_TUN)) != IFF_TAP)
        return nv_fail(err, EBADF, "%s: descriptor %d is not that of a tap interface", port, given);
    if ((ifr.ifr_flags & (IFF_NO_PI | IFF_VNET_HDR)) != IFF_NO_PI)
        return nv_fail(err, EINVAL,
                       "%s: the tap %s of descriptor %d puts headers before its frames: make it with "
                       "IFF_NO_PI and without IFF_VNET_HDR",
                       port, ifr.ifr_name, given);
    *fd = fcntl(given, F_DUPFD_CLOEXEC, 3);
    if (*fd < 0 || fcntl(*fd, F_SETFL, O_NONBLOCK) < 0)
        return nv_fail(err, errno, "%s: cannot duplicate descriptor %d: %s", port, given, strerror(errno));
    snprintf(name, IFNAMSIZ, "%s", ifr.ifr_name);
    return 0;
}
