/* SPDX-License-Identifier: BSD-2-Clause */
/* name.c - read port names: kind, name, pipe, mode, flags and memory id. Options are in name_options.c. */
#include "port/kind.h"
#include "port/name_scan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NV_RING_ID_MAX (NETMAP_RING_MASK - 1) /* the mask itself is no ring, as in netmap */
#define NV_SHOWN       100                    /* characters of a name shown in an error */

static bool is(const struct nv_name *name, uint32_t flag)
{
    return (name->kind->flags & flag) != 0;
}

/* No kind has this prefix: say which there are. */
static int unknown_kind(const struct nv_scan *scan)
{
    char list[160];
    size_t n = 0;
    const char *mark = "";
    for (unsigned i = 0; i < nv_kind_count && n < sizeof(list); i++) {
        const struct nv_kind *kind = nv_kinds[i];
        if (!kind->prefix)
            continue;
        n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s%s:", mark, kind->prefix,
                              kind->flags & NV_KIND_SWITCH ? "0" : "");
        mark = i + 2 < nv_kind_count ? ", " : " or ";
    }
    return nv_scan_fail(scan, EINVAL, "no such kind of port; expected %s", list);
}

/* Copy at most NV_SHOWN characters of a name into buf, with control and non-ASCII characters as \xNN. */
static void show(const char *text, size_t length, char *buf, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (n + 4 > NV_SHOWN) {
            snprintf(buf + n, size - n, "...");
            return;
        }
        if (c >= 0x20 && c < 0x7f)
            buf[n++] = (char)c;
        else
            n += (size_t)snprintf(buf + n, size - n, "\\x%02x", c);
    }
    buf[n] = '\0';
}

int nv_scan_fail(const struct nv_scan *scan, int code, const char *what, ...)
{
    struct nv_error *err = scan->err;
    if (!err)
        return -code;
    char shown[NV_SHOWN + 8];
    show(scan->text, strlen(scan->text), shown, sizeof(shown));
    err->code = code;
    int used =
        snprintf(err->message, sizeof(err->message), "bad port name \"%s\": position %zu: ", shown, scan->at + 1);
    va_list args;
    va_start(args, what);
    vsnprintf(err->message + used, sizeof(err->message) - (size_t)used, what, args);
    va_end(args);
    return -code;
}

/* Fail because of the character at hand: "WHAT, not 'c'" or "WHAT, but the name ends". */
static int unexpected(const struct nv_scan *scan, const char *what)
{
    char c = nv_scan_peek(scan), shown[8];
    if (scan->at == scan->end)
        return nv_scan_fail(scan, EINVAL, "expected %s, but the name ends", what);
    show(&c, 1, shown, sizeof(shown));
    return nv_scan_fail(scan, EINVAL, "expected %s, not '%s'", what, shown);
}

int nv_scan_number(struct nv_scan *scan, const char *what, uint32_t low, uint32_t high, uint32_t *out)
{
    struct nv_scan start = *scan;
    uint64_t value = 0;
    if (!nv_is_digit(nv_scan_peek(scan)))
        return unexpected(scan, what);
    for (; nv_is_digit(nv_scan_peek(scan)); scan->at++) {
        value = value * 10 + (uint64_t)(nv_scan_peek(scan) - '0');
        if (value > high)
            return nv_scan_fail(&start, EINVAL, "expected %s, at most %u", what, high);
    }
    if (value < low)
        return nv_scan_fail(&start, EINVAL, "expected %s, at least %u", what, low);
    *out = (uint32_t)value;
    return 0;
}

/* Read the kind and leave `at` behind its ':'. A name without a prefix is of the default kind (netmap's), but "null" is
 * null:, as in pkt-gen. */
static int scan_kind(struct nv_scan *scan, struct nv_name *out)
{
    size_t colon = scan->at;
    while (colon < scan->end && nv_is_word(scan->text[colon]))
        colon++;
    const char *prefix = scan->text + scan->at;
    size_t length = colon - scan->at;
    const struct nv_kind *kind = nv_kind_find(prefix, length);
    bool of_switch = kind && (kind->flags & NV_KIND_SWITCH);
    if (colon == scan->end || scan->text[colon] != ':') {
        char next = colon < scan->end ? scan->text[colon] : '\0';
        if (of_switch) {
            scan->at = colon;
            return unexpected(scan, "':' and the name of a port after a switch");
        }
        out->kind = nv_kind_default();
        if (kind && (kind->flags & NV_KIND_BARE) && next != '{' && next != '}' && next != '.') {
            out->kind = kind;
            scan->at = colon;
        }
        return 0;
    }
    if (!kind)
        return unknown_kind(scan);
    if (of_switch) {
        if (length >= sizeof(out->sw)) {
            scan->at += sizeof(out->sw) - 1;
            return nv_scan_fail(scan, EINVAL, "the name of a switch has at most %zu characters", sizeof(out->sw) - 1);
        }
        memcpy(out->sw, prefix, length);
    }
    out->kind = kind;
    scan->at = colon + 1;
    return 0;
}

