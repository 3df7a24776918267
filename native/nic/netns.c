/* SPDX-License-Identifier: BSD-2-Clause */
/* netns.c - a way into a network namespace of which only the kernel's number is known: see link.h. */
#include "netlink/message.h"
#include "nic/link.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/net_namespace.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The number that the caller's namespace has for the one at `path`; -1: none, or no such path. */
static int number_of(int fd, const char *path)
{
    union {
        struct nlmsghdr header;
        char bytes[512];
    } answer;
    struct nv_nl_request r;
    const struct rtgenmsg fixed = {.rtgen_family = AF_UNSPEC};
    int id = -1, netns = open(path, O_RDONLY | O_CLOEXEC);
    if (netns < 0)
        return -1;
    nv_nl_begin(&r, RTM_GETNSID, 0, &fixed, sizeof(fixed));
    nv_nl_add(&r, NETNSA_FD, &netns, sizeof(netns));
    ssize_t n = send(fd, &r, r.header.nlmsg_len, 0) < 0 ? -1 : recv(fd, &answer, sizeof(answer), 0);
    close(netns);
    if (n < 0 || !NLMSG_OK(&answer.header, (size_t)n) || answer.header.nlmsg_type != RTM_NEWNSID)
        return -1;
    size_t left = NLMSG_PAYLOAD(&answer.header, sizeof(fixed));
    struct rtattr *a = (struct rtattr *)(void *)((char *)NLMSG_DATA(&answer.header) + NLMSG_ALIGN(sizeof(fixed)));
    for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
        if (a->rta_type == NETNSA_NSID)
            memcpy(&id, RTA_DATA(a), sizeof(id));
    return id;
}

/* Try folder/ENTRY/suffix for each entry. */
static bool search(int fd, const char *folder, const char *suffix, int netns_id, char path[NV_NIC_PATH])
{
    DIR *dir = opendir(folder);
    bool found = false;
    for (struct dirent *entry; dir && !found && (entry = readdir(dir));) {
        if (entry->d_name[0] == '.' || (suffix[0] && (entry->d_name[0] < '0' || entry->d_name[0] > '9')))
            continue;
        int n = snprintf(path, NV_NIC_PATH, "%s/%s%s", folder, entry->d_name, suffix);
        found = n > 0 && n < (int)NV_NIC_PATH && number_of(fd, path) == netns_id;
    }
    if (dir)
        closedir(dir);
    return found;
}

bool nv_link_find_netns(int netns_id, char path[NV_NIC_PATH])
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    bool found =
        fd >= 0 && (search(fd, "/run/netns", "", netns_id, path) || search(fd, "/proc", "/ns/net", netns_id, path));
    if (fd >= 0)
        close(fd);
    if (!found)
        path[0] = '\0';
    return found;
}
