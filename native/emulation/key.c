/* SPDX-License-Identifier: BSD-2-Clause */
/* key.c - what flows are told apart by, from a frame. */
#include <string.h>

#include "emulation/emulation.h"
#include "rules/packet.h"

static uint64_t u64_at(const uint8_t *p)
{
    return (uint64_t)view_u32(p) << 32 | view_u32(p + 4);
}

void nv_emu_key_of(const uint8_t *frame, uint32_t length, bool raw, struct nv_emu_key *key)
{
    static const struct nv_rules_params params = {.permit_single_frag6 = 1, .vlan_inner = 1};
    struct nv_rules_packet packet = {
        .data = (uint8_t *)(uintptr_t)frame,
        .length = length,
        .layer = 2,
        .flags = raw ? NV_RULES_RAW : 0,
        .missing = UINT16_MAX, /* a header that is not there leaves the flow its addresses */
    };
    struct rules_view view = {0};

    memset(key, 0, sizeof *key);
    if (raw)
        packet.layer = 3;
    unsigned reason = rules_parse(&packet, &params, &view);
    if (reason != NV_RULES_WHY_BY_RULE && !rules_drops(reason))
        return;
    key->family = view.family;
    key->proto = view.proto;
    if (view.seen & VIEW_PORTS) {
        key->src_port = view.sport;
        key->dst_port = view.dport;
    }
    if (view.family == 4) {
        key->src[0] = view.src;
        key->dst[0] = view.dst;
    } else if (view.family == 6) {
        const uint8_t *src = view_src6(&view), *dst = view_dst6(&view);
        key->src[0] = u64_at(src);
        key->src[1] = u64_at(src + 8);
        key->dst[0] = u64_at(dst);
        key->dst[1] = u64_at(dst + 8);
        key->flow_id = view_u32(view.l3) & 0xfffff;
    }
}
