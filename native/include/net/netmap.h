/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/netmap.h - the netmap binary interface, API 14, as seen by programs: shared memory, control requests, ioctls.
 *
 * Written from the published interface; sizes, offsets and values equal those of the kernel module on 64-bit Linux
 * to the byte (native/port/abi.c refuses to compile otherwise). C11 or C++11 and later.
 *
 * A program works in five steps: open /dev/netmap (or call nv_open, see netvale.h), bind the descriptor to a port
 * with NETMAP_REQ_REGISTER, map nr_memsize bytes, find the interface at nr_offset and from there the rings, then
 * move head and cur and sync. net/netmap_user.h has the macros and, with NETMAP_WITH_LIBS, nm_open for all of it.
 *
 * MEMORY MAP. What mmap returns, one region shared by all ports with the same memory id:
 *
 *   base                                                                               base + nr_memsize
 *   | interface pool      | ring pool                       | buffer pool                         |
 *   | netmap_if, ...      | netmap_ring, netmap_ring, ...   | buffer 0, buffer 1, buffer 2, ...   |
 *        |                    ^      |                          ^
 *        | ring_ofs[i]        |      | buf_ofs + idx * nr_buf_size
 *        '--------------------'      '--------------------------'
 *
 *   netmap_if    = base + nr_offset
 *   ring i       = (char *)netmap_if + ring_ofs[i]
 *   buffer idx   = (char *)ring + ring->buf_ofs + idx * ring->nr_buf_size
 *
 * ring_ofs[] lists, in this order: ni_tx_rings transmit rings, ni_host_tx_rings host transmit rings, ni_rx_rings
 * receive rings, ni_host_rx_rings host receive rings. An offset of 0 means "not bound by this descriptor". All
 * offsets are relative, so the same memory works at different addresses in different processes. Buffers 0 and 1
 * are reserved: an index below 2 is never valid in a slot.
 *
 * RINGS. The slots [head, tail) belong to the application, the others to the port; indices wrap at num_slots.
 *
 *            head          cur                 tail
 *              v            v                   v
 *   [ port's  |  processed | not yet looked at |  port's ]
 *
 *   tx: fill slots from head on, set len, advance head past them, sync; tail moves on as slots are free again.
 *   rx: read slots from head on, advance head past what you are done with, sync; tail moves on as packets arrive.
 *   cur >= head says how far the application has looked: poll reports a ring ready when something lies beyond cur.
 *   The port keeps one slot back, so at most num_slots - 1 are yours; head == tail means you have none.
 * A head or cur outside [head, tail] is an error: the sync fails and the ring is reset to its last good state.
 */
#ifndef NET_NETMAP_H
#define NET_NETMAP_H

#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <sys/types.h>

#define NETMAP_API     14 /* what this header describes; goes into nr_version of every request */
#define NETMAP_MIN_API 14 /* versions a port accepts, both ends included */
#define NETMAP_MAX_API 15

#define NM_CACHE_ALIGN 128 /* alignment of what different parties write */

/* ---- slots ------------------------------------------------------------------------------------- */

/*
 * One packet, or one fragment of one. The application owns all of it while the slot is in [head, tail). It may
 * exchange buf_idx with any slot or spare buffer of the same region, and then must set NS_BUF_CHANGED.
 */
struct netmap_slot {
    uint32_t buf_idx; /* buffer number, >= 2 */
    uint16_t len;     /* bytes; tx: set by the application, rx: by the port; at most nr_buf_size */
    uint16_t flags;   /* NS_* below */
    uint64_t ptr;     /* NS_INDIRECT: address of the data; with offsets in use (offset_mask): where data begins */
};

/*
 * The application put another buffer into this slot. Set by the application, whenever it changes buf_idx: a port
 * that keeps addresses of buffers would otherwise use the old one. Cleared by the port at the next sync.
 */
#define NS_BUF_CHANGED 0x0001

/*
 * Tell me when this slot is done. Set by the application on tx slots; obliges a NIC port to report completion up to
 * here (with an interrupt) instead of when it pleases. Setting it on every slot is slow; VALE and pipes need it not.
 */
