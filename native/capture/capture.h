/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * capture.h - capture files on the hot path: pcap (microseconds and nanoseconds, either byte order) and pcapng, read
 * and written in batches through one large buffer, without an allocation or a system call per packet.
 *
 * One thread uses a reader or writer at a time. Functions return 0 or a count, or -errno with *err filled (err may be
 * NULL). What is wrong with a file is -EBADMSG: err names the byte and what was expected there.
 * After draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng.
 */
#ifndef NETVALE_CAPTURE_H
#define NETVALE_CAPTURE_H

#include <netvale.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NV_CAPTURE_MAX_PACKET 262144u /* bytes of the longest packet, as in libpcap */
#define NV_CAPTURE_NAME       64u     /* bytes of an interface's name, with its end */
#define NV_CAPTURE_ETHERNET   1u      /* LINKTYPE_ETHERNET */
#define NV_CAPTURE_RAW        101u    /* LINKTYPE_RAW: packets begin with their IP header */

enum nv_capture_format { NV_CAPTURE_PCAP, NV_CAPTURE_PCAPNG };
enum nv_capture_direction { NV_CAPTURE_UNKNOWN, NV_CAPTURE_IN, NV_CAPTURE_OUT };

struct nv_capture_interface {
    char name[NV_CAPTURE_NAME]; /* "": none (always in pcap) */
    uint16_t link_type;         /* LINKTYPE_ number */
    uint32_t snap_length;       /* longer packets are cut; 0: NV_CAPTURE_MAX_PACKET */
};

struct nv_capture_packet {
    const uint8_t *data;
    uint32_t length;         /* bytes at data */
    uint32_t wire;           /* bytes on the wire; writing: 0 means length */
    uint64_t time_ns;        /* since the epoch; reading: 0 for what is before it or has no time (simple packets) */
    uint32_t interface;      /* index, from 0 */
    uint32_t comment_length; /* pcapng; 0: none */
    const char *comment;     /* UTF-8, no end mark; of several the first */
    uint8_t direction;       /* pcapng: enum nv_capture_direction */
};

/* ---- reading ---------------------------------------------------------------------------------- */

struct nv_capture;

/* Open a capture file (a FIFO will do). -EBADMSG: it is none; else as open(2). */
int nv_capture_open(const char *path, struct nv_capture **out, struct nv_error *err);
/* Read a capture in memory, which is copied. `name` is for messages. */
int nv_capture_open_memory(const void *bytes, size_t size, const char *name, struct nv_capture **out,
                           struct nv_error *err);
void nv_capture_close(struct nv_capture *capture); /* NULL is fine */

/*
 * Up to max packets, in the order of the file; data and comments are valid until the next call. Returns how many, 0 at
 * the end. Packets before damage come first; then -EBADMSG, again and again.
 */
int nv_capture_read(struct nv_capture *capture, struct nv_capture_packet *packets, unsigned max, struct nv_error *err);

enum nv_capture_format nv_capture_format(const struct nv_capture *capture);
/* Interfaces met so far; a pcap file has one. Valid until the next read. */
const struct nv_capture_interface *nv_capture_interfaces(const struct nv_capture *capture, unsigned *count);
/* Packets that were longer in the file than they say they were on the wire: the rest was left out. */
uint64_t nv_capture_overlong(const struct nv_capture *capture);
/* Byte of the file behind the packets that were read. */
uint64_t nv_capture_offset(const struct nv_capture *capture);

/* ---- writing ---------------------------------------------------------------------------------- */

struct nv_capture_writer;

struct nv_capture_options {
    uint8_t format;    /* enum nv_capture_format */
    bool microseconds; /* time stamps are cut to microseconds (pcap: the classic magic number) */
    bool swapped;      /* the other byte order than this machine's */
    const struct nv_capture_interface *interfaces;
    unsigned interface_count; /* pcap: 1; pcapng: more may be added */
};

/* Make or empty a file. -EINVAL: the options do not go together; else as open(2). */
int nv_capture_create(const char *path, const struct nv_capture_options *options, struct nv_capture_writer **out,
                      struct nv_error *err);
/* Write to a descriptor, which the writer closes at its end (also when this fails). */
int nv_capture_create_fd(int fd, const char *name, const struct nv_capture_options *options,
                         struct nv_capture_writer **out, struct nv_error *err);
/*
 * Write to a function: it gets the head of the file at once, then each packet whole, in a call of its own, and says
 * whether it took it; for what it did not take -ENOBUFS is returned, and the writer goes on. It has its own end.
 */
typedef bool nv_capture_put(void *arg, const void *bytes, size_t count);
int nv_capture_create_put(nv_capture_put *put, void *arg, const char *name, const struct nv_capture_options *options,
                          struct nv_capture_writer **out, struct nv_error *err);
/* pcapng: one more interface; its index. */
int nv_capture_add_interface(struct nv_capture_writer *writer, const struct nv_capture_interface *interface,
                             struct nv_error *err);
/*
 * Write packets, in order. All or an error: -EINVAL no such interface, or a packet longer than on the wire or than
 * NV_CAPTURE_MAX_PACKET; -ERANGE a time beyond the format; or what write(2) said. After an error of the file every
 * call returns it; after the others the packets before are in and the writer goes on.
 */
int nv_capture_write(struct nv_capture_writer *writer, const struct nv_capture_packet *packets, unsigned count,
                     struct nv_error *err);
/* pcapng: what an interface received and lost until time_ns. */
int nv_capture_statistics(struct nv_capture_writer *writer, unsigned interface, uint64_t time_ns, uint64_t received,
                          uint64_t dropped, struct nv_error *err);
/* Hand to the system what is gathered. */
int nv_capture_flush(struct nv_capture_writer *writer, struct nv_error *err);
/* Flush, close and free, whatever flushing returns. NULL is fine. */
int nv_capture_finish(struct nv_capture_writer *writer, struct nv_error *err);

#ifdef __cplusplus
}
#endif
#endif
