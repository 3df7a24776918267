/* SPDX-License-Identifier: BSD-2-Clause */
/* rules_batch.cc - see rules_batch.h. */
#include "rules_batch.h"

#include <cstring>

namespace netvale
{

namespace
{

enum Kind { OUT = 1, LAYER_3 = 2, RAW = 4, GOES_ON = 8 };

template <typename T>
Span<T> Column(const Napi::Object &record, const char *name, napi_typedarray_type type, size_t least)
{
    const Span<T> column = Elements<T>(record.Get(name), type, name);
    if (column.length < least)
        throw Napi::TypeError::New(record.Env(), std::string("columns: ") + name + " is shorter than offsets");
    return column;
}

} // namespace

RuleColumns::RuleColumns(const Napi::Object &record)
{
    data_ = Column<uint8_t>(record, "data", napi_uint8_array, 0);
    offsets_ = Column<uint32_t>(record, "offsets", napi_uint32_array, 0);
    const size_t count = offsets_.length;
    lengths_ = Column<uint32_t>(record, "lengths", napi_uint32_array, count);
    times_ = Column<uint64_t>(record, "times", napi_biguint64_array, count);
    in_ifs_ = Column<uint16_t>(record, "inIfs", napi_uint16_array, count);
    out_ifs_ = Column<uint16_t>(record, "outIfs", napi_uint16_array, count);
    kinds_ = Column<uint8_t>(record, "kinds", napi_uint8_array, count);
    contexts_ = Column<uint8_t>(record, "contexts", napi_uint8_array, count * CONTEXT_BYTES);
    actions_ = Column<uint8_t>(record, "actions", napi_uint8_array, count);
    reasons_ = Column<uint8_t>(record, "reasons", napi_uint8_array, count);
    flags_ = Column<uint8_t>(record, "flags", napi_uint8_array, count);
    rules_ = Column<uint16_t>(record, "rules", napi_uint16_array, count);
    ids_ = Column<uint32_t>(record, "ids", napi_uint32_array, count);
    args_ = Column<uint32_t>(record, "args", napi_uint32_array, count);
}

void RuleColumns::Read(Napi::Env env, std::vector<struct nv_rules_packet> &packets) const
{
    for (size_t i = 0; i < packets.size(); i++) {
        struct nv_rules_packet &packet = packets[i];
        const uint8_t kind = kinds_.data[i];
        packet = {};
        if (kind & GOES_ON) {
            std::memcpy(&packet, contexts_.data + i * CONTEXT_BYTES, CONTEXT_BYTES);
            if (packet.tag_count > NV_RULES_MAX_TAGS || packet.call_depth > NV_RULES_CALL_STACK)
                throw Napi::TypeError::New(env, "contexts: not one of a verdict");
        }
        if (offsets_.data[i] > data_.length || lengths_.data[i] > data_.length - offsets_.data[i])
            throw Napi::TypeError::New(env, "columns: a packet reaches beyond the data");
        if (in_ifs_.data[i] > NV_RULES_MAX_INTERFACES || out_ifs_.data[i] > NV_RULES_MAX_INTERFACES)
            throw Napi::TypeError::New(env, "columns: an interface is not one of interface(name)");
        packet.data = data_.data + offsets_.data[i];
        packet.length = lengths_.data[i];
        packet.time_ns = times_.data[i];
        packet.in_if = in_ifs_.data[i];
        packet.out_if = out_ifs_.data[i];
        packet.direction = kind & OUT ? NV_RULES_OUT : NV_RULES_IN;
        packet.layer = kind & LAYER_3 ? 3 : 2;
        packet.flags = kind & RAW ? NV_RULES_RAW : 0;
    }
}

void RuleColumns::Write(const std::vector<struct nv_rules_packet> &packets,
                        const std::vector<struct nv_rules_verdict> &verdicts) const
{
    for (size_t i = 0; i < verdicts.size(); i++) {
        const struct nv_rules_verdict &verdict = verdicts[i];
        actions_.data[i] = verdict.action;
        reasons_.data[i] = verdict.reason;
        flags_.data[i] = verdict.flags;
        rules_.data[i] = verdict.rule;
        ids_.data[i] = verdict.resume.id;
        args_.data[i] = verdict.arg;
        if (verdict.action == NV_RULES_PASS || verdict.action == NV_RULES_DENY)
            continue;
        struct nv_rules_packet context = packets[i];
        context.data = nullptr;
        context.length = 0;
        context.resume = verdict.resume;
        std::memcpy(contexts_.data + i * CONTEXT_BYTES, &context, CONTEXT_BYTES);
    }
}

void AddDetails(Napi::Env env, struct nv_rules *rules, const std::vector<struct nv_rules_packet> &packets,
                const std::vector<struct nv_rules_verdict> &verdicts, Napi::Array &events)
{
    for (size_t i = 0; i < verdicts.size(); i++) {
        const struct nv_rules_verdict &verdict = verdicts[i];
        const bool replaced = (verdict.flags & NV_RULES_REPLACED) != 0;
        const bool named = verdict.action == NV_RULES_DIVERT || verdict.action == NV_RULES_FORWARD;
        if (!replaced && !named)
            continue;
        Napi::Object one = Napi::Object::New(env);
        one.Set("packet", static_cast<double>(i));
        if (replaced) {
            one.Set("kind", "replaced");
            Napi::Uint8Array bytes = Napi::Uint8Array::New(env, packets[i].length);
            std::memcpy(bytes.Data(), packets[i].data, packets[i].length);
            one.Set("data", bytes);
        } else if (verdict.action == NV_RULES_FORWARD && verdict.next_hop_family != 0) {
            one.Set("kind", "hop");
            one.Set("address", AddressText(verdict.next_hop_family, verdict.next_hop));
            one.Set("port", static_cast<uint32_t>(verdict.next_hop_port));
        } else {
            one.Set("kind", "port");
            one.Set("port", PortValue(env, rules, verdict.arg));
        }
        events.Set(events.Length(), one);
    }
}

} // namespace netvale
