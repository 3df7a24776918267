/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * name.h - port names: text to struct nv_name and back. The grammar is that of netmap's user library plus our kinds;
 * docs/ports.md is its manual.
 *
 *   [kind:]name[mode][/flags | @id]...[@option]...
 */
#ifndef NETVALE_PORT_NAME_H
#define NETVALE_PORT_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <netvale.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NV_PORT_SIZE     16   /* an interface, a switch, or a port of a switch, with its final 0 */
#define NV_PATH_SIZE     4096 /* a path with its final 0 */
#define NV_SPELLING_SIZE 5120 /* holds the canonical spelling of any name */

struct nv_kind; /* kind.h */

enum nv_pipe_end { NV_PIPE_NONE, NV_PIPE_MASTER, NV_PIPE_SLAVE };

/* @conf: what a port is created with. The general keys (rings, slots, ...) are already put into the particular ones. */
struct nv_name_conf {
    uint16_t tx_rings, rx_rings; /* 0: not said, here and below */
    uint16_t host_tx_rings, host_rx_rings;
    uint32_t tx_slots, rx_slots;
};

/* @extmem: a region in a file of the user's; sizes in bytes, 0: not said. file is in nv_name.file. */
struct nv_name_extmem {
    bool used;
    uint32_t if_num, if_size;
    uint32_t ring_num, ring_size;
    uint32_t buf_num, buf_size;
};

/* A port name taken apart. Unused members are 0 to the last byte, so that two names compare with memcmp. */
struct nv_name {
    const struct nv_kind *kind;        /* by its prefix */
    enum nv_pipe_end pipe;             /* which end of a pipe, if it is one */
    char name[NETMAP_REQ_IFNAMSIZ];    /* without mode and options: "vale0:a{1", "eth0"; "" for pcap: and bare null: */
    char parent[NETMAP_REQ_IFNAMSIZ];  /* name without the pipe part: "vale0:a"; equals name if it is no pipe */
    char sw[NV_PORT_SIZE];             /* VALE: the switch, "vale0" */
    char port[NV_PORT_SIZE];           /* VALE: the port in it, "a" (of a pipe: its parent's) */
    char pipe_id[NETMAP_REQ_IFNAMSIZ]; /* pipe: "1" */
    bool keep;                         /* tap:NAME+: the interface stays when the port is closed */
    uint32_t fd;                       /* tap:@fd:N, the descriptor of a tap; 0: not said */
    uint16_t ring_id;                  /* with NR_REG_ONE_NIC and NR_REG_ONE_SW */
    uint16_t mem_id;                   /* @N; 0: not said */
    uint32_t mode;                     /* NR_REG_ALL_NIC, _SW, _NIC_SW, _ONE_NIC, _ONE_SW */
    uint64_t flags;                    /* NR_EXCLUSIVE, NR_MONITOR_TX, ... as in nmreq_register.nr_flags */
    uint32_t speed;                    /* pcap: of reading, in thousandths of the file's own, and 1; 0: not said */
    char share[NETMAP_REQ_IFNAMSIZ];   /* @share: use the region of this port; as name[] has it; "": not said */
    struct nv_name_conf conf;
    struct nv_name_extmem extmem;
    char file[NV_PATH_SIZE]; /* pcap: the capture file; other kinds: the file of @extmem */
};

/*
 * Take a port name apart. 0, or -errno with *err (may be NULL) naming the character position, counted from 1, and
 * what was expected there: -EINVAL a bad name, -EOPNOTSUPP an option that exists and is not supported. *out is
 * all zeros then.
 */
int nv_name_parse(const char *text, struct nv_name *out, struct nv_error *err);

/*
 * Print the canonical spelling: nv_name_parse of it gives the same struct again. `size` bytes at buf, the final 0
 * counted; NV_SPELLING_SIZE is always enough. Returns the length, or -ENOSPC (buf then holds "").
 */
int nv_name_format(const struct nv_name *name, char *buf, size_t size);

#ifdef __cplusplus
}
#endif
#endif