#define NS_REPORT 0x0002

/*
 * Pass this packet on between NIC and host stack. Set by the application on received slots of a ring that has
 * NR_FORWARD; obliges the port to move the packet to the other side when the slot is released.
 */
#define NS_FORWARD 0x0004

/* Do not learn the source address. Reserved for VALE transmit slots; netmap's own switch learns all the same. */
#define NS_NO_LEARN 0x0008

/*
 * The data is at address ptr in the sender's memory, not in the buffer. Set by the application on tx slots of VALE
 * ports only; the memory must stay as it is until the slot comes back. The buffer of the slot stays in place.
 */
#define NS_INDIRECT 0x0010

/*
 * The packet goes on in the next slot. Set on every slot of a packet but its last: by the application on tx, by the
 * port on rx. At most NETMAP_MAX_FRAGS slots; all but the first hold data only. Release a packet whole.
 */
#define NS_MOREFRAG 0x0020

/* On a zero-copy monitor's rx slots: this packet was transmitted, not received. Set by the port. */
#define NS_TXMON 0x0040

/* High byte. On rx slots of VALE ports the port writes the number of fragments of the packet: NS_RFRAGS(slot). */
#define NS_PORT_SHIFT    8
#define NS_PORT_MASK     (0xff << NS_PORT_SHIFT)
#define NS_RFRAGS(_slot) (((_slot)->flags >> NS_PORT_SHIFT) & 0xff)

#define NETMAP_MAX_FRAGS 64 /* slots a packet may take */

/* ---- rings ------------------------------------------------------------------------------------- */

/*
 * A circular array of slots. "const" members are written once, by the port, at creation. head and cur are the
 * application's, tail is the port's; each is changed only inside the sync calls of the ring's own descriptor, so
 * that between two calls the application sees a ring that stands still.
 */
struct netmap_ring {
    const int64_t buf_ofs;      /* from this structure to buffer 0, bytes; see the map above */
    const uint32_t num_slots;   /* slots in slot[] */
    const uint32_t nr_buf_size; /* bytes from one buffer to the next, and the most a slot holds */
    const uint16_t ringid;      /* number of this ring in its direction */
    const uint16_t dir;         /* 0: tx, 1: rx */

    uint32_t head; /* (application) first slot it owns */
    uint32_t cur;  /* (application) first slot it has not looked at: wake me for what comes at or after it */
    uint32_t tail; /* (port) first slot the application does not own */

    uint32_t flags; /* NR_TIMESTAMP, NR_FORWARD */

    struct timeval ts; /* (port) when the last rx sync was done */

    const uint64_t offset_mask; /* which bits of slot->ptr are an offset; 0: offsets not in use */
    const uint64_t buf_align;   /* offsets must be multiples of this; 0: any */

    uint8_t sem[128] __attribute__((aligned(NM_CACHE_ALIGN))); /* for applications that share the ring */

    struct netmap_slot slot[]; /* num_slots of them */
};

/* Stamp ts at every rx sync. Set by the application; without it ports may leave ts alone to save the clock read. */
#define NR_TIMESTAMP 0x0002

/* Enable NS_FORWARD on this ring. Set by the application; only rings of ports with host rings look at it. */
#define NR_FORWARD 0x0004

/* ---- interface --------------------------------------------------------------------------------- */

/* One per bound descriptor: how many rings the port has and where those bound by this descriptor are. */
struct netmap_if {
    char ni_name[16];           /* the port's name, cut to 15 characters */
    const uint32_t ni_version;  /* NETMAP_API */
    const uint32_t ni_flags;    /* NI_PRIV_MEM */
    const uint32_t ni_tx_rings; /* transmit rings, host rings not counted */
    const uint32_t ni_rx_rings; /* receive rings, likewise */
    uint32_t ni_bufs_head;      /* first extra buffer, 0: none; see nr_extra_bufs */
    const uint32_t ni_host_tx_rings;
    const uint32_t ni_host_rx_rings; /* at least 1 in ring_ofs[], even on ports without a host stack */
    uint32_t ni_spare1[3];
    const ssize_t ring_ofs[]; /* ring i at (char *)netmap_if + ring_ofs[i]; 0: not bound */
};

