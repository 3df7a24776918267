/* SPDX-License-Identifier: BSD-2-Clause */
/* address.c - read and write MAC, IP and port ranges. */
#include "packet/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory/error.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Six groups of one or two hexadecimal digits with ':' between; returns what follows, or NULL. */
static const char *read_mac(const char *text, uint8_t mac[6])
{
    for (unsigned i = 0; i < 6; i++) {
        if (i > 0 && *text++ != ':')
            return NULL;
        int high = hex_digit(*text);
        if (high < 0)
            return NULL;
        int low = hex_digit(*++text);
        if (low >= 0)
            text++;
        mac[i] = (uint8_t)(low >= 0 ? high << 4 | low : high);
    }
    return text;
}

int nv_parse_mac_range(const char *text, struct nv_mac_range *out, struct nv_error *err)
{
    struct nv_mac_range range;
    const char *rest = read_mac(text, range.first);

    if (!rest || (*rest != '\0' && *rest != '-'))
        return nv_fail(err, EINVAL,
                       "bad MAC address \"%.64s\": expected aa:bb:cc:dd:ee:ff, or two of them with '-' between", text);
    memcpy(range.last, range.first, sizeof(range.last));
    if (*rest == '-') {
        const char *end = read_mac(rest + 1, range.last);
        if (!end || *end != '\0')
            return nv_fail(err, EINVAL, "bad MAC address \"%.64s\" after '-': expected aa:bb:cc:dd:ee:ff", rest + 1);
    }
    if (memcmp(range.first, range.last, sizeof(range.first)) > 0)
        return nv_fail(err, EINVAL, "MAC range \"%.64s\" runs backwards: the first address must not be above the last",
                       text);
    *out = range;
    return 0;
}

/* One "address[:port]" of a range, `text` of `len` characters. Port is -1 where there is none. */
struct endpoint {
    unsigned version;
    uint8_t address[16];
    int port;
};

static int read_endpoint(const char *text, size_t len, struct endpoint *out, struct nv_error *err)
{
    char address[INET6_ADDRSTRLEN + 2];
    const char *port = NULL, *end = text + len;
    const char *from = text, *to = end;

    if (len > 0 && text[0] == '[') {
        const char *close = memchr(text, ']', len);
        if (!close)
            return nv_fail(err, EINVAL, "\"%.*s\": '[' without ']'", (int)len, text);
        from = text + 1;
        to = close;
        if (close + 1 < end) {
            if (close[1] != ':')
                return nv_fail(err, EINVAL, "\"%.*s\": expected ':' and a port after ']'", (int)len, text);
            port = close + 2;
        }
    } else {
        const char *colon = memchr(text, ':', len);
        /* One colon ends an IPv4 address; an IPv6 address without brackets has two or more and no port. */
        if (colon && !memchr(colon + 1, ':', (size_t)(end - colon - 1))) {
            to = colon;
            port = colon + 1;
        }
    }
    if (to == from || (size_t)(to - from) >= sizeof(address))
        return nv_fail(err, EINVAL, "bad IP address \"%.*s\"", (int)len, text);
    memcpy(address, from, (size_t)(to - from));
    address[to - from] = '\0';
    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, address, out->address) == 1)
        out->version = 4;
    else if (inet_pton(AF_INET6, address, out->address) == 1)
        out->version = 6;
    else
        return nv_fail(err, EINVAL, "bad IP address \"%s\"", address);
    out->port = -1;
    if (port) {
        char *stop;
        unsigned long value = *port >= '0' && *port <= '9' ? strtoul(port, &stop, 10) : 65536;
        if (value > 65535 || stop != end)
            return nv_fail(err, EINVAL, "bad port in \"%.*s\": expected 0 to 65535", (int)len, text);
        out->port = (int)value;
    }
    return 0;
}

int nv_parse_ip_range(const char *text, unsigned version, struct nv_ip_range *out, struct nv_error *err)
{
    const char *dash = strchr(text, '-');
    size_t len = dash ? (size_t)(dash - text) : strlen(text);
    struct endpoint first = {0}, last;

    if (strlen(text) > 160)
        return nv_fail(err, EINVAL, "bad IP range \"%.40s…\": too long", text);
    if (read_endpoint(text, len, &first, err))
        return -EINVAL;
    if (version != 0 && first.version != version)
        return nv_fail(err, EINVAL, "\"%.*s\" is an IPv%u address, expected IPv%u", (int)len, text, first.version,
                       version);
    last = first;
    if (dash) {
        if (read_endpoint(dash + 1, strlen(dash + 1), &last, err))
            return -EINVAL;
        if (last.version != first.version)
            return nv_fail(err, EINVAL, "\"%s\" mixes IPv4 and IPv6", text);
    }
    if (first.port < 0 && last.port >= 0)
        return nv_fail(err, EINVAL, "\"%s\": a last port needs a first one (ip:port-ip:port)", text);
    if (first.port < 0)
        first.port = NV_DEFAULT_PORT;
    if (last.port < 0)
        last.port = first.port;
    if (memcmp(first.address, last.address, sizeof(first.address)) > 0)
        return nv_fail(err, EINVAL, "IP range \"%s\" runs backwards: the first address must not be above the last",
                       text);
    if (first.port > last.port)
        return nv_fail(err, EINVAL, "IP range \"%s\" runs backwards: the first port must not be above the last", text);
    memset(out, 0, sizeof(*out));
    out->version = (uint8_t)first.version;
    memcpy(out->first, first.address, sizeof(out->first));
    memcpy(out->last, last.address, sizeof(out->last));
    out->first_port = (uint16_t)first.port;
    out->last_port = (uint16_t)last.port;
    return 0;
}

int nv_format_mac_range(const struct nv_mac_range *range, char *out, size_t size)
{
    const uint8_t *a = range->first, *b = range->last;

    if (memcmp(a, b, 6) == 0)
        return snprintf(out, size, "%02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3], a[4], a[5]);
    return snprintf(out, size, "%02x:%02x:%02x:%02x:%02x:%02x-%02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3],
                    a[4], a[5], b[0], b[1], b[2], b[3], b[4], b[5]);
}

int nv_format_ip_range(const struct nv_ip_range *range, char *out, size_t size)
{
    char first[INET6_ADDRSTRLEN], last[INET6_ADDRSTRLEN];
    int family = range->version == 6 ? AF_INET6 : AF_INET;
    const char *open = range->version == 6 ? "[" : "", *close = range->version == 6 ? "]" : "";

    inet_ntop(family, range->first, first, sizeof(first));
    inet_ntop(family, range->last, last, sizeof(last));
    if (memcmp(range->first, range->last, sizeof(range->first)) == 0 && range->first_port == range->last_port)
        return snprintf(out, size, "%s%s%s:%u", open, first, close, range->first_port);
    return snprintf(out, size, "%s%s%s:%u-%s%s%s:%u", open, first, close, range->first_port, open, last, close,
                    range->last_port);
}
