/* SPDX-License-Identifier: BSD-2-Clause */
/* plan.cc - see plan.h. */
#include "plan.h"

#include <cstring>

#include "arguments.h"
#include "error.h"
#include "port.h"

namespace netvale
{

namespace
{

constexpr int64_t kMost = INT64_C(1) << 53; /* whole numbers beyond are not exact in JavaScript */

/* Read a whole number, if it is there, into a member of any width. */
template <typename T> void Take(const Napi::Object &from, const char *name, T *into, int64_t low = 0)
{
    const Napi::Value value = from.Get(name);
    if (value.IsUndefined())
        return;
    const uint64_t widest = std::numeric_limits<T>::max();
    const int64_t high = widest > static_cast<uint64_t>(kMost) ? kMost : static_cast<int64_t>(widest);
    *into = static_cast<T>(Integer(value, name, low, high));
}

/* A 64-bit number that may come as a BigInt. */
void TakeWide(const Napi::Object &from, const char *name, uint64_t *into)
{
    const Napi::Value value = from.Get(name);
    if (!value.IsBigInt())
        return Take(from, name, into);
    bool lossless = false;
    *into = value.As<Napi::BigInt>().Uint64Value(&lossless);
    if (!lossless)
        throw MakeTypeError(value.Env(), std::string(name) + " must be from 0 to 2^64 - 1");
}

void TakeFlag(const Napi::Object &from, const char *name, bool *into)
{
    const Napi::Value value = from.Get(name);
    if (!value.IsUndefined())
        *into = value.ToBoolean();
}

void TakeBit(const Napi::Object &from, const char *name, uint32_t bit, uint32_t *into)
{
    if (from.Get(name).ToBoolean())
        *into |= bit;
}

template <typename Parse> void TakeText(const Napi::Object &from, const char *name, Parse parse)
{
    const Napi::Value value = from.Get(name);
    if (value.IsUndefined())
        return;
    struct nv_error error = {};
    const int result = parse(Text(value, name).c_str(), &error);
    if (result < 0)
        throw MakeError(from.Env(), result, error);
}

/* The number of a role by its name ("tx"). */
enum nv_role RoleOf(const Napi::Value &value)
{
    const std::string name = Text(value, "role");
    for (unsigned role = 0; role < NV_ROLE_COUNT; role++)
        if (name == nv_role_name(role))
            return static_cast<enum nv_role>(role);
    throw MakeError(value.Env(), "EINVAL", "no such role: '" + name + "'");
}

} // namespace

Plan::Plan(const Napi::Value &value)
{
    const Napi::Object from = Record(value, "plan");
    nv_plan_default(&plan_, RoleOf(from.Get("role")));
    port_ = Text(from.Get("port"), "port");
    plan_.port = port_.c_str();
    ReadOpenOptions(from.Get("open"), &plan_.open, &dir_);
    ReadRun(from);
    if (!from.Get("rules").IsUndefined()) {
        filter_ = Rules::Of(from.Get("rules"), "rules");
        plan_.rules = filter_->Live(from.Env());
    }
    if (!from.Get("traffic").IsUndefined())
        ReadTraffic(Record(from.Get("traffic"), "traffic"));
}

void Plan::ReadRun(const Napi::Object &from)
{
    uint32_t mode = plan_.wait_mode;
    Take(from, "threads", &plan_.threads);
    Take(from, "cpu", &plan_.cpu, -1);
    Take(from, "cpus", &plan_.cpus);
    Take(from, "waitMode", &mode);
    if (mode > NV_WAIT_BUSY)
        throw MakeError(from.Env(), "EINVAL", "no such waitMode: " + std::to_string(mode));
    plan_.wait_mode = static_cast<enum nv_wait_mode>(mode);
    Take(from, "count", &plan_.count);
    Take(from, "burst", &plan_.burst);
    Take(from, "rate", &plan_.rate);
    Take(from, "linkWaitNs", &plan_.link_wait_ns);
    Take(from, "silenceNs", &plan_.silence_ns);
    Take(from, "durationNs", &plan_.duration_ns);
    Take(from, "timeoutNs", &plan_.timeout_ns);
    Take(from, "options", &plan_.options);
    TakeFlag(from, "share", &plan_.share);
    TakeFlag(from, "verify", &plan_.verify);
    TakeFlag(from, "histogram", &plan_.histogram);
    Take(from, "dumpFd", &plan_.dump_fd);
    Take(from, "stream", &plan_.stream);
    Take(from, "logFd", &plan_.log_fd, -1);
    if (!from.Get("matches").IsUndefined()) {
        matches_ = Text(from.Get("matches"), "matches");
        plan_.matches = matches_.c_str();
    }
    if (from.Get("ramp").IsUndefined())
        return;
    const Napi::Object steps = Record(from.Get("ramp"), "ramp");
    const uint32_t count = steps.IsArray() ? steps.As<Napi::Array>().Length() : 0;
    for (uint32_t i = 0; i < count; i++) {
        const Napi::Object step = Record(steps.Get(i), "ramp step");
        struct nv_rate_step out = {};
        Take(step, "from", &out.from);
        Take(step, "to", &out.to);
        Take(step, "durationNs", &out.duration_ns);
        ramp_.push_back(out);
    }
    plan_.ramp = ramp_.data();
    plan_.ramp_steps = ramp_.size();
}

void Plan::ReadTraffic(const Napi::Object &from)
{
    struct nv_traffic *traffic = &plan_.traffic;
    unsigned version = 4;
    Take(from, "version", &version);
    if (version != 4 && version != 6)
        throw MakeError(from.Env(), "EINVAL", "IP version must be 4 or 6, not " + std::to_string(version));
    nv_traffic_default(traffic, version);
    TakeText(from, "srcMac", [&](const char *text, struct nv_error *error) {
        return nv_parse_mac_range(text, &traffic->src_mac, error);
    });
    TakeText(from, "dstMac", [&](const char *text, struct nv_error *error) {
        return nv_parse_mac_range(text, &traffic->dst_mac, error);
    });
    TakeText(from, "src", [&](const char *text, struct nv_error *error) {
        return nv_parse_ip_range(text, version, &traffic->src, error);
    });
    TakeText(from, "dst", [&](const char *text, struct nv_error *error) {
        return nv_parse_ip_range(text, version, &traffic->dst, error);
    });
    Take(from, "protocol", &traffic->protocol);
    Take(from, "ttl", &traffic->ttl);
    Take(from, "tos", &traffic->tos);
    Take(from, "vnetLength", &traffic->vnet_len);
    Take(from, "sizeMode", &traffic->size_mode);
    Take(from, "prepare", &traffic->prepare);
    Take(from, "sizeMin", &traffic->size_min);
    Take(from, "sizeMax", &traffic->size_max, 1);
    Take(from, "frags", &traffic->frags);
    Take(from, "fragSize", &traffic->frag_size);
    Take(from, "flows", &traffic->flows);
    TakeBit(from, "randomSrc", NV_TRAFFIC_RANDOM_SRC, &traffic->flags);
    TakeBit(from, "randomDst", NV_TRAFFIC_RANDOM_DST, &traffic->flags);
    TakeWide(from, "seed", &traffic->seed);
    if (from.Get("vlans").IsUndefined())
        return;
    const Napi::Object tags = Record(from.Get("vlans"), "vlans");
    const uint32_t count = tags.IsArray() ? tags.As<Napi::Array>().Length() : 0;
    if (count > NV_VLAN_MAX)
        throw MakeError(from.Env(), "EINVAL",
                        std::to_string(count) + " VLAN tags: at most " + std::to_string(NV_VLAN_MAX));
    for (uint32_t i = 0; i < count; i++)
        traffic->vlan_tci[i] = static_cast<uint16_t>(Integer(tags.Get(i), "VLAN tag", 0, UINT16_MAX));
    traffic->vlans = static_cast<uint8_t>(count);
}

} // namespace netvale
