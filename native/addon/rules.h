/* SPDX-License-Identifier: BSD-2-Clause */
/* rules.h - the class Rules: a rule engine and one worker, for programs that control it and for capture files. */
#ifndef NETVALE_ADDON_RULES_H
#define NETVALE_ADDON_RULES_H

#include <vector>

#include <napi.h>

#include "lend.h"
#include "rules_packet.h"

namespace netvale
{

class Rules : public Napi::ObjectWrap<Rules>, public Lent<Rules>
{
  public:
    static constexpr napi_type_tag kTag = {0x6e657476616c6552, 0x756c657300000001};
    static Napi::Function Define(Napi::Env env);
    explicit Rules(const Napi::CallbackInfo &info);
    ~Rules() override;
    struct nv_rules *Live(Napi::Env env) const; /* throws ECLOSED */

  private:
    Napi::Value Load(const Napi::CallbackInfo &info);
    Napi::Value SetParams(const Napi::CallbackInfo &info);
    Napi::Value Interface(const Napi::CallbackInfo &info);
    Napi::Value InterfaceAddress(const Napi::CallbackInfo &info);
    Napi::Value TableCreate(const Napi::CallbackInfo &info);
    Napi::Value TableDestroy(const Napi::CallbackInfo &info);
    Napi::Value TableLimit(const Napi::CallbackInfo &info);
    Napi::Value TableSwap(const Napi::CallbackInfo &info);
    Napi::Value TableUpdate(const Napi::CallbackInfo &info);
    Napi::Value TableCount(const Napi::CallbackInfo &info);
    Napi::Value NatConfig(const Napi::CallbackInfo &info);
    Napi::Value NatDelete(const Napi::CallbackInfo &info);
    Napi::Value NatLog(const Napi::CallbackInfo &info);
    Napi::Value Counters(const Napi::CallbackInfo &info);
    Napi::Value Zero(const Napi::CallbackInfo &info);
    Napi::Value States(const Napi::CallbackInfo &info);
    Napi::Value StateFigures(const Napi::CallbackInfo &info);
    Napi::Value StateCount(const Napi::CallbackInfo &info);
    Napi::Value DeleteStates(const Napi::CallbackInfo &info);
    Napi::Value Classify(const Napi::CallbackInfo &info);
    Napi::Value ClassifyBatch(const Napi::CallbackInfo &info);
    Napi::Value Explain(const Napi::CallbackInfo &info);
    Napi::Value Tick(const Napi::CallbackInfo &info);
    Napi::Value Tagged(const Napi::CallbackInfo &info);
    Napi::Value Close(const Napi::CallbackInfo &info);

    Napi::Value Done(const Napi::CallbackInfo &info, int result, const struct nv_error &error) const;

    struct nv_rules *rules_ = nullptr;
    struct nv_rules_worker *worker_ = nullptr;
    RuleEvents events_ = {}; /* what happened during a call */
};

} // namespace netvale

#endif
