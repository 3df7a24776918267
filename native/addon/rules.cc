/* SPDX-License-Identifier: BSD-2-Clause */
/* rules.cc - see rules.h. */
#include "rules.h"

#include <cstdio>

#include "arguments.h"
#include "error.h"
#include "rules_batch.h"

namespace netvale
{

namespace
{

/* A 64-bit number from a bigint. */
uint64_t Big(const Napi::Value &value, const char *what)
{
    if (!value.IsBigInt())
        throw MakeTypeError(value.Env(), std::string(what) + " must be a bigint");
    bool lossless = false;
    const uint64_t number = value.As<Napi::BigInt>().Uint64Value(&lossless);
    if (!lossless)
        throw MakeTypeError(value.Env(), std::string(what) + " must fit in 64 bits, without a sign");
    return number;
}

uint32_t Word(const Napi::Value &value, const char *what)
{
    return static_cast<uint32_t>(Integer(value, what, 0, UINT32_MAX));
}

Span<uint8_t> Bytes(const Napi::Value &value, const char *what)
{
    return Elements<uint8_t>(value, napi_uint8_array, what);
}

/* Bytes as the engine wants them: aligned to 8. */
std::vector<uint64_t> Aligned(const Span<uint8_t> &bytes)
{
    std::vector<uint64_t> words((bytes.length + 7) / 8);
    std::copy(bytes.data, bytes.data + bytes.length, reinterpret_cast<uint8_t *>(words.data()));
    return words;
}

/* Ids of rules; undefined: none. */
std::vector<uint32_t> Ids(const Napi::Value &value)
{
    if (value.IsUndefined())
        return {};
    const Span<uint32_t> ids = Elements<uint32_t>(value, napi_uint32_array, "ids");
    return std::vector<uint32_t>(ids.data, ids.data + ids.length);
}

/* The error with the index of the table entry at fault. */
Napi::Error WithEntry(Napi::Error error, uint32_t entry)
{
    error.Set("entry", Napi::Number::New(error.Env(), entry));
    return error;
}

/* Put the members of `record` that name a parameter into it; an unknown name is an error. */
void ReadParams(const Napi::Value &value, struct nv_rules_params *params)
{
    static const struct {
        const char *name;
        uint32_t nv_rules_params::*field;
    } fields[] = {
        {"autoinc_step", &nv_rules_params::autoinc_step},
        {"dyn_max", &nv_rules_params::dyn_max},
        {"dyn_parent_max", &nv_rules_params::dyn_parent_max},
        {"dyn_ack_lifetime", &nv_rules_params::dyn_ack_lifetime},
        {"dyn_syn_lifetime", &nv_rules_params::dyn_syn_lifetime},
        {"dyn_fin_lifetime", &nv_rules_params::dyn_fin_lifetime},
        {"dyn_rst_lifetime", &nv_rules_params::dyn_rst_lifetime},
        {"dyn_udp_lifetime", &nv_rules_params::dyn_udp_lifetime},
        {"dyn_short_lifetime", &nv_rules_params::dyn_short_lifetime},
        {"dyn_keepalive", &nv_rules_params::dyn_keepalive},
        {"dyn_keepalive_interval", &nv_rules_params::dyn_keepalive_interval},
        {"dyn_keepalive_period", &nv_rules_params::dyn_keepalive_period},
        {"dyn_keep_states", &nv_rules_params::dyn_keep_states},
        {"deny_unknown_exthdrs", &nv_rules_params::deny_unknown_exthdrs},
        {"permit_single_frag6", &nv_rules_params::permit_single_frag6},
        {"verbose_limit", &nv_rules_params::verbose_limit},
        {"vlan_inner", &nv_rules_params::vlan_inner},
        {"linear", &nv_rules_params::linear},
    };
    const Napi::Object record = Record(value, "params");
    const Napi::Array names = record.GetPropertyNames();
    for (uint32_t i = 0; i < names.Length(); i++) {
        const std::string name = names.Get(i).As<Napi::String>();
        const Napi::Value member = record.Get(name);
        bool known = name == "seed";
        if (known)
            params->seed = Big(member, "seed");
        for (const auto &field : fields) {
            if (name != field.name)
                continue;
            params->*field.field = Word(member, field.name);
            known = true;
        }
        if (!known)
            throw MakeTypeError(value.Env(), "params: there is no parameter " + name);
    }
}

} // namespace

Napi::Function Rules::Define(Napi::Env env)
{
    return DefineClass(env, "Rules",
                       {
                           InstanceMethod<&Rules::Load>("load"),
                           InstanceMethod<&Rules::SetParams>("setParams"),
                           InstanceMethod<&Rules::Interface>("interface"),
                           InstanceMethod<&Rules::InterfaceAddress>("interfaceAddress"),
                           InstanceMethod<&Rules::TableCreate>("tableCreate"),
                           InstanceMethod<&Rules::TableDestroy>("tableDestroy"),
                           InstanceMethod<&Rules::TableLimit>("tableLimit"),
                           InstanceMethod<&Rules::TableSwap>("tableSwap"),
                           InstanceMethod<&Rules::TableUpdate>("tableUpdate"),
                           InstanceMethod<&Rules::TableCount>("tableCount"),
                           InstanceMethod<&Rules::NatConfig>("natConfig"),
                           InstanceMethod<&Rules::NatDelete>("natDelete"),
                           InstanceMethod<&Rules::NatLog>("natLog"),
                           InstanceMethod<&Rules::Counters>("counters"),
                           InstanceMethod<&Rules::Zero>("zero"),
                           InstanceMethod<&Rules::States>("states"),
                           InstanceMethod<&Rules::StateFigures>("stateFigures"),
                           InstanceMethod<&Rules::StateCount>("stateCount"),
                           InstanceMethod<&Rules::DeleteStates>("deleteStates"),
                           InstanceMethod<&Rules::Classify>("classify"),
                           InstanceMethod<&Rules::ClassifyBatch>("classifyBatch"),
                           InstanceMethod<&Rules::Explain>("explain"),
                           InstanceMethod<&Rules::Tick>("tick"),
                           InstanceMethod<&Rules::Tagged>("tagged"),
                           InstanceMethod<&Rules::Close>("close"),
                       });
}

/* new Rules(params?): an engine whose program is `65535 allow ip from any to any`. */
Rules::Rules(const Napi::CallbackInfo &info) : Napi::ObjectWrap<Rules>(info)
{
    struct nv_rules_params params = nv_rules_default_params();
    struct nv_error error = {};
    if (!info[0].IsUndefined())
        ReadParams(info[0], &params);
    int result = nv_rules_create(&params, &rules_, &error);
    if (result == 0) {
        const struct nv_rules_sink sink = EventSink(&events_);
        result = nv_rules_worker_open(rules_, &sink, &worker_, &error);
    }
    if (result < 0) {
        nv_rules_destroy(rules_);
        rules_ = nullptr;
        throw MakeError(info.Env(), result, error);
    }
    Mark(info);
}

Rules::~Rules()
{
    nv_rules_worker_close(worker_);
    nv_rules_destroy(rules_);
}

struct nv_rules *Rules::Live(Napi::Env env) const
{
    if (rules_ == nullptr)
        throw MakeError(env, "ECLOSED", "the rule engine is closed");
    return rules_;
}

Napi::Value Rules::Done(const Napi::CallbackInfo &info, int result, const struct nv_error &error) const
{
    if (result < 0)
        throw MakeError(info.Env(), result, error);
    return info.Env().Undefined();
}

/* load(program) */
Napi::Value Rules::Load(const Napi::CallbackInfo &info)
{
    const Span<uint8_t> bytes = Bytes(info[0], "program");
    const std::vector<uint64_t> words = Aligned(bytes);
    struct nv_error error = {};
    return Done(info, nv_rules_load(Live(info.Env()), words.data(), bytes.length, &error), error);
}

/* setParams({name: value, ...}): those not named stay. */
Napi::Value Rules::SetParams(const Napi::CallbackInfo &info)
{
    struct nv_rules_params params;
    struct nv_error error = {};
    nv_rules_get_params(Live(info.Env()), &params);
    ReadParams(info[0], &params);
    return Done(info, nv_rules_set_params(rules_, &params, &error), error);
}

/* interface(name): its id */
Napi::Value Rules::Interface(const Napi::CallbackInfo &info)
{
    struct nv_error error = {};
    const int id = nv_rules_interface(Live(info.Env()), Text(info[0], "name").c_str(), &error);
    Done(info, id, error);
    return Napi::Number::New(info.Env(), id);
}

/* interfaceAddress(id, address): IPv4 address as a number; 0: none */
Napi::Value Rules::InterfaceAddress(const Napi::CallbackInfo &info)
{
    struct nv_error error = {};
    const int result =
        nv_rules_interface_address(Live(info.Env()), Word(info[0], "id"), Word(info[1], "address"), &error);
    return Done(info, result, error);
}

/* tableCreate(id, type, flowFields, limit) */
Napi::Value Rules::TableCreate(const Napi::CallbackInfo &info)
{
    struct nv_error error = {};
    const int result = nv_rules_table_create(Live(info.Env()), Word(info[0], "id"), Word(info[1], "type"),
                                             Word(info[2], "flowFields"), Word(info[3], "limit"), &error);
    return Done(info, result, error);
}

Napi::Value Rules::TableDestroy(const Napi::CallbackInfo &info)
{
    struct nv_error error = {};
    return Done(info, nv_rules_table_destroy(Live(info.Env()), Word(info[0], "id"), &error), error);
}

Napi::Value Rules::TableLimit(const Napi::CallbackInfo &info)
{
    struct nv_error error = {};
    const int result = nv_rules_table_limit(Live(info.Env()), Word(info[0], "id"), Word(info[1], "limit"), &error);
    return Done(info, result, error);
}

Napi::Value Rules::TableSwap(const Napi::CallbackInfo &info)
{
    struct nv_error error = {};
    const int result = nv_rules_table_swap(Live(info.Env()), Word(info[0], "a"), Word(info[1], "b"), &error);
    return Done(info, result, error);
}

/* tableUpdate(update): the error's `entry` is the index of the entry at fault */
Napi::Value Rules::TableUpdate(const Napi::CallbackInfo &info)
{
    const Span<uint8_t> bytes = Bytes(info[0], "update");
    const std::vector<uint64_t> words = Aligned(bytes);
    struct nv_error error = {};
    uint32_t entry = 0;
    const int result = nv_rules_table_update(Live(info.Env()), words.data(), bytes.length, &entry, &error);
    if (result < 0) {
        throw WithEntry(MakeError(info.Env(), result, error), entry);
    }
    return info.Env().Undefined();
}

/* tableCount(id): entries, undefined when there is no such table */
Napi::Value Rules::TableCount(const Napi::CallbackInfo &info)
{
    const int64_t count = nv_rules_table_count(Live(info.Env()), Word(info[0], "id"));
    return count < 0 ? info.Env().Undefined() : Napi::Number::New(info.Env(), static_cast<double>(count));
}

/* natConfig(nat): make or replace an instance */
Napi::Value Rules::NatConfig(const Napi::CallbackInfo &info)
{
    const Span<uint8_t> bytes = Bytes(info[0], "nat");
    const std::vector<uint64_t> words = Aligned(bytes);
    struct nv_error error = {};
    return Done(info, nv_rules_nat_config(Live(info.Env()), words.data(), bytes.length, &error), error);
}

Napi::Value Rules::NatDelete(const Napi::CallbackInfo &info)
{
    struct nv_error error = {};
    return Done(info, nv_rules_nat_delete(Live(info.Env()), Word(info[0], "id"), &error), error);
}

/* natLog(id): how many links the instance has, in libalias' words */
Napi::Value Rules::NatLog(const Napi::CallbackInfo &info)
{
    struct nv_rules_nat_stats stats;
    struct nv_error error = {};
    Done(info, nv_rules_nat_links(Live(info.Env()), Word(info[0], "id"), &stats, &error), error);
    const uint32_t total = stats.icmp + stats.udp + stats.tcp + stats.sctp + stats.other + stats.fragments;
    char text[200];
    std::snprintf(text, sizeof(text),
                  "icmp=%u, udp=%u, tcp=%u, sctp=%u, pptp=0, proto=%u, frag_id=%u frag_ptr=0 / tot=%u", stats.icmp,
                  stats.udp, stats.tcp, stats.sctp, stats.other, stats.fragments, total);
    return Napi::String::New(info.Env(), text);
}

/* counters(): one {id, number, set, disabled, packets, bytes, last} a rule, in order; last in nanoseconds */
Napi::Value Rules::Counters(const Napi::CallbackInfo &info)
{
    std::vector<struct nv_rules_counter> counters(nv_rules_counters(Live(info.Env()), nullptr, 0));
    const uint32_t rules = nv_rules_counters(rules_, counters.data(), static_cast<uint32_t>(counters.size()));
    Napi::Array out = Napi::Array::New(info.Env(), counters.size());
    for (uint32_t i = 0; i < counters.size() && i < rules; i++) {
        const struct nv_rules_counter &counter = counters[i];
        Napi::Object one = Napi::Object::New(info.Env());
        one.Set("id", counter.id);
        one.Set("number", static_cast<uint32_t>(counter.number));
        one.Set("set", static_cast<uint32_t>(counter.set));
        one.Set("disabled", counter.disabled != 0);
        one.Set("packets", Napi::BigInt::New(info.Env(), counter.packets));
        one.Set("bytes", Napi::BigInt::New(info.Env(), counter.bytes));
        one.Set("last", Napi::BigInt::New(info.Env(), counter.last_ns));
        out.Set(i, one);
    }
    return out;
}

/* zero(ids?, logOnly): ids undefined: all rules */
Napi::Value Rules::Zero(const Napi::CallbackInfo &info)
{
    const std::vector<uint32_t> ids = Ids(info[0]);
    struct nv_error error = {};
    if (!info[0].IsUndefined() && ids.empty())
        return info.Env().Undefined();
    const int result = nv_rules_zero(Live(info.Env()), ids.data(), static_cast<uint32_t>(ids.size()),
                                     info[1].ToBoolean().Value(), &error);
    return Done(info, result, error);
}

/* states(now, expired): the dynamic states; see rules_packet.cc for their members */
Napi::Value Rules::States(const Napi::CallbackInfo &info)
{
    Napi::Array out = Napi::Array::New(info.Env());
    const auto add = [](void *arg, const struct nv_rules_state *state) {
        Napi::Array *list = static_cast<Napi::Array *>(arg);
        list->Set(list->Length(), StateObject(list->Env(), *state));
        return 0;
    };
    nv_rules_states(Live(info.Env()), Big(info[0], "now"), info[1].ToBoolean().Value(), add, &out);
    return out;
}

Napi::Value Rules::StateCount(const Napi::CallbackInfo &info)
{
    return Napi::Number::New(info.Env(), nv_rules_state_count(Live(info.Env())));
}

/* tagged(): IP packets behind VLAN tags that the rules did not look behind */
Napi::Value Rules::Tagged(const Napi::CallbackInfo &info)
{
    return Napi::Number::New(info.Env(), static_cast<double>(nv_rules_tagged(Live(info.Env()))));
}

/* stateFigures(): {states, parents, buckets, longest} */
Napi::Value Rules::StateFigures(const Napi::CallbackInfo &info)
{
    struct nv_rules_state_figures figures;
    nv_rules_measure_states(Live(info.Env()), &figures);
    Napi::Object out = Napi::Object::New(info.Env());
    out.Set("states", figures.states);
    out.Set("parents", figures.parents);
    out.Set("buckets", figures.buckets);
    out.Set("longest", figures.longest);
    return out;
}

/* deleteStates(ids?): of these rules; undefined: all. How many went. */
Napi::Value Rules::DeleteStates(const Napi::CallbackInfo &info)
{
    const std::vector<uint32_t> ids = Ids(info[0]);
    if (!info[0].IsUndefined() && ids.empty())
        return Napi::Number::New(info.Env(), 0);
    const uint32_t gone = nv_rules_states_delete(Live(info.Env()), ids.data(), static_cast<uint32_t>(ids.size()));
    return Napi::Number::New(info.Env(), gone);
}

/*
 * classify(packet): one packet; see rules_packet.cc for its members and the verdict's. A rewritten packet is
 * changed in place; what rules made besides (answers, copies, log records) is in the verdict's lists.
 */
Napi::Value Rules::Classify(const Napi::CallbackInfo &info)
{
    Live(info.Env());
    const Napi::Object record = Record(info[0], "packet");
    struct nv_rules_packet packet = ReadPacket(record);
    struct nv_rules_verdict verdict;
    events_.Begin(&packet, 1);
    nv_rules_classify(worker_, &packet, 1, &verdict);
    return VerdictObject(info.Env(), rules_, packet, verdict, events_);
}

/* classifyBatch(batch, count): see rules_batch.h. What happened besides, or undefined when nothing did. */
Napi::Value Rules::ClassifyBatch(const Napi::CallbackInfo &info)
{
    const Napi::Env env = info.Env();
    Live(env);
    RuleBatch *batch = RuleBatch::From(info[0]);
    const size_t count = static_cast<size_t>(Integer(info[1], "count", 0, static_cast<int64_t>(batch->Capacity())));
    events_.Begin(batch->Packets(), count);
    batch->Classify(env, worker_, count);
    Napi::Array more = EventArray(env, rules_, events_);
    batch->AddDetails(env, rules_, count, more);
    return more.Length() > 0 ? more : env.Undefined();
}

/* explain(packet): {verdict, steps}; changes nothing */
Napi::Value Rules::Explain(const Napi::CallbackInfo &info)
{
    const struct nv_rules_packet packet = ReadPacket(Record(info[0], "packet"));
    struct nv_rules_verdict verdict;
    struct nv_error error = {};
    Napi::Array steps = Napi::Array::New(info.Env());
    const auto step = [](void *arg, const struct nv_rules_step *one) {
        Napi::Array *list = static_cast<Napi::Array *>(arg);
        list->Set(list->Length(), StepObject(list->Env(), *one));
    };
    Done(info, nv_rules_explain(Live(info.Env()), &packet, &verdict, step, &steps, &error), error);
    Napi::Object out = Napi::Object::New(info.Env());
    out.Set("verdict", VerdictObject(info.Env(), rules_, packet, verdict, RuleEvents()));
    out.Set("steps", steps);
    return out;
}

/* tick(now): let time pass; {states, answers, events} */
Napi::Value Rules::Tick(const Napi::CallbackInfo &info)
{
    Live(info.Env());
    const uint64_t now = Big(info[0], "now");
    events_.Begin(nullptr, 0);
    const uint32_t states = nv_rules_tick(worker_, now);
    const Napi::Array events = EventArray(info.Env(), rules_, events_);
    Napi::Array answers = Napi::Array::New(info.Env(), events.Length());
    for (uint32_t i = 0; i < events.Length(); i++)
        answers.Set(i, events.Get(i).As<Napi::Object>().Get("frame"));
    Napi::Object out = Napi::Object::New(info.Env());
    out.Set("states", states);
    out.Set("answers", answers);
    out.Set("events", events);
    return out;
}

/* close(): free it. May be called again. */
Napi::Value Rules::Close(const Napi::CallbackInfo &info)
{
    CheckReturned(info.Env(), "the rule engine");
    nv_rules_worker_close(worker_);
    nv_rules_destroy(rules_);
    worker_ = nullptr;
    rules_ = nullptr;
    return info.Env().Undefined();
}

} // namespace netvale
