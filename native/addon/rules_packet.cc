/* SPDX-License-Identifier: BSD-2-Clause */
/* rules_packet.cc - see rules_packet.h. */
#include "rules_packet.h"

#include <arpa/inet.h>

#include <cstring>

#include "arguments.h"

namespace netvale
{

namespace
{

Napi::Uint8Array CopyBytes(Napi::Env env, const void *bytes, size_t length)
{
    Napi::Uint8Array out = Napi::Uint8Array::New(env, length);
    if (length != 0)
        std::memcpy(out.Data(), bytes, length);
    return out;
}

RuleEvent &Add(void *arg, RuleEvent::Kind kind, const struct nv_rules_packet *packet)
{
    RuleEvents *events = static_cast<RuleEvents *>(arg);
    const bool known = packet >= events->first && packet < events->first + events->count;
    RuleEvent event = {};
    event.kind = kind;
    event.packet = known ? packet - events->first : -1;
    event.in_if = packet->in_if;
    event.out_if = packet->out_if;
    event.out = packet->direction == NV_RULES_OUT;
    events->list.push_back(event);
    return events->list.back();
}

uint16_t InterfaceId(const Napi::Value &value, const char *what)
{
    return value.IsUndefined() ? 0 : static_cast<uint16_t>(Integer(value, what, 0, NV_RULES_MAX_INTERFACES));
}

} // namespace

struct nv_rules_packet ReadPacket(const Napi::Object &record)
{
    struct nv_rules_packet packet = {};
    if (!record.Get("context").IsUndefined()) {
        const Span<uint8_t> context = Elements<uint8_t>(record.Get("context"), napi_uint8_array, "context");
        if (context.length != sizeof(packet))
            throw MakeTypeError(record.Env(), "context is not one of a verdict");
        std::memcpy(&packet, context.data, sizeof(packet));
        if (packet.tag_count > NV_RULES_MAX_TAGS || packet.call_depth > NV_RULES_CALL_STACK)
            throw MakeTypeError(record.Env(), "context is not one of a verdict");
    }
    const Span<uint8_t> data = Elements<uint8_t>(record.Get("data"), napi_uint8_array, "data");
    if (data.length > INT32_MAX)
        throw MakeTypeError(record.Env(), "data is too long for a packet");
    const Napi::Value time = record.Get("time");
    bool lossless = false;
    if (!time.IsBigInt())
        throw MakeTypeError(record.Env(), "time must be a bigint");
    packet.data = data.data;
    packet.length = static_cast<uint32_t>(data.length);
    packet.time_ns = time.As<Napi::BigInt>().Uint64Value(&lossless);
    packet.in_if = InterfaceId(record.Get("inIf"), "inIf");
    packet.out_if = InterfaceId(record.Get("outIf"), "outIf");
    packet.direction = record.Get("out").ToBoolean().Value() ? NV_RULES_OUT : NV_RULES_IN;
    packet.layer = static_cast<uint8_t>(Integer(record.Get("layer"), "layer", 2, 3));
    packet.flags = record.Get("raw").ToBoolean().Value() ? NV_RULES_RAW : 0;
    const Napi::Value missing = record.Get("missing");
    packet.missing = missing.IsUndefined() ? 0 : static_cast<uint32_t>(Integer(missing, "missing", 0, INT32_MAX));
    return packet;
}

struct nv_rules_sink EventSink(RuleEvents *events)
{
    struct nv_rules_sink sink = {};
    sink.arg = events;
    sink.answer = [](void *arg, const struct nv_rules_packet *packet, const uint8_t *frame, uint32_t length) {
        Add(arg, RuleEvent::ANSWER, packet).frame.assign(frame, frame + length);
    };
    sink.copy = [](void *arg, const struct nv_rules_packet *packet, uint32_t port) {
        Add(arg, RuleEvent::COPY, packet).port = port;
    };
    sink.log = [](void *arg, const struct nv_rules_packet *packet, uint16_t rule, uint32_t id, uint32_t where) {
        RuleEvent &event = Add(arg, RuleEvent::LOG, packet);
        event.rule = rule;
        event.id = id;
        event.where = where;
    };
    return sink;
}

std::string AddressText(uint8_t family, const uint8_t *address)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (family != 0)
        inet_ntop(family == 4 ? AF_INET : AF_INET6, address, text, sizeof(text));
    return text;
}

Napi::Value PortValue(Napi::Env env, struct nv_rules *rules, uint32_t port)
{
    const char *name = port & NV_RULES_NAME_REF ? nv_rules_name(rules, port) : nullptr;
    if (name != nullptr)
        return Napi::String::New(env, name);
    return Napi::Number::New(env, port);
}

