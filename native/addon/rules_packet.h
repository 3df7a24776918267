/* SPDX-License-Identifier: BSD-2-Clause */
/* rules_packet.h - packets, verdicts and states of the rule engine as JavaScript objects. */
#ifndef NETVALE_ADDON_RULES_PACKET_H
#define NETVALE_ADDON_RULES_PACKET_H

#include <memory>

#include <napi.h>

#include "rules/rules.h"

namespace netvale
{

/*
 * A packet from {data: Uint8Array, time: bigint (ns), inIf, outIf, out: boolean, layer: 2 | 3, raw?: boolean,
 * context?: Uint8Array}. `context` is that of an earlier verdict: tags, call stack and where to go on. The packet's
 * data is the array's own memory: valid until the call returns.
 */
struct nv_rules_packet ReadPacket(const Napi::Object &record);

/* Empty lists for what happens besides the verdict: answers, copies, logs. */
Napi::Object NewEvents(Napi::Env env);

/* A sink that puts what happens into the lists of *events while it holds some. */
struct nv_rules_sink EventSink(std::unique_ptr<Napi::Object> *events);

/*
 * {action, reason, rule, id, arg | port, rewritten, fromState, data? (reassembled), nextHop?, context,
 * answers: Uint8Array[], copies: (number | string)[], logs: {rule, id, where}[]}
 */
Napi::Object VerdictObject(Napi::Env env, struct nv_rules *rules, const struct nv_rules_packet &packet,
                           const struct nv_rules_verdict &verdict, const Napi::Object &events);

/* {ruleId, rule, kind: STATE | LIMIT | PARENT, children, family, proto, src, srcPort, dst, dstPort, name, ...} */
Napi::Object StateObject(Napi::Env env, const struct nv_rules_state &state);

/* {id, number, matched, state, failed, opcode} */
Napi::Object StepObject(Napi::Env env, const struct nv_rules_step &step);

} // namespace netvale

#endif
