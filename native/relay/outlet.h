/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * outlet.h - the ports that rules name: divert, tee, fwd. A thread beside the data path opens them.
 *
 * A port's name is used as it stands (vale0:ids); a number N is the pipe end netmap:divertN{0, whose other end
 * netmap:divertN}0 a program opens. What such a program sends back goes on behind the rule that diverted last.
 *
 * Opening may wait: for the directory's lock, for an interface, for memory. So the threads that move packets never
 * open: the ports that rules name when outlets are started are opened there, and the opener opens those that later
 * programs name and those it is asked for (tablearg), and tries again what failed, later and later. Packets for a port
 * that is not open are lost by name meanwhile. A port that was opened stays open.
 */
#ifndef NETVALE_RELAY_OUTLET_H
#define NETVALE_RELAY_OUTLET_H

#include <pthread.h>

#include "relay/side.h"
#include "rules/rules.h"

enum { OUTLETS = 32 };

struct outlet {
    char name[NETMAP_REQ_IFNAMSIZ];
    struct side side;
    bool open;                   /* atomic: the opener is done with it */
    uint64_t retry_ns, pause_ns; /* the opener's: when it tries again, and how long after that */
    struct nv_rules_packet last; /* the last diverted packet: where what comes back goes on */
};

struct outlets {
    struct outlet outlet[OUTLETS];
    unsigned count; /* atomic: those that have names; written by the opener */
    struct nv_rules *rules;
    struct nv_open_options open;
    void (*opened)(void *arg); /* called by the opener when it opened one; NULL: nobody wants to know */
    void *arg;
    uint32_t loaded;                 /* the sender's: program whose ports the opener was told to look at */
    bool asking;                     /* atomic: the sender asks for a port that is not there ... */
    char asked[NETMAP_REQ_IFNAMSIZ]; /* ... by this name; the opener's as long as it does */
    int wake;                        /* eventfd: something for the opener; -1: there is none */
    bool running, stop;              /* atomic: stop */
    pthread_t thread;
};

/* Before anything else. Closing what was made so does no harm. */
void outlets_init(struct outlets *outlets);

/*
 * Open the ports that the rules name by now, those that can be, and start the opener. Its options' dir has to live as
 * long. 0 or -errno with *err filled.
 */
int outlets_start(struct outlets *outlets, struct nv_rules *rules, const struct nv_open_options *open,
                  struct nv_error *err);

/* End the opener and close all ports. */
void outlets_close(struct outlets *outlets);

static inline unsigned outlets_count(const struct outlets *outlets)
{
    return __atomic_load_n(&outlets->count, __ATOMIC_ACQUIRE);
}

static inline bool outlet_open(const struct outlet *outlet)
{
    return __atomic_load_n(&outlet->open, __ATOMIC_ACQUIRE);
}

/* The general way of outlets_look: have the opener look at what a new program names. */
void outlets_tell(struct outlets *outlets);

/* Once a turn, by one sender: have the opener look, if there are other rules than last time. */
static inline void outlets_look(struct outlets *outlets)
{
    if (__builtin_expect(nv_rules_loaded(outlets->rules) != outlets->loaded, 0))
        outlets_tell(outlets);
}

/*
 * The outlet that a rule means by arg, of a verdict or a copy, as nv_rules_port_name has it. NULL: it is not open. One
 * sender at a time.
 */
struct outlet *outlet_of(struct outlets *outlets, struct nv_rules_worker *worker, uint32_t arg, uint32_t generation);

#endif
