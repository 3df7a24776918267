/* SPDX-License-Identifier: BSD-2-Clause */
/* emulation_stats.cc - what the class Emulation counts: totals, flow queues, links. */
#include <arpa/inet.h>

#include "emulation.h"
#include "emulation_config.h"

namespace netvale
{

namespace
{

Napi::Value Count(Napi::Env env, uint64_t value)
{
    return Napi::Number::New(env, static_cast<double>(value));
}

std::string Address(const struct nv_emu_key &key, const uint64_t words[2])
{
    char text[INET6_ADDRSTRLEN];
    uint8_t bytes[16];
    if (key.family == 6) {
        for (int i = 0; i < 16; i++)
            bytes[i] = static_cast<uint8_t>(words[i / 8] >> (56 - 8 * (i % 8)));
    } else {
        for (int i = 0; i < 4; i++)
            bytes[i] = static_cast<uint8_t>(words[0] >> (24 - 8 * i));
    }
    inet_ntop(key.family == 6 ? AF_INET6 : AF_INET, bytes, text, sizeof text);
    return text;
}

struct List {
    Napi::Env env;
    Napi::Array out;
};

int AddFlow(void *arg, const struct nv_emu_flow_info *flow)
{
    const List *list = static_cast<List *>(arg);
    Napi::Object one = Napi::Object::New(list->env);
    const struct nv_emu_key &key = flow->key;
    one.Set("number", static_cast<uint32_t>(flow->number));
    one.Set("expired", flow->expired);
    one.Set("family", static_cast<uint32_t>(key.family));
    one.Set("proto", static_cast<uint32_t>(key.proto));
    one.Set("src", Address(key, key.src));
    one.Set("dst", Address(key, key.dst));
    one.Set("srcPort", static_cast<uint32_t>(key.src_port));
    one.Set("dstPort", static_cast<uint32_t>(key.dst_port));
    one.Set("flowId", key.flow_id);
    one.Set("totalPackets", Count(list->env, flow->total_packets));
    one.Set("totalBytes", Count(list->env, flow->total_bytes));
    one.Set("packets", Count(list->env, flow->packets));
    one.Set("bytes", Count(list->env, flow->bytes));
    one.Set("drops", Count(list->env, flow->drops));
    one.Set("departed", Count(list->env, flow->departed));
    one.Set("departedBytes", Count(list->env, flow->departed_bytes));
    one.Set("delayNs", Count(list->env, flow->delay_ns));
    Napi::Object lost = Napi::Object::New(list->env);
    for (unsigned i = 1; flow->lost != nullptr && i < NV_EMU_DROP_COUNT; i++)
        if (flow->lost[i] != 0)
            lost.Set(nv_emu_drop_name(i), Count(list->env, flow->lost[i]));
    one.Set("lost", lost);
    list->out.Set(list->out.Length(), one);
    return 0;
}

} // namespace

/* totals(): {offered, offeredBytes, ..., drops: {name: count}} */
Napi::Value Emulation::Totals(const Napi::CallbackInfo &info)
{
    const Napi::Env env = info.Env();
    struct nv_emu_totals totals;
    nv_emu_get_totals(Live(env), &totals);
    Napi::Object out = Napi::Object::New(env), drops = Napi::Object::New(env);
    out.Set("offered", Count(env, totals.offered));
    out.Set("offeredBytes", Count(env, totals.offered_bytes));
    out.Set("duplicated", Count(env, totals.duplicated));
    out.Set("departed", Count(env, totals.departed));
    out.Set("departedBytes", Count(env, totals.departed_bytes));
    out.Set("waiting", Count(env, totals.waiting));
    out.Set("marked", Count(env, totals.marked));
    out.Set("corrupted", Count(env, totals.corrupted));
    out.Set("reordered", Count(env, totals.reordered));
    out.Set("links", Count(env, totals.links));
    out.Set("flows", Count(env, totals.flows));
    out.Set("memory", Count(env, totals.memory));
    for (unsigned i = 1; i < NV_EMU_DROP_COUNT; i++)
        drops.Set(nv_emu_drop_name(i), Count(env, totals.drops[i]));
    out.Set("drops", drops);
    return out;
}

/* flows(kind, number): the flow queues of a pipe or queue, as `show` prints them; number 0: of all */
Napi::Value Emulation::Flows(const Napi::CallbackInfo &info)
{
    List list{info.Env(), Napi::Array::New(info.Env())};
    nv_emu_flows(Live(info.Env()), Kind(info[0]), Number(info[1]), AddFlow, &list);
    return list.out;
}

/* links(kind, number): the links of a pipe or scheduler */
Napi::Value Emulation::Links(const Napi::CallbackInfo &info)
{
    List list{info.Env(), Napi::Array::New(info.Env())};
    nv_emu_links(Live(info.Env()), Kind(info[0]), Number(info[1]), AddFlow, &list);
    return list.out;
}

} // namespace netvale