#define NI_PRIV_MEM 0x1 /* the port has a region of its own, shared with nobody but its pipes and monitors */

/* ---- control requests -------------------------------------------------------------------------- */

/*
 * ioctl(fd, NIOCCTRL, &header): the one control call. nr_reqtype picks the request and, with it, the structure
 * that nr_body points to (NULL for requests that have none). Fails with EINVAL when nr_version is not in
 * NETMAP_MIN_API..NETMAP_MAX_API, nr_reserved is not 0, or nr_body is NULL where it must not be or the reverse.
 */
#define NETMAP_REQ_IFNAMSIZ 64

struct nmreq_header {
    uint16_t nr_version;               /* NETMAP_API */
    uint16_t nr_reqtype;               /* NETMAP_REQ_* */
    uint32_t nr_reserved;              /* 0 */
    char nr_name[NETMAP_REQ_IFNAMSIZ]; /* "eth0", "vale0:a", "vale0:a{1"; no "netmap:", always terminated */
    uint64_t nr_options;               /* address of the first struct nmreq_option, 0: none */
    uint64_t nr_body;                  /* address of the request's structure, 0: none */
};

enum {
    NETMAP_REQ_REGISTER = 1,         /* nmreq_register: bind this descriptor to a port; once per descriptor */
    NETMAP_REQ_PORT_INFO_GET,        /* nmreq_port_info_get: rings, slots and memory of a port */
    NETMAP_REQ_VALE_ATTACH,          /* nmreq_vale_attach: put an interface into a switch */
    NETMAP_REQ_VALE_DETACH,          /* nmreq_vale_detach: take it out again */
    NETMAP_REQ_VALE_LIST,            /* nmreq_vale_list: walk switches and ports */
    NETMAP_REQ_PORT_HDR_SET,         /* nmreq_port_hdr: length of the virtio-net header on a VALE port */
    NETMAP_REQ_PORT_HDR_GET,         /* nmreq_port_hdr */
    NETMAP_REQ_VALE_NEWIF,           /* nmreq_vale_newif: create a persistent VALE port */
    NETMAP_REQ_VALE_DELIF,           /* no body: destroy a persistent VALE port */
    NETMAP_REQ_VALE_POLLING_ENABLE,  /* nmreq_vale_polling: threads that poll a NIC in a switch */
    NETMAP_REQ_VALE_POLLING_DISABLE, /* nmreq_vale_polling */
    NETMAP_REQ_POOLS_INFO_GET,       /* nmreq_pools_info: layout of a port's region */
    NETMAP_REQ_SYNC_KLOOP_START,     /* nmreq_sync_kloop_start: sync in a loop until stopped; the call blocks */
    NETMAP_REQ_SYNC_KLOOP_STOP,      /* no body: stop that loop, from another thread */
    NETMAP_REQ_CSB_ENABLE,           /* no body: put a bound descriptor into CSB mode, see nm_csb_atok */
};

/*
 * Options hang on nr_options as a list. nro_status is written back for each: 0 or an errno value. A request with an
 * option the port does not know fails with EOPNOTSUPP, one with the same option twice with EINVAL. Header, body and
 * options together take at most NETMAP_REQ_MAXSIZE bytes (EMSGSIZE).
 */
struct nmreq_option {
    uint64_t nro_next;    /* address of the next option, 0: last */
    uint32_t nro_reqtype; /* NETMAP_REQ_OPT_* */
    uint32_t nro_status;  /* (port) errno value */
    uint64_t nro_size;    /* bytes that follow the fixed part, for options of variable length */
};

#define NETMAP_REQ_MAXSIZE 4096

