/* SPDX-License-Identifier: BSD-2-Clause */
/* bridge.cc - see bridge.h. */
#include "bridge.h"

#include <string>

#include "arguments.h"
#include "error.h"

namespace netvale
{

Napi::Function Bridge::Define(Napi::Env env)
{
    return DefineClass(env, "Bridge",
                       {
                           InstanceMethod<&Bridge::Page>("page"),
                           InstanceMethod<&Bridge::Describe>("describe"),
                           InstanceMethod<&Bridge::Stop>("stop"),
                           InstanceMethod<&Bridge::Done>("done"),
                           InstanceMethod<&Bridge::Join>("join"),
                           InstanceMethod<&Bridge::Close>("close"),
                       });
}

/* new Bridge({ports, dir?, slots?, burst?, threads?, cpu?, waitMode?, copy?, startNs?}): starts it. */
Bridge::Bridge(const Napi::CallbackInfo &info) : Napi::ObjectWrap<Bridge>(info)
{
    const Napi::Env env = info.Env();
    const Napi::Object from = Record(info[0], "plan");
    const Napi::Object ports = Record(from.Get("ports"), "ports");
    const std::string first = Text(ports.Get(0U), "ports[0]");
    std::string second;
    std::string dir;
    struct nv_bridge_plan plan;
    nv_bridge_default(&plan);
    plan.port[0] = first.c_str();
    if (!ports.Get(1U).IsUndefined()) {
        second = Text(ports.Get(1U), "ports[1]");
        plan.port[1] = second.c_str();
    }
    if (!from.Get("dir").IsUndefined()) {
        dir = Text(from.Get("dir"), "dir");
        plan.dir = dir.c_str();
    }
    Take(from, "slots", &plan.slots, 2, 4096);
    Take(from, "burst", &plan.burst, 1, 4096);
    Take(from, "threads", &plan.threads, 1, 2);
    Take(from, "cpu", &plan.cpu, -1, 4095);
    Take(from, "waitMode", &plan.wait, NV_WAIT_ADAPTIVE, NV_WAIT_BUSY);
    Take(from, "startNs", &plan.start_ns, 0, INT64_C(1) << 53);
    plan.copy = from.Get("copy").ToBoolean();
    struct nv_error error = {};
    const int result = nv_bridge_start(&plan, &bridge_, &error);
    if (result < 0) {
        bridge_ = nullptr;
        throw MakeError(env, result, error);
    }
    // It runs, and its page is mapped, until it is closed.
    Ref();
}

Bridge::~Bridge()
{
    nv_bridge_free(bridge_);
}

struct nv_bridge *Bridge::Live(Napi::Env env) const
{
    if (bridge_ == nullptr)
        throw MakeError(env, "ECLOSED", "the bridge is closed");
    return bridge_;
}

/* page(): NV_BRIDGE_PAGE_WORDS words; detached at close. */
Napi::Value Bridge::Page(const Napi::CallbackInfo &info)
{
    uint64_t *words = nv_bridge_page(Live(info.Env()));
    if (page_.IsEmpty())
        page_ = Napi::Persistent(Napi::ArrayBuffer::New(info.Env(), words, NV_BRIDGE_PAGE_WORDS * sizeof(uint64_t),
                                                        [](Napi::Env, void *) {}));
    return page_.Value();
}

/* describe(): {ports, ways, threads, exchange} */
Napi::Value Bridge::Describe(const Napi::CallbackInfo &info)
{
    const Napi::Env env = info.Env();
    const struct nv_bridge_info *about = nv_bridge_describe(Live(env));
    Napi::Object out = Napi::Object::New(env);
    Napi::Array ports = Napi::Array::New(env);
    ports.Set(0U, static_cast<const char *>(about->port[0]));
    ports.Set(1U, static_cast<const char *>(about->port[1]));
    out.Set("ports", ports);
    out.Set("ways", about->ways);
    out.Set("threads", about->threads);
    out.Set("exchange", about->exchange);
    return out;
}

Napi::Value Bridge::Stop(const Napi::CallbackInfo &info)
{
    nv_bridge_stop(Live(info.Env()));
    return info.Env().Undefined();
}

Napi::Value Bridge::Done(const Napi::CallbackInfo &info)
{
    return Napi::Boolean::New(info.Env(), nv_bridge_done(Live(info.Env())));
}

/* join(): wait for the threads and close the ports; throws what ended it. */
Napi::Value Bridge::Join(const Napi::CallbackInfo &info)
{
    struct nv_error error = {};
    const int result = nv_bridge_join(Live(info.Env()), &error);
    if (result < 0)
        throw MakeError(info.Env(), result, error);
    return info.Env().Undefined();
}

/* close(): stop, wait and free. May be called again. */
Napi::Value Bridge::Close(const Napi::CallbackInfo &info)
{
    if (bridge_ == nullptr)
        return info.Env().Undefined();
    if (!page_.IsEmpty()) {
        page_.Value().Detach();
        page_.Reset();
    }
    nv_bridge_free(bridge_);
    bridge_ = nullptr;
    Unref();
    return info.Env().Undefined();
}

} // namespace netvale
