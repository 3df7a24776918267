/* SPDX-License-Identifier: BSD-2-Clause */
/* nic.cc - the facts of struct nv_nic as an object. */
#include "nic.h"

#include <cstdio>
#include <memory>
#include <string>

extern "C" {
#include "nic/nic.h"
}

#include "arguments.h"
#include "error.h"

namespace netvale
{

namespace
{

/* A path, or NULL for the caller's own namespace. */
const char *Netns(const Napi::Value &value, std::string *text)
{
    if (value.IsUndefined())
        return nullptr;
    *text = Text(value, "netns");
    return text->c_str();
}

Napi::Object Features(Napi::Env env, const struct nv_nic &nic)
{
    Napi::Object out = Napi::Object::New(env);
    for (uint32_t i = 0; i < nic.features; i++) {
        Napi::Object one = Napi::Object::New(env);
        one.Set("active", nic.feature[i].active);
        one.Set("available", nic.feature[i].available);
        out.Set(static_cast<const char *>(nic.feature[i].name), one);
    }
    return out;
}

Napi::Object Facts(Napi::Env env, const struct nv_nic &nic)
{
    Napi::Object out = Napi::Object::New(env);
    char mac[18];
    (void)snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", nic.mac[0], nic.mac[1], nic.mac[2], nic.mac[3],
                   nic.mac[4], nic.mac[5]);
    out.Set("name", static_cast<const char *>(nic.name));
    out.Set("index", nic.index);
    out.Set("mac", static_cast<const char *>(mac));
    out.Set("ethernet", nic.ethernet);
    out.Set("kind", static_cast<const char *>(nic.kind));
    out.Set("driver", static_cast<const char *>(nic.driver));
    out.Set("mtu", nic.mtu);
    out.Set("maxMtu", nic.max_mtu);
    out.Set("up", (nic.flags & IFF_UP) != 0);
    out.Set("loopback", (nic.flags & IFF_LOOPBACK) != 0);
    out.Set("carrier", nic.carrier);
    out.Set("promiscuity", nic.promiscuity);
    out.Set("txQueues", nic.tx_queues);
    out.Set("rxQueues", nic.rx_queues);
    out.Set("channels", nic.channels);
    out.Set("maxChannels", nic.max_channels);
    out.Set("rxRing", nic.rx_ring);
    out.Set("maxRxRing", nic.max_rx_ring);
    out.Set("txRing", nic.tx_ring);
    out.Set("maxTxRing", nic.max_tx_ring);
    if (nic.xdp_known)
        out.Set("xdpFeatures", nic.xdp_features);
    out.Set("xdpZeroCopySegments", nic.xdp_zc_segments);
    out.Set("attached", static_cast<uint32_t>(nic.attached));
    out.Set("program", nic.program);
    out.Set("features", Features(env, nic));
    out.Set("peerIndex", nic.peer_index);
    out.Set("peerHidden", nic.peer_hidden);
    if (nic.peer_netns[0] != '\0')
        out.Set("peerNetns", static_cast<const char *>(nic.peer_netns));
    return out;
}

/* ask(netns | undefined, name | index): its facts. */
Napi::Value Ask(const Napi::CallbackInfo &info)
{
    std::string netns;
    std::string name;
    uint32_t index = 0;
    struct nv_error error = {};
    const auto nic = std::make_unique<struct nv_nic>();
    if (info[1].IsNumber())
        index = static_cast<uint32_t>(Integer(info[1], "index", 1, INT32_MAX));
    else
        name = Text(info[1], "name");
    const int result =
        nv_nic_ask(Netns(info[0], &netns), index != 0 ? nullptr : name.c_str(), index, nic.get(), &error);
    if (result < 0)
        throw MakeError(info.Env(), result, error);
    return Facts(info.Env(), *nic);
}

/* setFeature(netns | undefined, name, feature, on) */
Napi::Value SetFeature(const Napi::CallbackInfo &info)
{
    std::string netns;
    struct nv_error error = {};
    const std::string name = Text(info[1], "name");
    const std::string feature = Text(info[2], "feature");
    const int result =
        nv_nic_set_feature(Netns(info[0], &netns), name.c_str(), feature.c_str(), info[3].ToBoolean().Value(), &error);
    if (result < 0)
        throw MakeError(info.Env(), result, error);
    return info.Env().Undefined();
}

} // namespace

Napi::Object NicFunctions(Napi::Env env)
{
    Napi::Object out = Napi::Object::New(env);
    out.Set("ask", Napi::Function::New<Ask>(env, "ask"));
    out.Set("setFeature", Napi::Function::New<SetFeature>(env, "setFeature"));
    return out;
}

} // namespace netvale
