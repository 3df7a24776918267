/* SPDX-License-Identifier: BSD-2-Clause */
/* engine.h - a running plan as a JavaScript object; its statistics are a page that JavaScript reads by itself. */
#ifndef NETVALE_ADDON_ENGINE_H
#define NETVALE_ADDON_ENGINE_H

#include <napi.h>

#include <engine/engine.h>

#include "rules.h"

namespace netvale
{

class Engine : public Napi::ObjectWrap<Engine>
{
  public:
    static Napi::Function Define(Napi::Env env);

    explicit Engine(const Napi::CallbackInfo &info);
    ~Engine() override;

  private:
    struct nv_engine *Live(Napi::Env env) const; /* throws ECLOSED */

    Napi::Value Page(const Napi::CallbackInfo &info);
    Napi::Value Describe(const Napi::CallbackInfo &info);
    Napi::Value Stop(const Napi::CallbackInfo &info);
    Napi::Value Done(const Napi::CallbackInfo &info);
    Napi::Value Join(const Napi::CallbackInfo &info);
    Napi::Value Close(const Napi::CallbackInfo &info);

    struct nv_engine *engine_ = nullptr;
    Rules *filter_ = nullptr; /* lent while engine_ lives */
    Napi::ObjectReference filter_object_;
    Napi::Reference<Napi::ArrayBuffer> page_;
};

} // namespace netvale

#endif
