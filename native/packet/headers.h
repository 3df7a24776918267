/* SPDX-License-Identifier: BSD-2-Clause */
/* headers.h - lengths, offsets and numbers of the headers we build and read. */
#ifndef NETVALE_PACKET_HEADERS_H
#define NETVALE_PACKET_HEADERS_H

#define NV_ETHER_LEN 14u
#define NV_VLAN_LEN  4u
#define NV_IPV4_LEN  20u /* without options */
#define NV_IPV6_LEN  40u
#define NV_UDP_LEN   8u
#define NV_TCP_LEN   20u /* without options */
#define NV_ICMP_LEN  8u  /* echo request and reply, ICMP and ICMPv6 */

#define NV_TYPE_IPV4 0x0800u
#define NV_TYPE_ARP  0x0806u
#define NV_TYPE_VLAN 0x8100u /* IEEE 802.1Q */
#define NV_TYPE_QINQ 0x88a8u /* IEEE 802.1ad, the outermost of several tags */
#define NV_TYPE_IPV6 0x86ddu

#define NV_IP_ICMP   1u
#define NV_IP_TCP    6u
#define NV_IP_UDP    17u
#define NV_IP_ICMPV6 58u

#define NV_ICMP_ECHO         8u
#define NV_ICMP_ECHO_REPLY   0u
#define NV_ICMPV6_ECHO       128u
#define NV_ICMPV6_ECHO_REPLY 129u

#define NV_IPV4_DF 0x4000u /* don't fragment */

#endif
