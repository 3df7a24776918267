/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * outlet.h - the ports that rules name: divert, tee, fwd. Opened when the first packet goes there.
 *
 * A port's name is used as it stands (vale0:ids); a number N is the pipe end netmap:divertN{0, whose other end
 * netmap:divertN}0 a program opens. What such a program sends back goes on behind the rule that diverted last.
 */
#ifndef NETVALE_RELAY_OUTLET_H
#define NETVALE_RELAY_OUTLET_H

#include "relay/side.h"

enum { OUTLETS = 16 };

struct outlet {
    char name[NETMAP_REQ_IFNAMSIZ];
    struct side side;
    bool failed;                 /* it could not be opened: its packets are dropped as no_port */
    struct nv_rules_packet last; /* the last diverted packet: where what comes back goes on */
};

struct outlets {
    struct outlet outlet[OUTLETS];
    unsigned count;
};

/*
 * The outlet that a rule means by arg, of a verdict or a copy: a number, or the reference of a name in `rules`. NULL:
 * it cannot be opened, or there are OUTLETS already.
 */
struct outlet *outlet_of(struct outlets *outlets, struct nv_rules *rules, uint32_t arg,
                         const struct nv_open_options *open);

void outlets_close(struct outlets *outlets);

#endif