enum {
    NETMAP_REQ_OPT_EXTMEM = 1,          /* REGISTER: put the region into memory of the application */
    NETMAP_REQ_OPT_SYNC_KLOOP_EVENTFDS, /* SYNC_KLOOP_START: eventfds instead of busy polling */
    NETMAP_REQ_OPT_CSB,                 /* REGISTER, CSB_ENABLE: where the control blocks are */
    NETMAP_REQ_OPT_SYNC_KLOOP_MODE,     /* SYNC_KLOOP_START: who does the work */
    NETMAP_REQ_OPT_OFFSETS,             /* REGISTER: packets begin at an offset in their buffers */
    NETMAP_REQ_OPT_MAX,                 /* not an option: one more than the last */
};

/*
 * NETMAP_REQ_REGISTER. Sizes are wishes on the way in (0: the default), heeded only by the request that creates the
 * port, and facts on the way out.
 */
struct nmreq_register {
    uint64_t nr_offset;   /* (port) netmap_if, from the start of the mapping */
    uint64_t nr_memsize;  /* (port) bytes to map */
    uint32_t nr_tx_slots; /* slots in each ring */
    uint32_t nr_rx_slots;
    uint16_t nr_tx_rings; /* rings */
    uint16_t nr_rx_rings;
    uint16_t nr_host_tx_rings; /* host rings; 0 on ports without a host stack */
    uint16_t nr_host_rx_rings;
    uint16_t nr_mem_id;     /* region: 0: the port's own choice; else this one, which must exist */
    uint16_t nr_ringid;     /* which ring, for NR_REG_ONE_NIC and NR_REG_ONE_SW */
    uint32_t nr_mode;       /* NR_REG_*: which rings to bind */
    uint32_t nr_extra_bufs; /* buffers beside the rings; on the way out how many there were. They form a list:
                               ni_bufs_head is the first, the first four bytes of each name the next, 0 ends it.
                               What is on the list when the descriptor is closed goes back to the region. */
    uint64_t nr_flags;      /* NR_MONITOR_TX ... NR_NO_TX_POLL */
};

/* nr_mode: the rings a descriptor is bound to */
enum {
    NR_REG_DEFAULT = 0, /* old API only */
    NR_REG_ALL_NIC,     /* all rings of the port, no host ring */
    NR_REG_SW,          /* the host rings */
    NR_REG_NIC_SW,      /* both */
    NR_REG_ONE_NIC,     /* ring nr_ringid */
    NR_REG_PIPE_MASTER, /* old API only: pipe X{nr_ringid; the new API has it in the name */
    NR_REG_PIPE_SLAVE,  /* old API only: pipe X}nr_ringid */
    NR_REG_NULL,        /* a port whose rings never move, in region nr_mem_id */
    NR_REG_ONE_SW,      /* host ring nr_ringid */
};

/* nr_flags, all set by the application at registration */
#define NR_MONITOR_TX      0x100   /* see what the port sends: a monitor, rx rings only, never delays the port */
#define NR_MONITOR_RX      0x200   /* see what the port receives; both flags may be set */
#define NR_ZCOPY_MON       0x400   /* monitor without a copy, after the owner is done; implies both directions */
#define NR_EXCLUSIVE       0x800   /* nobody else on these rings: EBUSY if there is, and for those who come later */
#define NR_RX_RINGS_ONLY   0x2000  /* bind receive rings only */
#define NR_TX_RINGS_ONLY   0x4000  /* bind transmit rings only */
#define NR_ACCEPT_VNET_HDR 0x8000  /* I know of virtio-net headers: without it a port that has them answers EIO */
#define NR_DO_RX_POLL      0x10000 /* poll syncs rx rings even if it is asked for POLLOUT only */
#define NR_NO_TX_POLL      0x20000 /* poll leaves tx rings alone unless asked for POLLOUT */

/* NETMAP_REQ_PORT_INFO_GET: as in nmreq_register. All written by the port; nr_mem_id is read if the name is empty. */
struct nmreq_port_info_get {
    uint64_t nr_memsize;
    uint32_t nr_tx_slots;
    uint32_t nr_rx_slots;
    uint16_t nr_tx_rings;
    uint16_t nr_rx_rings;
    uint16_t nr_host_tx_rings;
    uint16_t nr_host_rx_rings;
    uint16_t nr_mem_id;
    uint16_t pad[3];
};

