/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kind.h - what a kind of port is: how its names look, what its ports are made of, how they are synced. All that opens,
 * finds, lists and clears away ports asks here, and never which kind it is. A kind is a file in native/ports and a line
 * in the list there (kinds.c).
 */
#ifndef NETVALE_PORT_KIND_H
#define NETVALE_PORT_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <netvale.h>

#ifdef __cplusplus
extern "C" {
#endif

enum nv_kind_flags {
    /* names */
    NV_KIND_DEFAULT = 1u << 0,  /* a name without a prefix is of this kind */
    NV_KIND_BARE = 1u << 1,     /* the prefix alone, without ':', is a name */
    NV_KIND_SWITCH = 1u << 2,   /* what begins with the prefix is a switch, and part of the name: "vale0:a" */
    NV_KIND_PATH = 1u << 3,     /* behind the ':' is a path, whatever its characters */
    NV_KIND_UNNAMED = 1u << 4,  /* the name may be empty: then a port is made anew at each open */
    NV_KIND_NEW = 1u << 5,      /* a port is made anew at each open, whatever its name */
    NV_KIND_PREFIXED = 1u << 6, /* the port is called with its prefix: "tap:x" */
    NV_KIND_KEEPS = 1u << 7,    /* '+' behind the name */
    NV_KIND_FD = 1u << 8,       /* @fd:N instead of a name */
    NV_KIND_PIPES = 1u << 9,    /* its ports have pipes, which live in their parent's region */
    NV_KIND_HOST = 1u << 10,    /* names with ^ and * are well-formed */
    /* ports */
    NV_KIND_LINK = 1u << 11,    /* it has a link that may come up slowly */
    NV_KIND_JOINED = 1u << 12,  /* both ends are in one region: its buffers are others', too */
    NV_KIND_LATE = 1u << 13,    /* tx slots come back when the receiver releases them: it wakes the sender */
    NV_KIND_PRIVATE = 1u << 14, /* belongs to the process that opened it: cannot be passed on */
};

struct nv_world;
struct nv_create;
struct nv_port_ops;
struct nv_port_entry;
struct nv_table;
struct nv_name;

struct nv_kind {
    const char *name;              /* "vale": nv_list's, and in messages */
    const char *prefix;            /* before the ':'; NULL: no name asks for it by itself */
    const char *shape;             /* how its names look, for the list of what there is: "valeS:P" */
    uint32_t flags;                /* enum nv_kind_flags */
    uint32_t most_rings;           /* each way */
    const struct nv_port_ops *ops; /* NULL: there are names of this kind, and no ports in this build */

    /* All of these may be NULL. They are called with the directory locked. */

    /* Before a port is made: what its plan takes from others that are there already. */
    void (*plan)(struct nv_create *c);
    /* After its rings were made: join a switch, another end. 0 or -errno with err; half of it is swept later. */
    int (*enter)(struct nv_create *c, struct nv_error *err);
    /* The opposite, by whoever clears a dead port away; the entry is still as it was. */
    void (*leave)(struct nv_world *w, int lockfd, struct nv_port_entry *e);
    /* Does a port that nobody has opened yet wait for an opener? users: openers by index of the table. */
    bool (*waits)(const struct nv_table *t, const struct nv_port_entry *e, const uint16_t *users);
    /* What the port can do (enum nv_port_caps) changed: tell those who send to it. */
    void (*changed)(struct nv_port *p);
    /* The port was opened: let those who wait for it look again. */
    void (*announce)(struct nv_port *p);
    /* Files of a directory that begin so belong to this kind; does one of its ports use the one called prefix + rest?
     */
    const char *file_prefix;
    bool (*uses_file)(const struct nv_port_entry *e, const char *rest);
};

/* kinds.c in native/ports: all kinds, in the order of their numbers in shared memory less one. */
extern const struct nv_kind *const nv_kinds[];
extern const unsigned nv_kind_count;

/* The kind of the port that a name asks for: that of its prefix, or a pipe's. */
const struct nv_kind *nv_kind_asked(const struct nv_name *name);

/* The kind whose prefix this text, `length` characters, is; of a switch it is the beginning only. NULL: none. */
const struct nv_kind *nv_kind_find(const char *text, size_t length);

/* The kind of names without a prefix. */
const struct nv_kind *nv_kind_default(void);

/* The kind's number in shared memory; 0 is none. */
uint32_t nv_kind_number(const struct nv_kind *kind);

/* The kind with a number that was read from shared memory; NULL: there is none of that number. */
static inline const struct nv_kind *nv_kind_of(uint32_t number)
{
    return number - 1 < nv_kind_count ? nv_kinds[number - 1] : NULL;
}

#ifdef __cplusplus
}
#endif
#endif
