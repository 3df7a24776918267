/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules_batch.h - the class RuleBatch: packets and verdicts as typed arrays, one a column, that JavaScript and the rule
 * engine share; a call costs the same for one packet as for hundreds.
 */
#ifndef NETVALE_ADDON_RULES_BATCH_H
#define NETVALE_ADDON_RULES_BATCH_H

#include <memory>

#include "rules_packet.h"

namespace netvale
{

/* Memory of the columns: lives as long as the batch or one of its arrays. */
struct RuleColumns {
    RuleColumns(size_t capacity, size_t bytes);

    /* filled by JavaScript */
    std::vector<uint8_t> data;                       /* all frames */
    std::vector<uint32_t> offsets, lengths, missing; /* missing: bytes that were on the wire besides */
    std::vector<uint64_t> times;                     /* ns */
    std::vector<uint16_t> in_ifs, out_ifs;
    std::vector<uint8_t> kinds; /* 1 outgoing, 2 layer 3, 4 raw, 8 goes on by its context */
    /* Whole packets, as bytes: of an earlier verdict when the packet goes on. Filled by classifying where it may. */
    std::vector<struct nv_rules_packet> contexts;
    /* filled by classifying */
    std::vector<uint8_t> actions, reasons, flags;
    std::vector<uint16_t> rules;
    std::vector<uint32_t> ids, args;
    std::vector<struct nv_rules_verdict> verdicts; /* not shared */
};

class RuleBatch : public Napi::ObjectWrap<RuleBatch>
{
  public:
    static Napi::Function Define(Napi::Env env);
    /* new RuleBatch(capacity, bytes): for so many packets, of so many bytes together. */
    explicit RuleBatch(const Napi::CallbackInfo &info);

    /* The batch that JavaScript hands in; throws a TypeError when it is something else. */
    static RuleBatch *From(const Napi::Value &value);

    size_t Capacity() const
    {
        return columns_->offsets.size();
    }
    const struct nv_rules_packet *Packets() const
    {
        return columns_->contexts.data();
    }
    /* Classify packets 0 to count - 1; throws a TypeError when one reaches beyond the data. */
    void Classify(Napi::Env env, struct nv_rules_worker *worker, size_t count);
    /*
     * Add to the events of a batch what columns cannot hold: {kind: 'replaced', packet, data} for what was put together
     * of fragments, {kind: 'hop', packet, address, port} for forwarded packets, {kind: 'port', packet, port} for
     * ports named in a rule.
     */
    void AddDetails(Napi::Env env, struct nv_rules *rules, size_t count, Napi::Array &events) const;

  private:
    Napi::Value Columns(const Napi::CallbackInfo &info);

    std::shared_ptr<RuleColumns> columns_;
};

} // namespace netvale

#endif
