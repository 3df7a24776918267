/* SPDX-License-Identifier: BSD-2-Clause */
/* bridge.h - a bridge between two ports as a JavaScript object; its counters are a page that JavaScript reads by
 * itself. */
#ifndef NETVALE_ADDON_BRIDGE_H
#define NETVALE_ADDON_BRIDGE_H

#include <napi.h>

#include "bridge/bridge.h"

namespace netvale
{

class Bridge : public Napi::ObjectWrap<Bridge>
{
  public:
    static Napi::Function Define(Napi::Env env);

    explicit Bridge(const Napi::CallbackInfo &info);
    ~Bridge() override;

  private:
    struct nv_bridge *Live(Napi::Env env) const; /* throws ECLOSED */

    Napi::Value Page(const Napi::CallbackInfo &info);
    Napi::Value Describe(const Napi::CallbackInfo &info);
    Napi::Value Stop(const Napi::CallbackInfo &info);
    Napi::Value Done(const Napi::CallbackInfo &info);
    Napi::Value Join(const Napi::CallbackInfo &info);
    Napi::Value Close(const Napi::CallbackInfo &info);

    struct nv_bridge *bridge_ = nullptr;
    Napi::Reference<Napi::ArrayBuffer> page_;
};

} // namespace netvale

#endif
