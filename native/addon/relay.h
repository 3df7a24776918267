/* SPDX-License-Identifier: BSD-2-Clause */
/* relay.h - a relay between two ports as a JavaScript object; its statistics are pages that JavaScript reads by itself.
 */
#ifndef NETVALE_ADDON_RELAY_H
#define NETVALE_ADDON_RELAY_H

#include <napi.h>

#include "relay/relay.h"

namespace netvale
{

class Rules;
class Emulation;

class Relay : public Napi::ObjectWrap<Relay>
{
  public:
    static Napi::Function Define(Napi::Env env);

    explicit Relay(const Napi::CallbackInfo &info);
    ~Relay() override;

  private:
    struct nv_relay *Live(Napi::Env env) const; /* throws ECLOSED */
    Napi::Value Share(Napi::Env env, Napi::Reference<Napi::ArrayBuffer> *kept, void *words, size_t count);
    void Free();

    Napi::Value Page(const Napi::CallbackInfo &info);
    Napi::Value Histograms(const Napi::CallbackInfo &info);
    Napi::Value SetOnePass(const Napi::CallbackInfo &info);
    Napi::Value Stop(const Napi::CallbackInfo &info);
    Napi::Value Done(const Napi::CallbackInfo &info);
    Napi::Value Join(const Napi::CallbackInfo &info);
    Napi::Value Close(const Napi::CallbackInfo &info);

    struct nv_relay *relay_ = nullptr;
    Rules *rules_ = nullptr; /* lent to the relay */
    Emulation *emulation_ = nullptr;
    Napi::ObjectReference rules_object_, emulation_object_;
    Napi::Reference<Napi::ArrayBuffer> page_, histograms_;
};

} // namespace netvale

#endif
