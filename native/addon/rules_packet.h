/* SPDX-License-Identifier: BSD-2-Clause */
/* rules_packet.h - packets, verdicts and states of the rule engine as JavaScript objects. */
#ifndef NETVALE_ADDON_RULES_PACKET_H
#define NETVALE_ADDON_RULES_PACKET_H

#include <vector>

#include <napi.h>

#include "rules/rules.h"

namespace netvale
{

/*
 * A packet from {data: Uint8Array, time: bigint (ns), inIf, outIf, out: boolean, layer: 2 | 3, raw?: boolean,
 * missing?: number, context?: Uint8Array}. `context` is that of an earlier verdict: tags, call stack and where to go
 * on. The packet's data is the array's own memory: valid until the call returns.
 */
struct nv_rules_packet ReadPacket(const Napi::Object &record);

/* Something that happened while packets were classified, beside their verdicts. */
struct RuleEvent {
    enum Kind { ANSWER, COPY, LOG } kind;
    int64_t packet; /* index in the batch; -1: none of it (a keep-alive) */
    uint16_t in_if, out_if;
    bool out;
    uint16_t rule;              /* LOG */
    uint32_t id, where;         /* LOG */
    uint32_t port;              /* COPY */
    std::vector<uint8_t> frame; /* ANSWER */
};

/* What happened during a call; packet numbers are counted from `first`. */
struct RuleEvents {
    const struct nv_rules_packet *first;
    size_t count;
    std::vector<RuleEvent> list;

    void Begin(const struct nv_rules_packet *packets, size_t packet_count)
    {
        first = packets;
        count = packet_count;
        list.clear();
    }
};

/* A sink that adds what happens to *events. */
struct nv_rules_sink EventSink(RuleEvents *events);

/* An address of family 4 or 6, in network order; 0: "". */
std::string AddressText(uint8_t family, const uint8_t *address);

/* A port of ours as a rule names it: its number or its name. */
Napi::Value PortValue(Napi::Env env, struct nv_rules *rules, uint32_t port);

/* {kind: 'answer' | 'copy' | 'log', packet, inIf, outIf, out, frame? | port? | rule?, id?, where?} */
Napi::Array EventArray(Napi::Env env, struct nv_rules *rules, const RuleEvents &events);

/*
 * {action, reason, rule, id, arg | port, rewritten, fromState, data? (reassembled), nextHop?, context,
 * answers: Uint8Array[], copies: (number | string)[], logs: {rule, id, where}[]}
 */
Napi::Object VerdictObject(Napi::Env env, struct nv_rules *rules, const struct nv_rules_packet &packet,
                           const struct nv_rules_verdict &verdict, const RuleEvents &events);

/* {ruleId, rule, kind: STATE | LIMIT | PARENT, children, family, proto, src, srcPort, dst, dstPort, name, ...} */
Napi::Object StateObject(Napi::Env env, const struct nv_rules_state &state);

/* {id, number, matched, state, failed, opcode} */
Napi::Object StepObject(Napi::Env env, const struct nv_rules_step &step);

} // namespace netvale

#endif
