/* SPDX-License-Identifier: BSD-2-Clause */
/* ethtool.c - SIOCETHTOOL: the way that ethtool(8) went before it learnt netlink, and that every kernel has. */
#include "nic/ethtool.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCKS ((NV_NIC_FEATURES + 31) / 32)

static int ask(int fd, const char *name, void *data)
{
    struct ifreq request;
    memset(&request, 0, sizeof(request));
    (void)snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
    request.ifr_data = data;
    return ioctl(fd, SIOCETHTOOL, &request) ? -errno : 0;
}

/* How many features the kernel has names for; 0 when it has none or they are more than fit. */
static uint32_t count_features(int fd, const char *name)
{
    struct {
        struct ethtool_sset_info info;
        uint32_t count;
    } sets;
    memset(&sets, 0, sizeof(sets));
    sets.info.cmd = ETHTOOL_GSSET_INFO;
    sets.info.sset_mask = UINT64_C(1) << ETH_SS_FEATURES;
    if (ask(fd, name, &sets) || !sets.info.sset_mask)
        return 0;
    return sets.count <= NV_NIC_FEATURES ? sets.count : 0;
}

/* The names of all features, in memory of the caller's to free; NULL: none. */
static struct ethtool_gstrings *feature_names(int fd, const char *name, uint32_t count)
{
    struct ethtool_gstrings *strings = calloc(1, sizeof(*strings) + (size_t)count * ETH_GSTRING_LEN);
    if (!strings)
        return NULL;
    strings->cmd = ETHTOOL_GSTRINGS;
    strings->string_set = ETH_SS_FEATURES;
    strings->len = count;
    if (!count || ask(fd, name, strings)) {
        free(strings);
        return NULL;
    }
    return strings;
}

struct feature_state {
    struct ethtool_gfeatures head;
    struct ethtool_get_features_block block[BLOCKS];
};

static int feature_state(int fd, const char *name, uint32_t count, struct feature_state *state)
{
    memset(state, 0, sizeof(*state));
    state->head.cmd = ETHTOOL_GFEATURES;
    state->head.size = (count + 31) / 32;
    return ask(fd, name, state);
}

static void ask_features(int fd, struct nv_nic *nic)
{
    struct feature_state state;
    uint32_t count = count_features(fd, nic->name);
    struct ethtool_gstrings *strings = feature_names(fd, nic->name, count);
    if (strings && !feature_state(fd, nic->name, count, &state)) {
        for (uint32_t i = 0; i < count; i++) {
            const struct ethtool_get_features_block *block = &state.block[i / 32];
            const uint32_t bit = UINT32_C(1) << i % 32;
            struct nv_nic_feature *f = &nic->feature[nic->features];
            memcpy(f->name, strings->data + (size_t)i * ETH_GSTRING_LEN, sizeof(f->name) - 1);
            f->active = (block->active & bit) != 0;
            f->available = (block->available & bit) != 0 && (block->never_changed & bit) == 0;
            nic->features += f->name[0] != '\0';
        }
    }
    free(strings);
}

int nv_ethtool_ask(struct nv_nic *nic)
{
    struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
    struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
    struct ethtool_ringparam rings = {.cmd = ETHTOOL_GRINGPARAM};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (!ask(fd, nic->name, &driver))
        memcpy(nic->driver, driver.driver, sizeof(nic->driver) - 1);
    if (!ask(fd, nic->name, &channels)) {
        nic->channels = channels.combined_count + channels.rx_count;
        nic->max_channels = channels.max_combined > channels.max_rx ? channels.max_combined : channels.max_rx;
    }
    if (!ask(fd, nic->name, &rings)) {
        nic->rx_ring = rings.rx_pending;
        nic->max_rx_ring = rings.rx_max_pending;
        nic->tx_ring = rings.tx_pending;
        nic->max_tx_ring = rings.tx_max_pending;
    }
    ask_features(fd, nic);
    close(fd);
    return 0;
}

/* The number of a feature; -EOPNOTSUPP. */
static int find_feature(const struct ethtool_gstrings *strings, uint32_t count, const char *feature)
{
    for (uint32_t i = 0; strings && i < count; i++)
        if (!strncmp((const char *)strings->data + (size_t)i * ETH_GSTRING_LEN, feature, ETH_GSTRING_LEN))
            return (int)i;
    return -EOPNOTSUPP;
}

int nv_ethtool_set(const char *name, const char *feature, bool on, struct nv_error *err)
{
    struct {
        struct ethtool_sfeatures head;
        struct ethtool_set_features_block block[BLOCKS];
    } set;
    struct feature_state state;
    const char *word = on ? "on" : "off";
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return nv_fail(err, errno, "cannot make a socket: %s", strerror(errno));
    uint32_t count = count_features(fd, name);
    struct ethtool_gstrings *strings = feature_names(fd, name, count);
    int at = find_feature(strings, count, feature);
    free(strings);
    if (at < 0) {
        close(fd);
        return nv_fail(err, EOPNOTSUPP, "%s: the kernel has no feature '%s' there", name, feature);
    }
    const uint32_t block = (uint32_t)at / 32, bit = UINT32_C(1) << at % 32;
    memset(&set, 0, sizeof(set));
    set.head.cmd = ETHTOOL_SFEATURES;
    set.head.size = (count + 31) / 32;
    set.block[block].valid = bit;
    set.block[block].requested = on ? bit : 0;
    int error = ask(fd, name, &set);
    if (error >= 0)
        error = feature_state(fd, name, count, &state);
    close(fd);
    if (error < 0)
        return nv_fail(err, -error, "%s: cannot switch %s %s: %s", name, feature, word, strerror(-error));
    if (((state.block[block].active & bit) != 0) != on)
        return nv_fail(err, EBUSY, "%s: %s cannot be switched %s: the driver or what it depends on keeps it", name,
                       feature, word);
    return 0;
}
