/* SPDX-License-Identifier: BSD-2-Clause */
/* context.h - what the addon keeps for one JavaScript environment (the main thread, or a worker). */
#ifndef NETVALE_ADDON_CONTEXT_H
#define NETVALE_ADDON_CONTEXT_H

#include <memory>

#include <napi.h>

#include "region.h"
#include "waiter.h"

namespace netvale
{

struct Context {
    Regions regions;
    std::shared_ptr<Waiter> waiter; /* made when somebody first waits */
};

inline Context &ContextOf(Napi::Env env)
{
    return *env.GetInstanceData<Context>();
}

} // namespace netvale

#endif
