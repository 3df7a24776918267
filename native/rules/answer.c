/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * answer.c - build ICMP (RFC 792, 1812), ICMPv6 (RFC 4443), TCP reset (RFC 9293 3.10.7) and SCTP abort
 * (RFC 9260 8.4) packets in answer to a packet, in the name of its destination; and TCP keep-alives.
 */
#include "rules/answer.h"

#include <netinet/in.h>
#include <string.h>

#include "rules/rewrite.h"

enum { IP4_BYTES = 20, IP6_BYTES = 40, ICMP_BYTES = 8, TCP_BYTES = 20, SCTP_BYTES = 16 };
enum { ICMP4_MAX = 576, ICMP6_MAX = 1280 };
enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

static void put_u16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put_u32(uint8_t *at, uint32_t value)
{
    put_u16(at, value >> 16);
    put_u16(at + 2, value);
}

static uint32_t sum_up(uint32_t sum, const uint8_t *bytes, uint32_t length)
{
    for (; length > 1; bytes += 2, length -= 2)
        sum += view_u16(bytes);
    return length ? sum + ((uint32_t)bytes[0] << 8) : sum;
}

static uint32_t fold(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    return ~(sum + (sum >> 16)) & 0xffff;
}

/* An IP header of the family in front of `length` bytes of payload, with the payload's checksum put at `sum`. */
static uint32_t finish(uint8_t *ip, uint8_t family, const uint8_t *src, const uint8_t *dst, uint8_t proto,
                       uint32_t length, uint32_t sum_at)
{
    uint32_t header = family == 4 ? IP4_BYTES : IP6_BYTES, bytes = family == 4 ? 4 : 16;
    uint8_t *payload = ip + header;
    uint32_t pseudo = proto + length;

    memset(ip, 0, header);
    if (family == 4) {
        ip[0] = 0x45;
        put_u16(ip + 2, header + length);
        ip[8] = 64;
        ip[9] = proto;
        memcpy(ip + 12, src, 4);
        memcpy(ip + 16, dst, 4);
        put_u16(ip + 10, fold(sum_up(0, ip, IP4_BYTES)));
    } else {
        ip[0] = 0x60;
        put_u16(ip + 4, length);
        ip[6] = proto;
        ip[7] = 64;
        memcpy(ip + 8, src, 16);
        memcpy(ip + 24, dst, 16);
    }
    pseudo = sum_up(sum_up(pseudo, src, bytes), dst, bytes);
    if (proto == IPPROTO_ICMP)
        pseudo = 0;
    if (proto != IPPROTO_SCTP)
        put_u16(payload + sum_at, fold(sum_up(pseudo, payload, length)));
    return header + length;
}

static bool icmp_query(const struct rules_view *v)
{
    const uint8_t *icmp;
    if (v->family == 4) {
        icmp = view_l4(v, IPPROTO_ICMP);
        return !icmp || icmp[0] == 8 || icmp[0] == 10 || icmp[0] == 13 || icmp[0] == 15 || icmp[0] == 17;
    }
    icmp = view_l4(v, IPPROTO_ICMPV6);
    return !icmp || icmp[0] == 128 || icmp[0] == 130 || icmp[0] == 139;
}

/* May this packet be answered at all? RFC 1122 3.2.2, RFC 4443 2.4. */
static bool answerable(const struct rules_view *v)
{
    static const uint8_t unspecified[16];
    if (v->family == 0 || v->seen & VIEW_FRAG || !icmp_query(v))
        return false;
    if (v->l3 != v->frame && v->frame[0] & 1)
        return false;
    if (v->family == 4)
        return v->dst >> 28 < 14 && v->src >> 28 < 14 && v->src != 0;
    return view_dst6(v)[0] != 0xff && view_src6(v)[0] != 0xff && memcmp(view_src6(v), unspecified, 16) != 0;
}

/* ICMP destination unreachable, with as much of the packet as fits. */
static uint32_t unreach4(const struct rules_view *v, uint32_t code, uint32_t mtu, uint8_t *ip)
{
    uint8_t *icmp = ip + IP4_BYTES;
    uint32_t quote = v->bytes < v->l3_length ? v->bytes : v->l3_length, room = ICMP4_MAX - IP4_BYTES - ICMP_BYTES;
    quote = quote < room ? quote : room;
    memset(icmp, 0, ICMP_BYTES);
    icmp[0] = 3;
    icmp[1] = (uint8_t)code;
    if (code == 4)
        put_u16(icmp + 6, mtu);
    memcpy(icmp + ICMP_BYTES, v->l3, quote);
    return finish(ip, 4, v->l3 + 16, v->l3 + 12, IPPROTO_ICMP, ICMP_BYTES + quote, 2);
}

/* ICMPv6 destination unreachable, or packet too big when an mtu is given. */
static uint32_t unreach6(const struct rules_view *v, uint32_t code, uint32_t mtu, uint8_t *ip)
{
    uint8_t *icmp = ip + IP6_BYTES;
    uint32_t quote = v->l3_length, room = ICMP6_MAX - IP6_BYTES - ICMP_BYTES;
    quote = quote < room ? quote : room;
    memset(icmp, 0, ICMP_BYTES);
    icmp[0] = mtu ? 2 : 1;
    icmp[1] = (uint8_t)(mtu ? 0 : code);
    put_u32(icmp + 4, mtu);
    memcpy(icmp + ICMP_BYTES, v->l3, quote);
    return finish(ip, 6, view_dst6(v), view_src6(v), IPPROTO_ICMPV6, ICMP_BYTES + quote, 2);
}

