/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * emulation_config.h - parameters of links, flow queues and schedulers from JavaScript records. Members are named as in
 * src/emulation/native.ts; one that is not there is zero. Times are nanoseconds.
 */
#ifndef NETVALE_ADDON_EMULATION_CONFIG_H
#define NETVALE_ADDON_EMULATION_CONFIG_H

#include <string>
#include <vector>

#include <napi.h>

#include "emulation/emulation.h"

namespace netvale
{

/* A link and the arrays it points to. */
struct LinkConfig {
    explicit LinkConfig(const Napi::Value &value);
    struct nv_emu_link link = {};

  private:
    void ReadImpairments(const Napi::Object &record);

    std::vector<uint64_t> profile_, trace_, list_;
    std::vector<int16_t> table_;
    std::string bits_;
};

enum nv_emu_kind Kind(const Napi::Value &value);
/* Of an object; 0 where all are meant. */
unsigned Number(const Napi::Value &value);
struct nv_emu_mask ReadMask(const Napi::Value &value);
struct nv_emu_flowset ReadFlowset(const Napi::Value &value);
struct nv_emu_sched ReadSched(const Napi::Value &value);

} // namespace netvale

#endif
