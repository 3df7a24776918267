/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules_batch.h - packets and verdicts of a batch as typed arrays, one a column, so that a call costs the same for one
 * packet as for hundreds.
 *
 * What JavaScript fills: data (Uint8Array, all frames), offsets and lengths (Uint32Array), times (BigUint64Array, ns),
 * inIfs and outIfs (Uint16Array), kinds (Uint8Array: 1 outgoing, 2 layer 3, 4 raw, 8 goes on by its context), contexts
 * (Uint8Array, CONTEXT_BYTES each). What is filled here: actions, reasons, flags (Uint8Array), rules (Uint16Array), ids
 * and args (Uint32Array), and contexts of packets that may go on.
 */
#ifndef NETVALE_ADDON_RULES_BATCH_H
#define NETVALE_ADDON_RULES_BATCH_H

#include "arguments.h"
#include "rules_packet.h"

namespace netvale
{

class RuleColumns
{
  public:
    static constexpr size_t CONTEXT_BYTES = sizeof(struct nv_rules_packet);

    /* Views of the record's arrays; throws a TypeError when one is missing or shorter than the others. */
    explicit RuleColumns(const Napi::Object &record);
    size_t Capacity() const
    {
        return offsets_.length;
    }
    /* Fill packets; throws a TypeError when one reaches beyond the data. */
    void Read(Napi::Env env, std::vector<struct nv_rules_packet> &packets) const;
    void Write(const std::vector<struct nv_rules_packet> &packets,
               const std::vector<struct nv_rules_verdict> &verdicts) const;

  private:
    Span<uint8_t> data_, kinds_, contexts_, actions_, reasons_, flags_;
    Span<uint32_t> offsets_, lengths_, ids_, args_;
    Span<uint16_t> in_ifs_, out_ifs_, rules_;
    Span<uint64_t> times_;
};

/*
 * Add to the events what columns cannot hold: {kind: 'replaced', packet, data} for what was put together of fragments,
 * {kind: 'hop', packet, address, port} for forwarded packets, {kind: 'port', packet, port} for ports named in a rule.
 */
void AddDetails(Napi::Env env, struct nv_rules *rules, const std::vector<struct nv_rules_packet> &packets,
                const std::vector<struct nv_rules_verdict> &verdicts, Napi::Array &events);

} // namespace netvale

#endif
