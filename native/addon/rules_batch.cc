/* SPDX-License-Identifier: BSD-2-Clause */
/* rules_batch.cc - see rules_batch.h. */
#include "rules_batch.h"

#include <algorithm>
#include <cstring>

#include "arguments.h"

namespace netvale
{

namespace
{

enum Kind { OUT = 1, LAYER_3 = 2, RAW = 4, GOES_ON = 8 };

enum { MOST_PACKETS = 65536, MOST_BYTES = 1 << 28 };

constexpr napi_type_tag RULE_BATCH = {0x6e657476616c6521, 0x72756c6562617463};

/* JavaScript's view of a column, as an array of E. */
template <typename E, typename T>
Napi::TypedArrayOf<E> Share(Napi::Env env, const std::shared_ptr<RuleColumns> &owner, std::vector<T> *column)
{
    const size_t bytes = column->size() * sizeof(T);
    auto memory = Napi::ArrayBuffer::New(env, column->data(), bytes, [owner](Napi::Env, void *) {});
    return Napi::TypedArrayOf<E>::New(env, bytes / sizeof(E), memory, 0);
}

} // namespace

RuleColumns::RuleColumns(size_t capacity, size_t bytes)
    : data(bytes), offsets(capacity), lengths(capacity), missing(capacity), times(capacity), in_ifs(capacity),
      out_ifs(capacity), kinds(capacity), contexts(capacity), actions(capacity), reasons(capacity), flags(capacity),
      rules(capacity), ids(capacity), args(capacity), verdicts(capacity)
{
}

Napi::Function RuleBatch::Define(Napi::Env env)
{
    return DefineClass(env, "RuleBatch", {InstanceMethod<&RuleBatch::Columns>("columns")});
}

RuleBatch::RuleBatch(const Napi::CallbackInfo &info) : Napi::ObjectWrap<RuleBatch>(info)
{
    const size_t capacity = static_cast<size_t>(Integer(info[0], "capacity", 1, MOST_PACKETS));
    const size_t bytes = static_cast<size_t>(Integer(info[1], "bytes", 1, MOST_BYTES));
    columns_ = std::make_shared<RuleColumns>(capacity, bytes);
    info.This().As<Napi::Object>().TypeTag(&RULE_BATCH);
}

RuleBatch *RuleBatch::From(const Napi::Value &value)
{
    if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&RULE_BATCH))
        throw MakeTypeError(value.Env(), "batch must be a RuleBatch");
    return Unwrap(value.As<Napi::Object>());
}

/* columns(): the shared arrays by name */
Napi::Value RuleBatch::Columns(const Napi::CallbackInfo &info)
{
    const Napi::Env env = info.Env();
    RuleColumns *c = columns_.get();
    Napi::Object out = Napi::Object::New(env);
    out.Set("data", Share<uint8_t>(env, columns_, &c->data));
    out.Set("offsets", Share<uint32_t>(env, columns_, &c->offsets));
    out.Set("lengths", Share<uint32_t>(env, columns_, &c->lengths));
    out.Set("missing", Share<uint32_t>(env, columns_, &c->missing));
    out.Set("times", Share<uint64_t>(env, columns_, &c->times));
    out.Set("inIfs", Share<uint16_t>(env, columns_, &c->in_ifs));
    out.Set("outIfs", Share<uint16_t>(env, columns_, &c->out_ifs));
    out.Set("kinds", Share<uint8_t>(env, columns_, &c->kinds));
    out.Set("contexts", Share<uint8_t>(env, columns_, &c->contexts));
    out.Set("actions", Share<uint8_t>(env, columns_, &c->actions));
    out.Set("reasons", Share<uint8_t>(env, columns_, &c->reasons));
    out.Set("flags", Share<uint8_t>(env, columns_, &c->flags));
    out.Set("rules", Share<uint16_t>(env, columns_, &c->rules));
    out.Set("ids", Share<uint32_t>(env, columns_, &c->ids));
    out.Set("args", Share<uint32_t>(env, columns_, &c->args));
    return out;
}

void RuleBatch::Classify(Napi::Env env, struct nv_rules_worker *worker, size_t count)
{
    RuleColumns &c = *columns_;
    for (size_t i = 0; i < count; i++) {
        struct nv_rules_packet &packet = c.contexts[i];
        const uint8_t kind = c.kinds[i];
        if (!(kind & GOES_ON))
            packet = {};
        else if (packet.tag_count > NV_RULES_MAX_TAGS || packet.call_depth > NV_RULES_CALL_STACK)
            throw MakeTypeError(env, "contexts: not one of a verdict");
        if (c.offsets[i] > c.data.size() || c.lengths[i] > c.data.size() - c.offsets[i])
            throw MakeTypeError(env, "columns: a packet reaches beyond the data");
        if (c.in_ifs[i] > NV_RULES_MAX_INTERFACES || c.out_ifs[i] > NV_RULES_MAX_INTERFACES)
            throw MakeTypeError(env, "columns: an interface is not one of interface(name)");
        packet.data = c.data.data() + c.offsets[i];
        packet.length = c.lengths[i];
        packet.missing = std::min<uint32_t>(c.missing[i], INT32_MAX);
        packet.time_ns = c.times[i];
        packet.in_if = c.in_ifs[i];
        packet.out_if = c.out_ifs[i];
        packet.direction = kind & OUT ? NV_RULES_OUT : NV_RULES_IN;
        packet.layer = kind & LAYER_3 ? 3 : 2;
        packet.flags = kind & RAW ? NV_RULES_RAW : 0;
    }
    nv_rules_classify(worker, c.contexts.data(), static_cast<unsigned>(count), c.verdicts.data());
    for (size_t i = 0; i < count; i++) {
        const struct nv_rules_verdict &verdict = c.verdicts[i];
        c.actions[i] = verdict.action;
        c.reasons[i] = verdict.reason;
        c.flags[i] = verdict.flags;
        c.rules[i] = verdict.rule;
        c.ids[i] = verdict.resume.id;
        c.args[i] = verdict.arg;
        c.contexts[i].resume = verdict.resume;
    }
}

void RuleBatch::AddDetails(Napi::Env env, struct nv_rules *rules, size_t count, Napi::Array &events) const
{
    const auto add = [&](size_t packet, const char *kind) {
        Napi::Object one = Napi::Object::New(env);
        one.Set("packet", static_cast<double>(packet));
        one.Set("kind", kind);
        events.Set(events.Length(), one);
        return one;
    };
    for (size_t i = 0; i < count; i++) {
        const struct nv_rules_verdict &verdict = columns_->verdicts[i];
        const struct nv_rules_packet &packet = columns_->contexts[i];
        const bool hop = verdict.action == NV_RULES_FORWARD && verdict.next_hop_family != 0;
        if (verdict.flags & NV_RULES_REPLACED) {
            Napi::Uint8Array bytes = Napi::Uint8Array::New(env, packet.length);
            std::memcpy(bytes.Data(), packet.data, packet.length);
            add(i, "replaced").Set("data", bytes);
        }
        if (hop) {
            Napi::Object one = add(i, "hop");
            one.Set("address", AddressText(verdict.next_hop_family, verdict.next_hop));
            one.Set("port", static_cast<uint32_t>(verdict.next_hop_port));
        } else if (verdict.action == NV_RULES_DIVERT || verdict.action == NV_RULES_FORWARD) {
            add(i, "port").Set("port", PortValue(env, rules, verdict.arg));
        }
    }
}

} // namespace netvale
