/* SPDX-License-Identifier: BSD-2-Clause */
/* address.h - MAC, IP and port ranges as pkt-gen's -D, -S, -d and -s have them: read from text, write to text. */
#ifndef NETVALE_PACKET_ADDRESS_H
#define NETVALE_PACKET_ADDRESS_H

#include <stddef.h>
#include <stdint.h>

#include <netvale.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NV_DEFAULT_PORT 1234u /* where the text names no port */

/* MAC addresses first..last inclusive; as numbers, first <= last. */
struct nv_mac_range {
    uint8_t first[6], last[6];
};

/*
 * Addresses first..last and ports first_port..last_port, both inclusive and advancing on their own.
 * An IPv4 address is the first four bytes; the others are 0.
 */
struct nv_ip_range {
    uint8_t version; /* 4 or 6 */
    uint8_t first[16], last[16];
    uint16_t first_port, last_port;
};

/*
 * Read "aa:bb:cc:dd:ee:ff" or "aa:…:00-aa:…:ff". Returns 0, or -EINVAL with *err naming the bad part
 * (err may be NULL). *out is untouched on error.
 */
int nv_parse_mac_range(const char *text, struct nv_mac_range *out, struct nv_error *err);

/*
 * Read "ip[:port[-ip:port]]"; "ip-ip" and "ip:port-ip" are fine too. IPv6 with a port is "[::1]:port"; without one the
 * brackets may be left out. version: 4 or 6 asks for that family, 0 takes what comes. A missing first
 * port is NV_DEFAULT_PORT, a missing last port the first one. Returns 0 or -EINVAL as above.
 */
int nv_parse_ip_range(const char *text, unsigned version, struct nv_ip_range *out, struct nv_error *err);

/* Write the range as text that reads back to the same; returns the length as snprintf does. */
int nv_format_mac_range(const struct nv_mac_range *range, char *out, size_t size);
int nv_format_ip_range(const struct nv_ip_range *range, char *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif
