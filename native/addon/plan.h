/* SPDX-License-Identifier: BSD-2-Clause */
/* plan.h - a plan handed in by JavaScript as the library's struct nv_plan. */
#ifndef NETVALE_ADDON_PLAN_H
#define NETVALE_ADDON_PLAN_H

#include <string>
#include <vector>

#include <napi.h>

#include <engine/engine.h>

#include "rules.h"

namespace netvale
{

/*
 * Reads every property of the object it knows (names as in src/traffic/plan.ts); what is missing keeps the
 * library's default for the role. Throws what the arguments' checks and the library's own parsers throw.
 */
class Plan
{
  public:
    explicit Plan(const Napi::Value &value);
    Plan(const Plan &) = delete;
    Plan &operator=(const Plan &) = delete;

    const struct nv_plan *Get() const
    {
        return &plan_;
    }

    /* The object that plan.rules is of, or null. Who keeps using the rules must hold and Lend it. */
    Rules *Filter() const
    {
        return filter_;
    }

  private:
    void ReadRun(const Napi::Object &from);
    void ReadTraffic(const Napi::Object &from);

    struct nv_plan plan_;
    Rules *filter_ = nullptr;
    std::string port_, dir_, matches_;
    std::vector<struct nv_rate_step> ramp_;
};

} // namespace netvale

#endif
