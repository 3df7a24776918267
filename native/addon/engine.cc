/* SPDX-License-Identifier: BSD-2-Clause */
/* engine.cc - see engine.h. */
#include "engine.h"

#include "error.h"
#include "plan.h"

namespace netvale
{

Napi::Function Engine::Define(Napi::Env env)
{
    return DefineClass(env, "Engine",
                       {
                           InstanceMethod<&Engine::Page>("page"),
                           InstanceMethod<&Engine::Describe>("describe"),
                           InstanceMethod<&Engine::Stop>("stop"),
                           InstanceMethod<&Engine::Done>("done"),
                           InstanceMethod<&Engine::Join>("join"),
                           InstanceMethod<&Engine::Close>("close"),
                       });
}

/* new Engine(plan): starts it. */
Engine::Engine(const Napi::CallbackInfo &info) : Napi::ObjectWrap<Engine>(info)
{
    const Plan plan(info[0]);
    struct nv_error error = {};
    const int result = nv_engine_start(plan.Get(), &engine_, &error);
    if (result < 0) {
        engine_ = nullptr;
        throw MakeError(info.Env(), result, error);
    }
    filter_ = plan.Filter();
    if (filter_ != nullptr) {
        filter_->Lend();
        filter_object_ = Napi::Persistent(filter_->Value());
    }
    // It runs, and its page is mapped, until it is closed.
    Ref();
}

Engine::~Engine()
{
    page_.Reset();
    nv_engine_free(engine_);
}

struct nv_engine *Engine::Live(Napi::Env env) const
{
    if (engine_ == nullptr)
        throw MakeError(env, "ECLOSED", "the engine is closed");
    return engine_;
}

/* page(): the statistics page, an ArrayBuffer of 64-bit words; detached at close. */
Napi::Value Engine::Page(const Napi::CallbackInfo &info)
{
    struct nv_stats_page *page = nv_engine_stats(Live(info.Env()));
    if (page_.IsEmpty()) {
        const size_t size = nv_page_get(page, NV_PAGE_WORDS) * sizeof(uint64_t);
        page_ = Napi::Persistent(Napi::ArrayBuffer::New(info.Env(), page, size, [](Napi::Env, void *) {}));
    }
    return page_.Value();
}

/* describe(): what the workers really do. */
Napi::Value Engine::Describe(const Napi::CallbackInfo &info)
{
    struct nv_engine_info about;
    nv_engine_describe(Live(info.Env()), &about);
    Napi::Object out = Napi::Object::New(info.Env());
    out.Set("threads", about.threads);
    out.Set("txRings", about.tx_rings);
    out.Set("rxRings", about.rx_rings);
    out.Set("burst", about.burst);
    out.Set("vnetLength", static_cast<uint32_t>(about.vnet_len));
    out.Set("prepared", about.prepared);
    out.Set("frags", about.frags);
    out.Set("bufferSize", about.buf_size);
    out.Set("port", about.port);
    return out;
}

/* stop(): ask the workers to finish; does not wait. */
Napi::Value Engine::Stop(const Napi::CallbackInfo &info)
{
    nv_engine_stop(Live(info.Env()));
    return info.Env().Undefined();
}

/* done(): whether all workers have finished. */
Napi::Value Engine::Done(const Napi::CallbackInfo &info)
{
    return Napi::Boolean::New(info.Env(), nv_engine_done(Live(info.Env())));
}

/* join(): wait for the workers and close the port; throws the first worker's failure. */
Napi::Value Engine::Join(const Napi::CallbackInfo &info)
{
    struct nv_error error = {};
    const int result = nv_engine_join(Live(info.Env()), &error);
    if (result < 0)
        throw MakeError(info.Env(), result, error);
    return info.Env().Undefined();
}

/* close(): stop, wait and free. May be called again. */
Napi::Value Engine::Close(const Napi::CallbackInfo &info)
{
    if (engine_ == nullptr)
        return info.Env().Undefined();
    if (!page_.IsEmpty()) {
        page_.Value().Detach();
        page_.Reset();
    }
    nv_engine_free(engine_);
    engine_ = nullptr;
    if (filter_ != nullptr) {
        filter_->Return();
        filter_ = nullptr;
        filter_object_.Reset();
    }
    Unref();
    return info.Env().Undefined();
}

} // namespace netvale