/* NETMAP_REQ_VALE_ATTACH: name is switch and interface, "vale0:eth1". reg.nr_mode NR_REG_NIC_SW: host rings too. */
struct nmreq_vale_attach {
    struct nmreq_register reg;
    uint32_t port_index; /* (port) number in the switch */
    uint32_t pad1;
};

/* NETMAP_REQ_VALE_DETACH */
struct nmreq_vale_detach {
    uint32_t port_index; /* (port) number it had in the switch */
    uint32_t pad1;
};

/*
 * NETMAP_REQ_VALE_LIST. With a name: its switch and port number. With an empty name: the next port at or after this
 * pair, whose name is written to the header; ENOENT at the end.
 */
struct nmreq_vale_list {
    uint16_t nr_bridge_idx;
    uint16_t pad1;
    uint32_t nr_port_idx;
};

/* NETMAP_REQ_PORT_HDR_SET and _GET */
struct nmreq_port_hdr {
    uint32_t nr_hdr_len; /* bytes before each packet: 0, 10 or 12 */
    uint32_t pad1;
};

/* NETMAP_REQ_VALE_NEWIF: sizes of the new port, 0: the default */
struct nmreq_vale_newif {
    uint32_t nr_tx_slots;
    uint32_t nr_rx_slots;
    uint16_t nr_tx_rings;
    uint16_t nr_rx_rings;
    uint16_t nr_mem_id;
    uint16_t pad1;
};

/* NETMAP_REQ_VALE_POLLING_ENABLE and _DISABLE */
struct nmreq_vale_polling {
    uint32_t nr_mode; /* NETMAP_POLLING_MODE_* */
    uint32_t nr_first_cpu_id;
    uint32_t nr_num_polling_cpus;
    uint32_t pad1;
};

#define NETMAP_POLLING_MODE_SINGLE_CPU 1 /* one thread for all rings */
#define NETMAP_POLLING_MODE_MULTI_CPU  2 /* one ring per thread and CPU */

/* NETMAP_REQ_POOLS_INFO_GET, and the sizes of an external region: three pools, offsets and object sizes in bytes */
struct nmreq_pools_info {
    uint64_t nr_memsize;
    uint16_t nr_mem_id;
    uint16_t pad1[3];
    uint64_t nr_if_pool_offset;
    uint32_t nr_if_pool_objtotal; /* number of objects */
    uint32_t nr_if_pool_objsize;
    uint64_t nr_ring_pool_offset;
    uint32_t nr_ring_pool_objtotal;
    uint32_t nr_ring_pool_objsize;
    uint64_t nr_buf_pool_offset;
    uint32_t nr_buf_pool_objtotal;
    uint32_t nr_buf_pool_objsize;
};

/* NETMAP_REQ_SYNC_KLOOP_START */
struct nmreq_sync_kloop_start {
    uint32_t sleep_us; /* without eventfds: microseconds to sleep when nothing moved */
    uint32_t pad1;
};

/* ---- options ----------------------------------------------------------------------------------- */

/* NETMAP_REQ_OPT_EXTMEM: wishes in nro_info on the way in, facts on the way out */
struct nmreq_opt_extmem {
    struct nmreq_option nro_opt;
    uint64_t nro_usrptr; /* page-aligned start of the memory */
    struct nmreq_pools_info nro_info;
};

/*
 * NETMAP_REQ_OPT_SYNC_KLOOP_EVENTFDS: one pair per bound ring, tx rings first. ioeventfd: written by the application
 * to say "look at the ring"; irqfd: written by the loop to say the same to the application. -1: none. nro_size is
 * the size of eventfds[] in bytes and must fit the number of rings.
 */
struct nmreq_opt_sync_kloop_eventfds {
    struct nmreq_option nro_opt;
    struct {
        int32_t ioeventfd;
        int32_t irqfd;
    } eventfds[];
};

