/* SPDX-License-Identifier: BSD-2-Clause */
/* name_options.c - read the options of a port name: @share, @conf, @extmem, @offset, @fd. */
#include "port/kind.h"
#include "port/name_scan.h"

#include <errno.h>
#include <string.h>

#define MAX_KEYS 9

enum option { OPT_SHARE, OPT_CONF, OPT_EXTMEM, OPT_OFFSET, OPT_FD, OPT_COUNT };

static const char *const option_names[OPT_COUNT] = {
    [OPT_SHARE] = "share", [OPT_CONF] = "conf", [OPT_EXTMEM] = "extmem", [OPT_OFFSET] = "offset", [OPT_FD] = "fd"};

/* Keys of each option; the first is meant by a value without a key. */
enum share_key { SHARE_PORT };
enum conf_key {
    CONF_RINGS,
    CONF_TX_RINGS,
    CONF_RX_RINGS,
    CONF_HOST_RINGS,
    CONF_HOST_TX_RINGS,
    CONF_HOST_RX_RINGS,
    CONF_SLOTS,
    CONF_TX_SLOTS,
    CONF_RX_SLOTS
};
enum extmem_key { EXT_FILE, EXT_IF_NUM, EXT_IF_SIZE, EXT_RING_NUM, EXT_RING_SIZE, EXT_BUF_NUM, EXT_BUF_SIZE };

static const char *const option_keys[OPT_COUNT][MAX_KEYS] = {
    [OPT_SHARE] = {[SHARE_PORT] = "port"},
    [OPT_FD] = {"number"},
    [OPT_CONF] = {[CONF_RINGS] = "rings",
                  [CONF_TX_RINGS] = "tx-rings",
                  [CONF_RX_RINGS] = "rx-rings",
                  [CONF_HOST_RINGS] = "host-rings",
                  [CONF_HOST_TX_RINGS] = "host-tx-rings",
                  [CONF_HOST_RX_RINGS] = "host-rx-rings",
                  [CONF_SLOTS] = "slots",
                  [CONF_TX_SLOTS] = "tx-slots",
                  [CONF_RX_SLOTS] = "rx-slots"},
    [OPT_EXTMEM] = {[EXT_FILE] = "file",
                    [EXT_IF_NUM] = "if-num",
                    [EXT_IF_SIZE] = "if-size",
                    [EXT_RING_NUM] = "ring-num",
                    [EXT_RING_SIZE] = "ring-size",
                    [EXT_BUF_NUM] = "buf-num",
                    [EXT_BUF_SIZE] = "buf-size"},
};

/* Where the value of a key stands in the text; at 0 means not given, for a value never comes first. */
struct value {
    size_t at, end;
};

static bool ends_item(char c)
{
    return c == '\0' || c == ',' || c == '@';
}

/* Is text[at, end) this word? */
static bool is_word(const struct nv_scan *scan, size_t at, size_t end, const char *word)
{
    return strlen(word) == end - at && !memcmp(scan->text + at, word, end - at);
}

/* Read "[key=]value,..." up to the next option, noting where the values are. */
static int scan_keys(struct nv_scan *scan, enum option option, struct value values[MAX_KEYS])
{
    for (;; scan->at++) {
        struct nv_scan item = *scan;
        int key = 0;
        while (!ends_item(nv_scan_peek(scan)) && nv_scan_peek(scan) != '=')
            scan->at++;
        if (nv_scan_peek(scan) == '=') {
            for (key = 0; key < MAX_KEYS && option_keys[option][key]; key++)
                if (is_word(scan, item.at, scan->at, option_keys[option][key]))
                    break;
            if (key == MAX_KEYS || !option_keys[option][key])
                return nv_scan_fail(&item, EINVAL, "@%s has no such key; see docs/ports.md", option_names[option]);
            scan->at++;
        } else {
            scan->at = item.at;
        }
        if (values[key].at)
            return nv_scan_fail(&item, EINVAL, "@%s: %s is given twice", option_names[option],
                                option_keys[option][key]);
        values[key].at = scan->at;
        while (!ends_item(nv_scan_peek(scan)))
            scan->at++;
        values[key].end = scan->at;
        if (values[key].end == values[key].at)
            return nv_scan_fail(scan, EINVAL, "@%s: expected a value for %s", option_names[option],
                                option_keys[option][key]);
        if (nv_scan_peek(scan) != ',')
            return 0;
    }
}

/* The number at a value; *out stays as it is when the key was not given. */
static int number(const struct nv_scan *scan, struct value value, uint32_t high, uint32_t *out)
{
    if (!value.at)
        return 0;
    struct nv_scan here = *scan;
    here.at = value.at;
    here.end = value.end;
    int ret = nv_scan_number(&here, "a number", 1, high, out);
    if (!ret && here.at != here.end)
        ret = nv_scan_fail(&here, EINVAL, "expected a number and nothing after it");
    return ret;
}

