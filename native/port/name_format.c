/* SPDX-License-Identifier: BSD-2-Clause */
/* name_format.c - print a port name in its canonical spelling. */
#include "port/kind.h"
#include "port/name.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct text {
    char *buf;
    size_t size, length; /* length >= size: it did not fit */
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
    size_t room = text->length < text->size ? text->size - text->length : 0;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(room ? text->buf + text->length : NULL, room, format, args);
    va_end(args);
    text->length += (size_t)n;
}

/* One key of an option: separated by *mark from what is before, left out when not given. */
static void add_key(struct text *text, const char **mark, const char *key, uint32_t value)
{
    if (!value)
        return;
    add(text, "%s%s=%u", *mark, key, value);
    *mark = ",";
}

/* The general key when both particular values agree, else each of them. */
static void add_pair(struct text *text, const char **mark, const char *const keys[3], uint32_t tx, uint32_t rx)
{
    if (tx == rx) {
        add_key(text, mark, keys[0], tx);
        return;
    }
    add_key(text, mark, keys[1], tx);
    add_key(text, mark, keys[2], rx);
}

static void add_mode(struct text *text, const struct nv_name *name)
{
    static const struct {
        uint64_t flag;
        char letter;
    } flags[] = {{NR_EXCLUSIVE, 'x'},  {NR_ZCOPY_MON, 'z'},     {NR_MONITOR_TX, 't'},
                 {NR_MONITOR_RX, 'r'}, {NR_RX_RINGS_ONLY, 'R'}, {NR_TX_RINGS_ONLY, 'T'}};
    const char *mark = "/";
    switch (name->mode) {
    case NR_REG_SW:
        add(text, "^");
        break;
    case NR_REG_ONE_SW:
        add(text, "^%u", name->ring_id);
        break;
    case NR_REG_NIC_SW:
        add(text, "*");
        break;
    case NR_REG_ONE_NIC:
        add(text, "-%u", name->ring_id);
        break;
    default:
        break;
    }
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (name->flags & flags[i].flag) {
            add(text, "%s%c", mark, flags[i].letter);
            mark = "";
        }
    }
    if (name->mem_id)
        add(text, "@%u", name->mem_id);
}

/* A port as the name's own part has it: with the prefix that it is said without. */
static void add_share(struct text *text, const char *port)
{
    const struct nv_kind *kind = nv_kind_find(port, strcspn(port, ":"));
    bool whole = kind && (kind->flags & NV_KIND_SWITCH) && strchr(port, ':');
    add(text, "@share:%s%s%s", whole ? "" : nv_kind_default()->prefix, whole ? "" : ":", port);
}

static void add_options(struct text *text, const struct nv_name *name)
{
    static const char *const rings[] = {"rings", "tx-rings", "rx-rings"};
    static const char *const host_rings[] = {"host-rings", "host-tx-rings", "host-rx-rings"};
    static const char *const slots[] = {"slots", "tx-slots", "rx-slots"};
    const struct nv_name_conf *conf = &name->conf;
    const struct nv_name_extmem *ext = &name->extmem;
    const char *mark = "@conf:";
    if (name->share[0])
        add_share(text, name->share);
    add_pair(text, &mark, rings, conf->tx_rings, conf->rx_rings);
    add_pair(text, &mark, host_rings, conf->host_tx_rings, conf->host_rx_rings);
    add_pair(text, &mark, slots, conf->tx_slots, conf->rx_slots);
    if (name->fd)
        add(text, "@fd:%u", name->fd);
    if (!ext->used)
        return;
    add(text, "@extmem:file=%s", name->file);
    mark = ",";
    add_key(text, &mark, "if-num", ext->if_num);
    add_key(text, &mark, "if-size", ext->if_size);
    add_key(text, &mark, "ring-num", ext->ring_num);
    add_key(text, &mark, "ring-size", ext->ring_size);
    add_key(text, &mark, "buf-num", ext->buf_num);
    add_key(text, &mark, "buf-size", ext->buf_size);
}

/* Thousandths, without zeros at the end. */
static void add_speed(struct text *text, uint32_t speed)
{
    uint32_t digits = 3, rest = speed % 1000;
    add(text, "@conf:speed=%u", speed / 1000);
    for (; rest && rest % 10 == 0; rest /= 10)
        digits--;
    if (rest)
        add(text, ".%0*u", (int)digits, rest);
}

int nv_name_format(const struct nv_name *name, char *buf, size_t size)
{
    struct text text = {.buf = buf, .size = size};
    if (!(name->kind->flags & NV_KIND_SWITCH)) /* there the name begins with its switch */
        add(&text, "%s:", name->kind->prefix);
    if (name->kind->flags & NV_KIND_PATH) {
        add(&text, "%s", name->file);
        if (name->speed)
            add_speed(&text, name->speed - 1);
    } else {
        add(&text, "%s%s", name->name, name->keep ? "+" : "");
        add_mode(&text, name);
        add_options(&text, name);
    }
    if (text.length >= size) {
        if (size)
            buf[0] = '\0';
        return -ENOSPC;
    }
    return (int)text.length;
}