/* "2.5" in thousandths; more than a million is none. */
static bool scan_thousandths(const char *text, size_t length, uint32_t *out)
{
    uint64_t value = 0, unit = 1000;
    bool point = false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '.' && !point && i > 0 && i + 1 < length) {
            point = true;
            continue;
        }
        unit = point ? unit / 10 : unit;
        if (!nv_is_digit(text[i]) || unit == 0)
            return false;
        value = point ? value + unit * (uint64_t)(text[i] - '0') : value * 10 + 1000 * (uint64_t)(text[i] - '0');
        if (value > 1000000000)
            return false;
    }
    *out = (uint32_t)value;
    return length > 0;
}

/* "@conf:speed=2.5" at the end of a path; 0 is as fast as possible. */
static int scan_speed(struct nv_scan *scan, size_t *length, uint32_t *speed)
{
    static const char mark[] = "@conf:", key[] = "speed=";
    const char *text = scan->text + scan->at;
    const size_t m = sizeof(mark) - 1, k = sizeof(key) - 1;
    size_t at = *length;
    while (at >= m && memcmp(text + at - m, mark, m) != 0)
        at--;
    if (at < m)
        return 0;
    uint32_t value = 0;
    if (*length - at < k || memcmp(text + at, key, k) != 0 ||
        !scan_thousandths(text + at + k, *length - at - k, &value)) {
        scan->at += at;
        return unexpected(scan, "speed= and a number, at most a million, with at most 3 decimals");
    }
    *speed = value + 1;
    *length = at - m;
    return 0;
}

/* What is left is a path, whatever its characters. */
static int scan_path(struct nv_scan *scan, struct nv_name *out)
{
    size_t length = scan->end - scan->at;
    int error = scan_speed(scan, &length, &out->speed);
    if (error)
        return error;
    if (!length)
        return unexpected(scan, "the path of a capture file");
    if (length >= sizeof(out->file)) {
        scan->at += sizeof(out->file) - 1;
        return nv_scan_fail(scan, EINVAL, "the path is too long, at most %zu characters", sizeof(out->file) - 1);
    }
    memcpy(out->file, scan->text + scan->at, length);
    scan->at = scan->end;
    return 0;
}

/* The part of a name before the pipe: a VALE port, or an interface (which may have a '.', as VLANs do). */
static int scan_port_word(struct nv_scan *scan, struct nv_name *out)
{
    size_t start = scan->at;
    while (nv_is_word(nv_scan_peek(scan)) ||
           (!is(out, NV_KIND_SWITCH) && nv_scan_peek(scan) == '.' && scan->at > start))
        scan->at++;
    size_t length = scan->at - start;
    char next = nv_scan_peek(scan);
    if (!length && (next == '{' || next == '}'))
        return nv_scan_fail(scan, EINVAL, "a pipe needs the name of its parent before '%c'", next);
    if (!length && !is(out, NV_KIND_UNNAMED))
        return unexpected(scan, is(out, NV_KIND_SWITCH) ? "the name of a port" : "the name of an interface");
    if (length >= NV_PORT_SIZE) {
        scan->at = start + NV_PORT_SIZE - 1;
        return nv_scan_fail(scan, EINVAL, "the name of a port has at most %d characters", NV_PORT_SIZE - 1);
    }
    const struct nv_kind *other = nv_kind_find(scan->text + start, length);
    if (!is(out, NV_KIND_SWITCH) && other && (other->flags & NV_KIND_SWITCH)) {
        scan->at = start;
        return nv_scan_fail(scan, EINVAL, "names with '%s' are for switches: write %s0:PORT and nothing before it",
                            other->prefix, other->prefix);
    }
    if (is(out, NV_KIND_SWITCH))
        memcpy(out->port, scan->text + start, length);
    return 0;
}

/* {id or }id, if there is one. */
static int scan_pipe(struct nv_scan *scan, struct nv_name *out)
{
    char side = nv_scan_peek(scan);
    if (side != '{' && side != '}')
        return 0;
    if (!is(out, NV_KIND_PIPES))
        return nv_scan_fail(scan, EINVAL, "only netmap: and vale: ports have pipes, %s: ports have not",
                            out->kind->prefix);
    scan->at++;
    size_t start = scan->at;
    while (nv_is_word(nv_scan_peek(scan)))
        scan->at++;
    if (scan->at == start)
        return nv_scan_fail(scan, EINVAL, "a pipe needs an identifier after '%c'", side);
    if (scan->at - start < sizeof(out->pipe_id)) /* else the whole name is too long */
        memcpy(out->pipe_id, scan->text + start, scan->at - start);
    out->pipe = side == '{' ? NV_PIPE_MASTER : NV_PIPE_SLAVE;
    return 0;
}