static int read_share(const struct nv_scan *scan, const struct value *values, struct nv_name *out)
{
    struct nv_scan here = *scan;
    struct nv_name other;
    memset(&other, 0, sizeof(other));
    here.at = values[SHARE_PORT].at;
    here.end = values[SHARE_PORT].end;
    struct nv_scan start = here;
    int ret = nv_scan_port(&here, &other);
    if (ret)
        return ret;
    if (!other.name[0])
        return nv_scan_fail(&start, EINVAL, "@share: expected the name of a port that has a region");
    if (here.at != here.end || other.keep)
        return nv_scan_fail(&here, EINVAL, "@share: a port is named here without mode, flags or options");
    memcpy(out->share, other.name, sizeof(out->share));
    return 0;
}

static int read_conf(const struct nv_scan *scan, const struct value *values, struct nv_name *out)
{
    uint32_t n[MAX_KEYS] = {0};
    for (int key = 0; key < MAX_KEYS; key++) {
        int ret = number(scan, values[key], key < CONF_SLOTS ? UINT16_MAX : UINT32_MAX, &n[key]);
        if (ret)
            return ret;
    }
    out->conf = (struct nv_name_conf){
        .tx_rings = (uint16_t)(n[CONF_TX_RINGS] ? n[CONF_TX_RINGS] : n[CONF_RINGS]),
        .rx_rings = (uint16_t)(n[CONF_RX_RINGS] ? n[CONF_RX_RINGS] : n[CONF_RINGS]),
        .host_tx_rings = (uint16_t)(n[CONF_HOST_TX_RINGS] ? n[CONF_HOST_TX_RINGS] : n[CONF_HOST_RINGS]),
        .host_rx_rings = (uint16_t)(n[CONF_HOST_RX_RINGS] ? n[CONF_HOST_RX_RINGS] : n[CONF_HOST_RINGS]),
        .tx_slots = n[CONF_TX_SLOTS] ? n[CONF_TX_SLOTS] : n[CONF_SLOTS],
        .rx_slots = n[CONF_RX_SLOTS] ? n[CONF_RX_SLOTS] : n[CONF_SLOTS],
    };
    return 0;
}

static int read_extmem(const struct nv_scan *scan, const struct value *values, struct nv_name *out)
{
    struct nv_name_extmem *ext = &out->extmem;
    uint32_t *const sizes[] = {
        [EXT_IF_NUM] = &ext->if_num,       [EXT_IF_SIZE] = &ext->if_size, [EXT_RING_NUM] = &ext->ring_num,
        [EXT_RING_SIZE] = &ext->ring_size, [EXT_BUF_NUM] = &ext->buf_num, [EXT_BUF_SIZE] = &ext->buf_size};
    size_t length = values[EXT_FILE].end - values[EXT_FILE].at;
    if (!values[EXT_FILE].at)
        return nv_scan_fail(scan, EINVAL, "@extmem needs a file");
    if (length >= sizeof(out->file))
        return nv_scan_fail(scan, EINVAL, "@extmem: the path is too long, at most %zu characters",
                            sizeof(out->file) - 1);
    for (int key = EXT_IF_NUM; key <= EXT_BUF_SIZE; key++) {
        int ret = number(scan, values[key], UINT32_MAX, sizes[key]);
        if (ret)
            return ret;
    }
    memcpy(out->file, scan->text + values[EXT_FILE].at, length);
    ext->used = true;
    return 0;
}

static int read_fd(const struct nv_scan *scan, const struct value *values, struct nv_name *out)
{
    if (!(out->kind->flags & NV_KIND_FD) || out->name[0] || out->keep)
        return nv_scan_fail(scan, EINVAL, "@fd goes with tap: without a name");
    return number(scan, values[0], INT32_MAX, &out->fd);
}

static int scan_option(struct nv_scan *scan, unsigned *seen, struct nv_name *out)
{
    struct value values[MAX_KEYS] = {{0, 0}};
    struct nv_scan start = *scan;
    while (nv_is_word(nv_scan_peek(scan)))
        scan->at++;
    unsigned option = 0;
    while (option < OPT_COUNT && !is_word(scan, start.at, scan->at, option_names[option]))
        option++;
    if (option == OPT_COUNT)
        return nv_scan_fail(&start, EINVAL,
                            "expected an option (conf, share, extmem, fd); a memory id stands before them");
    if (option == OPT_OFFSET)
        return nv_scan_fail(&start, EOPNOTSUPP, "@offset is not supported");
    if (*seen & 1u << option)
        return nv_scan_fail(&start, EINVAL, "@%s is given twice", option_names[option]);
    *seen |= 1u << option;
    char sign = nv_scan_peek(scan);
    if (sign != ':' && !(sign == '=' && option == OPT_SHARE))
        return nv_scan_fail(scan, EINVAL, "expected ':' after @%s", option_names[option]);
    scan->at++;
    int ret = scan_keys(scan, (enum option)option, values);
    if (ret)
        return ret;
    switch (option) {
    case OPT_SHARE:
        return read_share(scan, values, out);
    case OPT_CONF:
        return read_conf(scan, values, out);
    case OPT_FD:
        return read_fd(scan, values, out);
    default:
        return read_extmem(scan, values, out);
    }
}

int nv_scan_options(struct nv_scan *scan, struct nv_name *out)
{
    unsigned seen = 0; /* bit of each option that was given */
    while (nv_scan_peek(scan) == '@') {
        scan->at++;
        int ret = scan_option(scan, &seen, out);
        if (ret)
            return ret;
    }
    return 0;
}
