/* SPDX-License-Identifier: BSD-2-Clause */
/* xdp_program.c - see xdp_program.h. The program is five instructions, so that no compiler or loader is needed. */
#include "nic/xdp_program.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf(int command, union bpf_attr *attr, size_t size)
{
    long result = syscall(__NR_bpf, command, attr, size);
    return result < 0 ? -errno : (int)result;
}

static int make_map(uint32_t queues)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof(attr));
    attr.map_type = BPF_MAP_TYPE_XSKMAP;
    attr.key_size = sizeof(uint32_t);
    attr.value_size = sizeof(int);
    attr.max_entries = queues;
    memcpy(attr.map_name, "netvale", sizeof("netvale"));
    return bpf(BPF_MAP_CREATE, &attr, sizeof(attr));
}

#define INSN(op, dst, src, offset, value)                                                                              \
    {                                                                                                                  \
        .code = (op), .dst_reg = (dst), .src_reg = (src), .off = (offset), .imm = (value)                              \
    }

/* return bpf_redirect_map(&map, ctx->rx_queue_index, XDP_PASS): the flags are what an empty place in the map means. */
static int make_program(int map, bool fragments)
{
    const struct bpf_insn code[] = {
        INSN(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1, (int16_t)offsetof(struct xdp_md, rx_queue_index), 0),
        INSN(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map),
        INSN(0, 0, 0, 0, 0),
        INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, XDP_PASS),
        INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_redirect_map),
        INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
    };
    union bpf_attr attr;
    memset(&attr, 0, sizeof(attr));
    attr.prog_type = BPF_PROG_TYPE_XDP;
    attr.insns = (uintptr_t)code;
    attr.insn_cnt = sizeof(code) / sizeof(code[0]);
    attr.license = (uintptr_t) "BSD";
    attr.expected_attach_type = BPF_XDP;
    attr.prog_flags = fragments ? BPF_F_XDP_HAS_FRAGS : 0;
    memcpy(attr.prog_name, "netvale", sizeof("netvale"));
    return bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
}

int nv_xdp_load(struct nv_xdp_program *x, const char *name, uint32_t queues, struct nv_error *err)
{
    *x = (struct nv_xdp_program){.map = -1, .program = -1, .link = -1};
    x->map = make_map(queues);
    x->fragments = true;
    x->program = x->map < 0 ? x->map : make_program(x->map, true);
    if (x->map >= 0 && x->program == -EINVAL) { /* before Linux 5.18 there are no fragments */
        x->fragments = false;
        x->program = make_program(x->map, false);
    }
    if (x->program >= 0)
        return 0;
    int error = x->program;
    nv_xdp_unload(x);
    if (error == -EPERM)
        return nv_fail(err, EPERM, "%s: AF_XDP takes the capabilities CAP_BPF and CAP_NET_ADMIN (root has them)", name);
    return nv_fail(err, -error, "%s: the kernel does not take our XDP program: %s", name, strerror(-error));
}

int nv_xdp_set_socket(const struct nv_xdp_program *x, const char *name, uint32_t queue, int fd, struct nv_error *err)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof(attr));
    attr.map_fd = (uint32_t)x->map;
    attr.key = (uintptr_t)&queue;
    attr.value = (uintptr_t)&fd;
    int error = bpf(BPF_MAP_UPDATE_ELEM, &attr, sizeof(attr));
    return error
               ? nv_fail(err, -error, "%s: queue %u cannot be handed to its socket: %s", name, queue, strerror(-error))
               : 0;
}

/* ---- who is attached -----------------------------------------------------------------------------------------------
 */

/* Does this descriptor of a process stand for an XDP link to the interface? */
static bool is_link_to(const char *path, uint32_t ifindex)
{
    char line[128];
    bool xdp = false, there = false;
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file)) {
        xdp |= !strncmp(line, "link_type:\txdp", 14);
        there |= !strncmp(line, "ifindex:", 8) && strtoul(line + 8, NULL, 10) == ifindex;
    }
    if (file)
        fclose(file);
    return xdp && there;
}

/* The process that holds an XDP link to the interface; 0: none is to be seen. */
static long find_holder(uint32_t ifindex)
{
    DIR *processes = opendir("/proc");
    long holder = 0;
    for (struct dirent *p; processes && !holder && (p = readdir(processes));) {
        char folder[64], path[128];
        if (!isdigit((unsigned char)p->d_name[0]))
            continue;
        snprintf(folder, sizeof(folder), "/proc/%.20s/fdinfo", p->d_name);
        DIR *files = opendir(folder);
        for (struct dirent *f; files && !holder && (f = readdir(files));) {
            snprintf(path, sizeof(path), "%s/%.20s", folder, f->d_name);
            if (isdigit((unsigned char)f->d_name[0]) && is_link_to(path, ifindex))
                holder = strtol(p->d_name, NULL, 10);
        }
        if (files)
            closedir(files);
    }
    if (processes)
        closedir(processes);
    return holder;
}

static int busy(const char *name, uint32_t ifindex, struct nv_error *err)
{
    char path[64], command[32] = "?";
    long pid = find_holder(ifindex);
    if (!pid)
        return nv_fail(err, EBUSY,
                       "%s: another XDP program is attached (one that its owner left: ip link set %s xdp off)", name,
                       name);
    snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
    FILE *file = fopen(path, "re");
    if (file && fgets(command, sizeof(command), file))
        command[strcspn(command, "\n")] = '\0';
    if (file)
        fclose(file);
    return nv_fail(err, EBUSY, "%s: in use by process %ld (%s)", name, pid, command);
}

static int make_link(int program, uint32_t ifindex, uint32_t flags)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof(attr));
    attr.link_create.prog_fd = (uint32_t)program;
    attr.link_create.target_ifindex = ifindex;
    attr.link_create.attach_type = BPF_XDP;
    attr.link_create.flags = flags;
    return bpf(BPF_LINK_CREATE, &attr, sizeof(attr));
}

int nv_xdp_attach(struct nv_xdp_program *x, const char *name, uint32_t ifindex, enum nv_xdp_mode mode,
                  struct nv_error *err)
{
    int link = -EOPNOTSUPP;
    x->native = mode != NV_XDP_GENERIC;
    if (x->native)
        link = make_link(x->program, ifindex, XDP_FLAGS_DRV_MODE);
    /* EOPNOTSUPP: the driver has none; ERANGE, ENOSPC: not with this MTU, these queues (veth) */
    if (mode == NV_XDP_GENERIC ||
        (mode == NV_XDP_BEST && (link == -EOPNOTSUPP || link == -ERANGE || link == -ENOSPC))) {
        x->native = false;
        link = make_link(x->program, ifindex, XDP_FLAGS_SKB_MODE);
    }
    x->link = link < 0 ? -1 : link;
    if (link >= 0)
        return 0;
    if (link == -EBUSY || link == -EEXIST)
        return busy(name, ifindex, err);
    return nv_fail(err, -link, "%s: cannot attach an XDP program: %s", name, strerror(-link));
}

void nv_xdp_unload(struct nv_xdp_program *x)
{
    const int fds[] = {x->link, x->program, x->map};
    for (unsigned i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    *x = (struct nv_xdp_program){.map = -1, .program = -1, .link = -1};
}