int nv_scan_port(struct nv_scan *scan, struct nv_name *out)
{
    size_t start = scan->at;
    int ret = scan_kind(scan, out);
    if (ret)
        return ret;
    if (is(out, NV_KIND_PATH))
        return scan_path(scan, out);
    if (!is(out, NV_KIND_SWITCH)) /* a switch is part of the name, other kinds are not */
        start = scan->at;
    if (is(out, NV_KIND_BARE) && start && scan->text[start - 1] != ':')
        return 0; /* a bare "null" has no name */
    ret = scan_port_word(scan, out);
    if (ret)
        return ret;
    size_t parent_end = scan->at;
    if (is(out, NV_KIND_KEEPS) && nv_scan_peek(scan) == '+') {
        out->keep = true;
        scan->at++;
    }
    size_t name_end = parent_end;
    ret = scan_pipe(scan, out);
    if (ret)
        return ret;
    if (out->pipe != NV_PIPE_NONE)
        name_end = scan->at;
    if (name_end - start >= sizeof(out->name)) {
        scan->at = start + sizeof(out->name) - 1;
        return nv_scan_fail(scan, EINVAL, "the name is too long, at most %zu characters", sizeof(out->name) - 1);
    }
    memcpy(out->name, scan->text + start, name_end - start);
    memcpy(out->parent, scan->text + start, parent_end - start);
    return 0;
}

/* ^ ^N * -N, if there is one. */
static int scan_mode(struct nv_scan *scan, struct nv_name *out)
{
    char sign = nv_scan_peek(scan);
    out->mode = NR_REG_ALL_NIC;
    if (sign != '^' && sign != '*' && sign != '-')
        return 0;
    if (sign != '-' && out->pipe != NV_PIPE_NONE)
        return nv_scan_fail(scan, EINVAL, "a pipe has no host rings ('%c')", sign);
    if (sign != '-' && !is(out, NV_KIND_HOST))
        return nv_scan_fail(scan, EINVAL, "a %s port has no host rings ('%c')", out->kind->prefix, sign);
    scan->at++;
    out->mode = sign == '-' ? NR_REG_ONE_NIC : sign == '*' ? NR_REG_NIC_SW : NR_REG_SW;
    if (sign == '-' || (sign == '^' && nv_is_digit(nv_scan_peek(scan)))) {
        uint32_t ring = 0;
        int ret = nv_scan_number(scan, "a ring number", 0, NV_RING_ID_MAX, &ring);
        if (ret)
            return ret;
        out->ring_id = (uint16_t)ring;
        if (sign == '^')
            out->mode = NR_REG_ONE_SW;
    }
    return 0;
}

/* The flag a letter stands for, 0: none. */
static uint64_t flag_of(char letter)
{
    switch (letter) {
    case 'x':
        return NR_EXCLUSIVE;
    case 'z':
        return NR_ZCOPY_MON;
    case 't':
        return NR_MONITOR_TX;
    case 'r':
        return NR_MONITOR_RX;
    case 'R':
        return NR_RX_RINGS_ONLY;
    case 'T':
        return NR_TX_RINGS_ONLY;
    default:
        return 0;
    }
}

/* Any number of /flags and @N, in any order. */
static int scan_suffixes(struct nv_scan *scan, struct nv_name *out)
{
    for (;;) {
        char c = nv_scan_peek(scan);
        struct nv_scan next = *scan;
        next.at++;
        if (c == '/') {
            *scan = next;
            if (!flag_of(nv_scan_peek(scan)))
                return unexpected(scan, "a flag (x z t r R T)");
            for (uint64_t flag; (flag = flag_of(nv_scan_peek(scan))); scan->at++)
                out->flags |= flag;
            c = nv_scan_peek(scan);
            if (scan->at < scan->end && c != '/' && c != '@')
                return unexpected(scan, "a flag (x z t r R T), '/' or '@'");
        } else if (c == '@' && nv_is_digit(nv_scan_peek(&next))) {
            uint32_t id;
            *scan = next;
            int ret = nv_scan_number(scan, "a memory id", 1, UINT16_MAX, &id);
            if (ret)
                return ret;
            if (out->mem_id && out->mem_id != id)
                return nv_scan_fail(&next, EINVAL, "memory id %u, but it is already %u", id, out->mem_id);
            out->mem_id = (uint16_t)id;
        } else {
            return 0;
        }
    }
}

static int scan_all(struct nv_scan *scan, struct nv_name *out)
{
    if (scan->at == scan->end)
        return nv_scan_fail(scan, EINVAL, "the name is empty; expected something like vale0:a, p{1 or null:");
    int ret = nv_scan_port(scan, out);
    if (!ret && is(out, NV_KIND_PATH)) {
        out->mode = NR_REG_ALL_NIC;
        return 0;
    }
    if (!ret)
        ret = scan_mode(scan, out);
    if (!ret)
        ret = scan_suffixes(scan, out);
    if (!ret && nv_scan_peek(scan) == '@')
        ret = nv_scan_options(scan, out);
    if (!ret && scan->at != scan->end)
        ret = unexpected(scan, "a mode ('-N', '^', '*'), '/', '@' or the end");
    return ret;
}

int nv_name_parse(const char *text, struct nv_name *out, struct nv_error *err)
{
    struct nv_scan scan = {.text = text ? text : "", .err = err};
    scan.end = strlen(scan.text);
    memset(out, 0, sizeof(*out));
    if (err)
        memset(err, 0, sizeof(*err));
    int ret = scan_all(&scan, out);
    if (ret)
        memset(out, 0, sizeof(*out));
    return ret;
}
