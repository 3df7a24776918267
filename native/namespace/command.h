/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * command.h - a command in a network namespace of its own, whose only way out is a tap interface.
 *
 *   caller's namespace                                    the command's
 *   emulateN  100.64.B.1  --- outside tap     inside tap --- eth0  100.64.B.2
 *                                 \__ the caller moves frames __/
 *
 * Both taps come back as descriptors, to be opened as ports ("tap:@fd:N"); nothing flows until somebody moves frames
 * between them. Addresses and routes are set on both sides. What the command sends to an address of this machine
 * arrives; nothing of the caller's namespace is changed but the new interface, its addresses and its route, which go
 * with the descriptor of the outside tap, and address translation for it, which goes with a descriptor, too.
 *
 * The command also has a process namespace, whose first process is ours: it starts the command when told to, reports
 * how it ended, takes everything else in the namespace down, and stays until the connections' last segments have
 * crossed the link; it is killed when the caller's thread dies. Whatever dies how, the kernel takes the rest down.
 */
#ifndef NETVALE_COMMAND_H
#define NETVALE_COMMAND_H

#include <sys/types.h>

#include "namespace/subnet.h"

#define NV_COMMAND_IFNAME "eth0" /* inside */

/* The other end of the link, by name: in the command's /etc/hosts, and in its environment. */
#define NV_COMMAND_HOST     "gateway.emulate"
#define NV_COMMAND_HOST6    "gateway6.emulate"
#define NV_COMMAND_GATEWAY  "EMULATE_GATEWAY"
#define NV_COMMAND_GATEWAY6 "EMULATE_GATEWAY6"

/*
 * What lies beyond this machine, for the command. Addresses of the machine itself it reaches in any case. Forwarding is
 * never switched on here: it would stay on when we die.
 */
enum nv_wider {
    NV_WIDER_TRANSLATED,   /* reached: the machine forwards, addresses are translated while `masquerade` is open */
    NV_WIDER_ROUTED,       /* the caller is behind a link himself: what he reaches, without translation */
    NV_WIDER_NONE,         /* the machine has no default route */
    NV_WIDER_NO_FORWARD,   /* not reached: net.ipv4.ip_forward is 0 */
    NV_WIDER_NO_TRANSLATE, /* not reached: the kernel cannot translate (nf_tables with owned tables, Linux 5.12) */
};

struct nv_command_plan {
    char *const *argv; /* the command, found by PATH of envp */
    char *const *envp;
    unsigned mtu; /* of both interfaces; 0: 1500 */
    /* What follows the line "nameserver GATEWAY" in the command's resolv.conf; NULL: leave it. */
    const char *resolv_conf;
    /* What follows our names in its /etc/hosts; NULL: leave it. */
    const char *hosts;
};

struct nv_command {
    pid_t pid;   /* of the first process; wait for it with nv_command_reap */
    int control; /* stream of struct nv_command_message, both ways; its end is the end of one side */
    int inside;  /* taps; close-on-exec, as control */
    int outside;
    char ifname[16]; /* of the outside */
    struct nv_subnet subnet;
    enum nv_wider wider;
    int masquerade; /* -1: not needed or not to be had */
    bool resolves;  /* /etc/resolv.conf is the link's */
    bool named;     /* /etc/hosts has the other end's names */
};

enum nv_command_type {
    NV_COMMAND_GO = 1,  /* to it: start the command */
    NV_COMMAND_SIGNAL,  /* to it: send signal `value` to the command */
    NV_COMMAND_STARTED, /* from it: the command is a process */
    NV_COMMAND_ENDED,   /* from it: the command ended with wait status `value`, its connections may not be finished */
    NV_COMMAND_EXIT,    /* from it: they are; `value` as before */
    NV_COMMAND_EXEC,    /* from it: the command cannot be run, errno `value` */
};

struct nv_command_message {
    int32_t type, value;
};

/*
 * Make the namespaces and both ends of the link; the command waits for NV_COMMAND_GO. 0, or -errno with err that says
 * what is needed (-EPERM: CAP_SYS_ADMIN and CAP_NET_ADMIN; no /dev/net/tun), and nothing is left. Call it in a thread
 * that lives as long as the command shall.
 */
int nv_command_start(const struct nv_command_plan *plan, struct nv_command *out, struct nv_error *err);

/* Wait for the first process, which has ended or is about to (its control stream has). */
void nv_command_reap(pid_t pid);

/* Is this process in the foreground of its terminal? */
bool nv_terminal_foreground(void);

/* Back into the foreground: a shell that was started as the command may have left itself there. */
void nv_terminal_restore(void);

#endif