static const uint8_t *source_of(const struct rules_view *v)
{
    return v->l3 + (v->family == 4 ? 12 : 8);
}

static const uint8_t *destination_of(const struct rules_view *v)
{
    return v->l3 + (v->family == 4 ? 16 : 24);
}

static uint32_t tcp_reset(const struct rules_view *v, uint8_t *ip)
{
    const uint8_t *tcp = view_l4(v, IPPROTO_TCP);
    uint8_t *out = ip + (v->family == 4 ? IP4_BYTES : IP6_BYTES);
    if (!tcp || tcp[13] & RST)
        return 0;
    uint32_t header = (uint32_t)(tcp[12] >> 4) * 4, data = v->ip_length - v->l4;
    data = v->ip_length > v->l4 && data > header ? data - header : 0;
    memset(out, 0, TCP_BYTES);
    put_u16(out, v->dport);
    put_u16(out + 2, v->sport);
    if (tcp[13] & ACK) {
        memcpy(out + 4, tcp + 8, 4);
        out[13] = RST;
    } else {
        put_u32(out + 8, view_u32(tcp + 4) + data + (tcp[13] & SYN ? 1 : 0) + (tcp[13] & FIN ? 1 : 0));
        out[13] = RST | ACK;
    }
    out[12] = TCP_BYTES / 4 << 4;
    return finish(ip, v->family, destination_of(v), source_of(v), IPPROTO_TCP, TCP_BYTES, 16);
}

static uint32_t sctp_abort(const struct rules_view *v, uint8_t *ip)
{
    const uint8_t *sctp = view_l4(v, IPPROTO_SCTP);
    uint8_t *out = ip + (v->family == 4 ? IP4_BYTES : IP6_BYTES);
    uint32_t room = v->l3_length - v->l4;
    if (!sctp || room < 16 || sctp[12] == 6) /* never an abort to an abort */
        return 0;
    bool init = sctp[12] == 1 && room >= 20;
    memset(out, 0, SCTP_BYTES);
    put_u16(out, v->dport);
    put_u16(out + 2, v->sport);
    memcpy(out + 4, sctp + (init ? 16 : 4), 4); /* the tag the peer expects, or its own reflected (T) */
    out[12] = 6;
    out[13] = init ? 0 : 1;
    out[15] = 4;
    uint32_t crc = rewrite_crc32c(out, SCTP_BYTES);
    for (unsigned i = 0; i < 4; i++)
        out[8 + i] = (uint8_t)(crc >> (8 * i));
    return finish(ip, v->family, destination_of(v), source_of(v), IPPROTO_SCTP, SCTP_BYTES, 0);
}

/* `reject` and `unreach` rules meet IPv6 packets too: the code that comes nearest. */
static uint32_t code6(uint32_t code)
{
    return code == 0 ? 0 : code == 3 ? 4 : 1;
}

/* A MAC header of `bytes` bytes, 0 for none, back to where `mac` came from, with its VLAN tags. Returns the bytes. */
static uint32_t mac_back(const uint8_t *mac, uint32_t bytes, uint8_t *out)
{
    if (bytes == 0)
        return 0;
    memcpy(out, mac + 6, 6);
    memcpy(out + 6, mac, 6);
    memcpy(out + 12, mac + 12, bytes - 12);
    return bytes;
}

uint32_t answer_make(const struct rules_view *v, unsigned opcode, uint32_t code, uint32_t mtu, uint8_t *out)
{
    uint32_t length = 0;
    if (!answerable(v))
        return 0;
    uint32_t mac = mac_back(v->frame, (uint32_t)(v->l3 - v->frame), out);
    switch (opcode) {
    case NV_OP_UNREACH:
        length = v->family == 4 ? unreach4(v, code, mtu, out + mac) : unreach6(v, code6(code), 0, out + mac);
        break;
    case NV_OP_UNREACH6:
        length = v->family == 6 ? unreach6(v, code, mtu, out + mac) : 0;
        break;
    case NV_OP_RESET:
        length = tcp_reset(v, out + mac);
        break;
    case NV_OP_RESET6:
        length = v->family == 6 ? tcp_reset(v, out + mac) : 0;
        break;
    case NV_OP_ABORT:
        length = sctp_abort(v, out + mac);
        break;
    default: /* NV_OP_ABORT6 */
        length = v->family == 6 ? sctp_abort(v, out + mac) : 0;
        break;
    }
    return length ? mac + length : 0;
}

uint32_t answer_keepalive(const struct answer_tcp *tcp, uint8_t *out)
{
    uint32_t mac = mac_back(tcp->mac, tcp->mac_bytes, out);
    uint8_t *ip = out + mac, *segment = ip + (tcp->family == 4 ? IP4_BYTES : IP6_BYTES);
    memset(segment, 0, TCP_BYTES);
    put_u16(segment, tcp->sport);
    put_u16(segment + 2, tcp->dport);
    put_u32(segment + 4, tcp->seq);
    put_u32(segment + 8, tcp->ack);
    segment[12] = TCP_BYTES / 4 << 4;
    segment[13] = ACK;
    put_u16(segment + 14, 512); /* a small window: the segment is only there to be answered */
    return mac + finish(ip, tcp->family, tcp->src, tcp->dst, IPPROTO_TCP, TCP_BYTES, 16);
}
