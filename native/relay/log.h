/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.h - the log of single packets: one JSON record a line for each arrival, departure and loss, and for each
 * match of a rule with `log`.
 *
 *      {"t_us":1500.250,"event":"arrive","from":0,"bytes":60,"rule":100,"verdict":"pipe"}
 *      {"t_us":21548.250,"event":"depart","from":0,"bytes":60,"delay_us":20048.000}
 *      {"t_us":1500.250,"event":"log","from":0,"bytes":60,"rule":100}
 *      {"t_us":1500.250,"event":"drop","from":0,"bytes":60,"reason":"queue_full"}
 *
 * Times are microseconds since the start; `from` is the port packets came from, 0 the inside. delay_us is left
 * out for packets that waited in no link, or with one_pass off. Packets that rules with `log` matched may also go to a
 * pcapng file, each with a comment that names its rule. Both files are written by threads of their own (live/spool.h).
 */
#ifndef NETVALE_RELAY_LOG_H
#define NETVALE_RELAY_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "live/spool.h"
#include "relay/file.h"
#include "rules/rules.h"

enum { RELAY_LOG_LINE = 192 };

struct relay_log {
    struct nv_spool *records; /* NULL: none are kept */
    uint64_t start_ns, lost;  /* records and packets that could not be written */
    struct relay_file packets;
    unsigned interfaces; /* of that file: packets from `from` are of interface from % interfaces */
};

/* Keep records in the file of this descriptor, which stays the caller's; -1: keep none. 0 or -errno. */
int relay_log_records(struct relay_log *log, int fd, struct nv_error *err);

/* Write matched packets to a pcapng file, whose interfaces are the ports of these names. 0 or -errno. */
int relay_log_packets(struct relay_log *log, const char *path, const char *const names[], unsigned count,
                      struct nv_error *err);

/* Records for what happened at now_ns (CLOCK_MONOTONIC). Nothing when no log is kept. */
void relay_log_arrive(struct relay_log *log, uint64_t now_ns, unsigned from, uint32_t bytes, unsigned rule,
                      const char *verdict);
/* delay_ns UINT64_MAX: not known */
void relay_log_depart(struct relay_log *log, uint64_t now_ns, unsigned from, uint32_t bytes, uint64_t delay_ns);
/* A rule with `log` matched. where: 1 a record, 2 the packet to the pcapng file. */
void relay_log_match(struct relay_log *log, uint64_t now_ns, unsigned from, const struct nv_rules_packet *packet,
                     unsigned rule, uint32_t where);
void relay_log_drop(struct relay_log *log, uint64_t now_ns, unsigned from, uint32_t bytes, const char *reason);

/* What was gathered is to be written soon. */
void relay_log_wake(struct relay_log *log);

/* Write what is left, and close: see nv_spool_finish. 0, or the -errno of the pcapng file. */
int relay_log_close(struct relay_log *log, struct nv_error *err);

#endif
