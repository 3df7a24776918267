/* SPDX-License-Identifier: BSD-2-Clause */
/* ask.c - all facts of one interface together, in whatever namespace it is. */
#include "nic/nic.h"
#include "nic/ethtool.h"
#include "nic/inside.h"
#include "nic/link.h"

#include <errno.h>
#include <string.h>

static int ask_here(void *arg, struct nv_error *err)
{
    struct nv_nic *nic = arg;
    int netns_id;
    char name[IFNAMSIZ];

    memcpy(name, nic->name, sizeof(name));
    int error = nv_link_ask(nic, &netns_id);
    if (error == -ENODEV && name[0])
        return nv_fail(err, ENODEV, "there is no interface '%s' (ip link lists them)", name);
    if (error)
        return nv_fail(err, -error, "cannot ask about the interface: %s", strerror(-error));
    error = nv_ethtool_ask(nic);
    if (error)
        return nv_fail(err, -error, "%s: cannot ask about the interface: %s", nic->name, strerror(-error));
    nv_link_ask_xdp(nic);
    if (netns_id >= 0)
        nic->peer_hidden = !nv_link_find_netns(netns_id, nic->peer_netns);
    return 0;
}

int nv_nic_ask(const char *netns, const char *name, uint32_t index, struct nv_nic *nic, struct nv_error *err)
{
    memset(nic, 0, sizeof(*nic));
    if (name && strlen(name) >= sizeof(nic->name))
        return nv_fail(err, ENODEV, "'%s' is no interface: names have at most %zu characters", name,
                       sizeof(nic->name) - 1);
    if (name)
        memcpy(nic->name, name, strlen(name) + 1);
    nic->index = index;
    return nv_inside(netns, ask_here, nic, err);
}

struct setting {
    const char *name, *feature;
    bool on;
};

static int set_here(void *arg, struct nv_error *err)
{
    const struct setting *s = arg;
    return nv_ethtool_set(s->name, s->feature, s->on, err);
}

int nv_nic_set_feature(const char *netns, const char *name, const char *feature, bool on, struct nv_error *err)
{
    struct setting setting = {.name = name, .feature = feature, .on = on};
    return nv_inside(netns, set_here, &setting, err);
}