/* NETMAP_REQ_OPT_SYNC_KLOOP_MODE: sync in the context of whoever writes the eventfd; needs ioeventfds */
struct nmreq_opt_sync_kloop_mode {
    struct nmreq_option nro_opt;
    uint32_t mode;
};

#define NM_OPT_SYNC_KLOOP_DIRECT_TX 1
#define NM_OPT_SYNC_KLOOP_DIRECT_RX 2

/* NETMAP_REQ_OPT_CSB: addresses of nm_csb_atok[n] and nm_csb_ktoa[n], n = bound rings, tx first, 64-byte aligned */
struct nmreq_opt_csb {
    struct nmreq_option nro_opt;
    uint64_t csb_atok;
    uint64_t csb_ktoa;
};

/*
 * NETMAP_REQ_OPT_OFFSETS: data may begin anywhere in [0, nro_max_offset] of its buffer; the offset is in the low
 * nro_offset_bits (0: all 64) of slot->ptr. Read with NETMAP_ROFFSET, written with NETMAP_WOFFSET.
 */
struct nmreq_opt_offsets {
    struct nmreq_option nro_opt;
    uint64_t nro_max_offset;     /* largest offset the application will use, bytes */
    uint64_t nro_initial_offset; /* value of every slot at the start, bytes */
    uint32_t nro_offset_bits;    /* bits of ptr that are the offset; the others stay untouched */
    uint32_t nro_tx_align;       /* tx offsets must be multiples of this; 0: any */
    uint64_t nro_min_gap;        /* bytes the port must leave free at the end of a buffer */
};

/* ---- control and status blocks (CSB) ------------------------------------------------------------ */

/*
 * In CSB mode a ring's pointers travel through these two blocks, each written by one side only, so that a loop in
 * another thread (NETMAP_REQ_SYNC_KLOOP_START) does the syncs. NIOC*SYNC then answer EBUSY and poll POLLERR.
 * "a": application, "k": the port (the kernel, in netmap proper).
 */
struct nm_csb_atok {
    uint32_t head;           /* (application) as in the ring */
    uint32_t cur;            /* (application) */
    uint32_t appl_need_kick; /* (application) nonzero: write my irqfd when something happens */
    uint32_t sync_flags;     /* (application) flags for the sync; 0 */
    uint32_t pad[12];
};

struct nm_csb_ktoa {
    uint32_t hwcur;          /* (port) first slot it still has to take */
    uint32_t hwtail;         /* (port) becomes the ring's tail */
    uint32_t kern_need_kick; /* (port) nonzero: write its ioeventfd when head or cur moved */
    uint32_t pad[13];
};

/*
 * Application side. Publish head and cur. The other side reads head first and cur after it, so cur is written first:
 * whatever it reads, cur is not behind head. Slots must be filled before the call.
 */
static inline void nm_sync_kloop_appl_write(struct nm_csb_atok *atok, uint32_t cur, uint32_t head)
{
    __atomic_store_n(&atok->cur, cur, __ATOMIC_RELEASE);
    __atomic_store_n(&atok->head, head, __ATOMIC_RELEASE);
}

/* Application side. Read hwtail and hwcur; slots up to *hwtail may be used after the call. */
static inline void nm_sync_kloop_appl_read(struct nm_csb_ktoa *ktoa, uint32_t *hwtail, uint32_t *hwcur)
{
    *hwtail = __atomic_load_n(&ktoa->hwtail, __ATOMIC_ACQUIRE);
    *hwcur = __atomic_load_n(&ktoa->hwcur, __ATOMIC_ACQUIRE);
}

/* ---- ioctls ------------------------------------------------------------------------------------ */

#define NIOCCTRL   _IOWR('i', 151, struct nmreq_header) /* control, see struct nmreq_header */
#define NIOCTXSYNC _IO('i', 148) /* sync the bound tx rings; never blocks; ENXIO when not bound */
#define NIOCRXSYNC _IO('i', 149) /* sync the bound rx rings; likewise */

#include <net/netmap_legacy.h>

#endif
