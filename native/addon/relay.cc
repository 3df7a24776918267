/* SPDX-License-Identifier: BSD-2-Clause */
/* relay.cc - see relay.h. */
#include "relay.h"

#include "arguments.h"
#include "emulation.h"
#include "error.h"
#include "rules.h"

namespace netvale
{

Napi::Function Relay::Define(Napi::Env env)
{
    return DefineClass(env, "Relay",
                       {
                           InstanceMethod<&Relay::Page>("page"),
                           InstanceMethod<&Relay::Histograms>("histograms"),
                           InstanceMethod<&Relay::SetOnePass>("setOnePass"),
                           InstanceMethod<&Relay::Stop>("stop"),
                           InstanceMethod<&Relay::Done>("done"),
                           InstanceMethod<&Relay::Join>("join"),
                           InstanceMethod<&Relay::Close>("close"),
                       });
}

/* new Relay({inside, outside, rules?, emulation?, ...}): starts it. */
Relay::Relay(const Napi::CallbackInfo &info) : Napi::ObjectWrap<Relay>(info)
{
    const Napi::Env env = info.Env();
    const Napi::Object from = Record(info[0], "plan");
    const std::string inside = Text(from.Get("inside"), "inside"), outside = Text(from.Get("outside"), "outside");
    struct nv_relay_plan plan;
    nv_relay_default(&plan);
    plan.port[0] = inside.c_str();
    plan.port[1] = outside.c_str();
    std::string dir;
    if (!from.Get("dir").IsUndefined()) {
        dir = Text(from.Get("dir"), "dir");
        plan.open.dir = dir.c_str();
    }
    std::string capture;
    if (!from.Get("capture").IsUndefined()) {
        capture = Text(from.Get("capture"), "capture");
        plan.capture = capture.c_str();
    }
    std::string matches;
    if (!from.Get("matches").IsUndefined()) {
        matches = Text(from.Get("matches"), "matches");
        plan.matches = matches.c_str();
    }
    Take(from, "extraBufs", &plan.open.extra_bufs, 0, 1 << 20);
    Take(from, "slots", &plan.open.rx_slots, 2, 4096);
    plan.open.tx_slots = plan.open.rx_slots;
    Take(from, "memory", &plan.memory, 0, INT64_C(1) << 40);
    Take(from, "burst", &plan.burst, 1, 1024);
    Take(from, "waitMode", &plan.wait_mode, NV_WAIT_ADAPTIVE, NV_WAIT_BUSY);
    Take(from, "cpu", &plan.cpu, -1, 4095);
    Take(from, "logFd", &plan.log_fd, -1, INT32_MAX);
    Take(from, "layer", &plan.layer, 2, 3);
    if (!from.Get("onePass").IsUndefined())
        plan.one_pass = from.Get("onePass").ToBoolean();
    const Napi::Value offset = from.Get("timeOffset");
    bool lossless = true;
    if (!offset.IsUndefined()) {
        if (!offset.IsBigInt())
            throw MakeTypeError(env, "timeOffset must be a bigint");
        plan.time_offset = offset.As<Napi::BigInt>().Uint64Value(&lossless);
    }
    Rules *rules = from.Get("rules").IsUndefined() ? nullptr : Rules::Of(from.Get("rules"), "rules");
    Emulation *emulation =
        from.Get("emulation").IsUndefined() ? nullptr : Emulation::Of(from.Get("emulation"), "emulation");
    plan.rules = rules ? rules->Live(env) : nullptr;
    plan.emulation = emulation ? emulation->Live(env) : nullptr;
    struct nv_error error = {};
    const int result = nv_relay_start(&plan, &relay_, &error);
    if (result < 0) {
        relay_ = nullptr;
        throw MakeError(env, result, error);
    }
    if (rules) {
        rules->Lend();
        rules_ = rules;
        rules_object_ = Napi::Persistent(from.Get("rules").As<Napi::Object>());
    }
    if (emulation) {
        emulation->Lend();
        emulation_ = emulation;
        emulation_object_ = Napi::Persistent(from.Get("emulation").As<Napi::Object>());
    }
    // It runs, and its pages are mapped, until it is closed.
    Ref();
}

Relay::~Relay()
{
    Free();
}

void Relay::Free()
{
    nv_relay_free(relay_);
    relay_ = nullptr;
    if (rules_)
        rules_->Return();
    if (emulation_)
        emulation_->Return();
    rules_ = nullptr;
    emulation_ = nullptr;
    rules_object_.Reset();
    emulation_object_.Reset();
}

struct nv_relay *Relay::Live(Napi::Env env) const
{
    if (relay_ == nullptr)
        throw MakeError(env, "ECLOSED", "the relay is closed");
    return relay_;
}

/* 64-bit words of the relay as an ArrayBuffer; detached at close. */
Napi::Value Relay::Share(Napi::Env env, Napi::Reference<Napi::ArrayBuffer> *kept, void *words, size_t count)
{
    if (kept->IsEmpty())
        *kept =
            Napi::Persistent(Napi::ArrayBuffer::New(env, words, count * sizeof(uint64_t), [](Napi::Env, void *) {}));
    return kept->Value();
}

/* page(): NV_RELAY_PAGE_WORDS words */
Napi::Value Relay::Page(const Napi::CallbackInfo &info)
{
    return Share(info.Env(), &page_, nv_relay_page(Live(info.Env())), NV_RELAY_PAGE_WORDS);
}

/* histograms(): the words of all, see nv_relay_histograms */
Napi::Value Relay::Histograms(const Napi::CallbackInfo &info)
{
    return Share(info.Env(), &histograms_, nv_relay_histograms(Live(info.Env())),
                 NV_RELAY_HISTOGRAMS * NV_HISTOGRAM_WORDS);
}

Napi::Value Relay::SetOnePass(const Napi::CallbackInfo &info)
{
    nv_relay_set_one_pass(Live(info.Env()), info[0].ToBoolean());
    return info.Env().Undefined();
}

/* stop(drain): take no more in; does not wait. */
Napi::Value Relay::Stop(const Napi::CallbackInfo &info)
{
    nv_relay_stop(Live(info.Env()), info[0].ToBoolean());
    return info.Env().Undefined();
}

Napi::Value Relay::Done(const Napi::CallbackInfo &info)
{
    return Napi::Boolean::New(info.Env(), nv_relay_done(Live(info.Env())));
}

/* join(): wait for the thread and close the ports; throws what ended it. */
Napi::Value Relay::Join(const Napi::CallbackInfo &info)
{
    struct nv_error error = {};
    const int result = nv_relay_join(Live(info.Env()), &error);
    if (result < 0)
        throw MakeError(info.Env(), result, error);
    return info.Env().Undefined();
}

/* close(): stop at once, wait and free. May be called again. */
Napi::Value Relay::Close(const Napi::CallbackInfo &info)
{
    if (relay_ == nullptr)
        return info.Env().Undefined();
    for (auto *kept : {&page_, &histograms_}) {
        if (!kept->IsEmpty()) {
            kept->Value().Detach();
            kept->Reset();
        }
    }
    Free();
    Unref();
    return info.Env().Undefined();
}

} // namespace netvale