Napi::Array EventArray(Napi::Env env, struct nv_rules *rules, const RuleEvents &events)
{
    static const char *const kinds[] = {"answer", "copy", "log"};
    Napi::Array out = Napi::Array::New(env, events.list.size());
    for (uint32_t i = 0; i < events.list.size(); i++) {
        const RuleEvent &event = events.list[i];
        Napi::Object one = Napi::Object::New(env);
        one.Set("kind", kinds[event.kind]);
        one.Set("packet", static_cast<double>(event.packet));
        one.Set("inIf", static_cast<uint32_t>(event.in_if));
        one.Set("outIf", static_cast<uint32_t>(event.out_if));
        one.Set("out", event.out);
        if (event.kind == RuleEvent::ANSWER) {
            one.Set("frame", CopyBytes(env, event.frame.data(), event.frame.size()));
        } else if (event.kind == RuleEvent::COPY) {
            one.Set("port", PortValue(env, rules, event.port));
        } else {
            one.Set("rule", static_cast<uint32_t>(event.rule));
            one.Set("id", event.id);
            one.Set("where", event.where);
        }
        out.Set(i, one);
    }
    return out;
}

Napi::Object VerdictObject(Napi::Env env, struct nv_rules *rules, const struct nv_rules_packet &packet,
                           const struct nv_rules_verdict &verdict, const RuleEvents &events)
{
    Napi::Object out = Napi::Object::New(env);
    struct nv_rules_packet context = packet;
    context.data = nullptr;
    context.length = 0;
    context.resume = verdict.resume;
    out.Set("action", nv_rules_action_name(verdict.action));
    out.Set("reason", nv_rules_reason_name(verdict.reason));
    out.Set("rule", static_cast<uint32_t>(verdict.rule));
    out.Set("id", verdict.resume.id);
    out.Set("arg", PortValue(env, rules, verdict.arg));
    out.Set("rewritten", (verdict.flags & NV_RULES_REWRITTEN) != 0);
    out.Set("fromState", (verdict.flags & NV_RULES_FROM_STATE) != 0);
    if (verdict.flags & NV_RULES_REPLACED)
        out.Set("data", CopyBytes(env, packet.data, packet.length));
    if (verdict.action == NV_RULES_FORWARD && verdict.next_hop_family != 0) {
        out.Set("nextHop", AddressText(verdict.next_hop_family, verdict.next_hop));
        out.Set("nextHopPort", static_cast<uint32_t>(verdict.next_hop_port));
    }
    out.Set("context", CopyBytes(env, &context, sizeof(context)));
    Napi::Array answers = Napi::Array::New(env), copies = Napi::Array::New(env), logs = Napi::Array::New(env);
    for (const RuleEvent &event : events.list) {
        if (event.kind == RuleEvent::ANSWER) {
            answers.Set(answers.Length(), CopyBytes(env, event.frame.data(), event.frame.size()));
        } else if (event.kind == RuleEvent::COPY) {
            copies.Set(copies.Length(), PortValue(env, rules, event.port));
        } else {
            Napi::Object one = Napi::Object::New(env);
            one.Set("rule", static_cast<uint32_t>(event.rule));
            one.Set("id", event.id);
            one.Set("where", event.where);
            logs.Set(logs.Length(), one);
        }
    }
    out.Set("answers", answers);
    out.Set("copies", copies);
    out.Set("logs", logs);
    return out;
}

Napi::Object StateObject(Napi::Env env, const struct nv_rules_state &state)
{
    Napi::Object out = Napi::Object::New(env);
    out.Set("ruleId", state.rule_id);
    out.Set("rule", static_cast<uint32_t>(state.rule));
    out.Set("kind", state.kind == 0 ? "PARENT" : state.kind == NV_OP_LIMIT ? "LIMIT" : "STATE");
    out.Set("children", state.children);
    out.Set("family", static_cast<uint32_t>(state.family));
    out.Set("proto", static_cast<uint32_t>(state.proto));
    out.Set("src", AddressText(state.family, state.src));
    out.Set("srcPort", static_cast<uint32_t>(state.src_port));
    out.Set("dst", AddressText(state.family, state.dst));
    out.Set("dstPort", static_cast<uint32_t>(state.dst_port));
    out.Set("name", state.name);
    out.Set("tcpFlags", state.tcp_flags);
    out.Set("packets", Napi::BigInt::New(env, state.packets));
    out.Set("bytes", Napi::BigInt::New(env, state.bytes));
    out.Set("expires", Napi::BigInt::New(env, state.expires_ns));
    return out;
}

Napi::Object StepObject(Napi::Env env, const struct nv_rules_step &step)
{
    Napi::Object out = Napi::Object::New(env);
    out.Set("id", step.id);
    out.Set("number", static_cast<uint32_t>(step.number));
    out.Set("matched", step.matched != 0);
    out.Set("state", step.state != 0);
    out.Set("failed", step.failed);
    out.Set("opcode", step.opcode);
    return out;
}

} // namespace netvale
