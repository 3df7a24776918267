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

std::string AddressText(uint8_t family, const uint8_t *address)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (family != 0)
        inet_ntop(family == 4 ? AF_INET : AF_INET6, address, text, sizeof(text));
    return text;
}

/* A port of ours: its number or its name. */
Napi::Value PortValue(Napi::Env env, struct nv_rules *rules, uint32_t port)
{
    const char *name = port & NV_RULES_NAME_REF ? nv_rules_name(rules, port) : nullptr;
    if (name != nullptr)
        return Napi::String::New(env, name);
    return Napi::Number::New(env, port);
}

void Append(const Napi::Object &events, const char *list, const Napi::Value &value)
{
    Napi::Array array = events.Get(list).As<Napi::Array>();
    array.Set(array.Length(), value);
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
            throw Napi::TypeError::New(record.Env(), "context is not one of a verdict");
        std::memcpy(&packet, context.data, sizeof(packet));
        if (packet.tag_count > NV_RULES_MAX_TAGS || packet.call_depth > NV_RULES_CALL_STACK)
            throw Napi::TypeError::New(record.Env(), "context is not one of a verdict");
    }
    const Span<uint8_t> data = Elements<uint8_t>(record.Get("data"), napi_uint8_array, "data");
    if (data.length > INT32_MAX)
        throw Napi::TypeError::New(record.Env(), "data is too long for a packet");
    const Napi::Value time = record.Get("time");
    bool lossless = false;
    if (!time.IsBigInt())
        throw Napi::TypeError::New(record.Env(), "time must be a bigint");
    packet.data = data.data;
    packet.length = static_cast<uint32_t>(data.length);
    packet.time_ns = time.As<Napi::BigInt>().Uint64Value(&lossless);
    packet.in_if = InterfaceId(record.Get("inIf"), "inIf");
    packet.out_if = InterfaceId(record.Get("outIf"), "outIf");
    packet.direction = record.Get("out").ToBoolean().Value() ? NV_RULES_OUT : NV_RULES_IN;
    packet.layer = static_cast<uint8_t>(Integer(record.Get("layer"), "layer", 2, 3));
    packet.flags = record.Get("raw").ToBoolean().Value() ? NV_RULES_RAW : 0;
    return packet;
}

Napi::Object NewEvents(Napi::Env env)
{
    Napi::Object events = Napi::Object::New(env);
    for (const char *list : {"answers", "copies", "logs"})
        events.Set(list, Napi::Array::New(env));
    return events;
}

struct nv_rules_sink EventSink(std::unique_ptr<Napi::Object> *events)
{
    using Events = std::unique_ptr<Napi::Object>;
    struct nv_rules_sink sink = {};
    sink.arg = events;
    sink.answer = [](void *arg, const struct nv_rules_packet *, const uint8_t *frame, uint32_t length) {
        const Events &now = *static_cast<Events *>(arg);
        if (now)
            Append(*now, "answers", CopyBytes(now->Env(), frame, length));
    };
    sink.copy = [](void *arg, const struct nv_rules_packet *, uint32_t port) {
        const Events &now = *static_cast<Events *>(arg);
        if (now)
            Append(*now, "copies", Napi::Number::New(now->Env(), port));
    };
    sink.log = [](void *arg, const struct nv_rules_packet *, uint16_t rule, uint32_t id, uint32_t where) {
        const Events &now = *static_cast<Events *>(arg);
        if (!now)
            return;
        Napi::Object one = Napi::Object::New(now->Env());
        one.Set("rule", static_cast<uint32_t>(rule));
        one.Set("id", id);
        one.Set("where", where);
        Append(*now, "logs", one);
    };
    return sink;
}

Napi::Object VerdictObject(Napi::Env env, struct nv_rules *rules, const struct nv_rules_packet &packet,
                           const struct nv_rules_verdict &verdict, const Napi::Object &events)
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
    out.Set("answers", events.Get("answers"));
    out.Set("logs", events.Get("logs"));
    const Napi::Array copies = events.Get("copies").As<Napi::Array>();
    for (uint32_t i = 0; i < copies.Length(); i++)
        copies.Set(i, PortValue(env, rules, copies.Get(i).As<Napi::Number>().Uint32Value()));
    out.Set("copies", copies);
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
