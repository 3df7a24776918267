/* SPDX-License-Identifier: BSD-2-Clause */
/* addon.cc - what src/native.ts gets: the classes Port and Engine, and the library's free functions. */
#include <napi.h>

#include <netvale.h>

extern "C" {
#include "port/kind.h"
}

#include "arguments.h"
#include "bridge.h"
#include "context.h"
#include "emulation.h"
#include "engine.h"
#include "error.h"
#include "namespace.h"
#include "nic.h"
#include "peer.h"
#include "plan.h"
#include "port.h"
#include "relay.h"
#include "rules.h"
#include "rules_batch.h"

namespace netvale
{

namespace
{

/* The directory argument, or NULL for the default. */
const char *Dir(const Napi::Value &value, std::string *text)
{
    if (value.IsUndefined())
        return nullptr;
    *text = Text(value, "dir");
    return text->c_str();
}

/* list(dir?): live ports. */
Napi::Value List(const Napi::CallbackInfo &info)
{
    struct Walk {
        Napi::Env env;
        Napi::Array out;
    } walk{info.Env(), Napi::Array::New(info.Env())};
    std::string dir;
    struct nv_error error = {};
    const auto add = [](void *arg, const struct nv_port_info *port) {
        Walk *self = static_cast<Walk *>(arg);
        Napi::Object one = Napi::Object::New(self->env);
        one.Set("name", port->name);
        one.Set("kind", port->kind);
        one.Set("memoryId", static_cast<uint32_t>(port->mem_id));
        one.Set("txRings", static_cast<uint32_t>(port->tx_rings));
        one.Set("rxRings", static_cast<uint32_t>(port->rx_rings));
        one.Set("txSlots", port->tx_slots);
        one.Set("rxSlots", port->rx_slots);
        one.Set("openers", port->openers);
        self->out.Set(self->out.Length(), one);
        return 0;
    };
    const int result = nv_list(Dir(info[0], &dir), add, &walk, &error);
    if (result < 0)
        throw MakeError(info.Env(), result, error);
    return walk.out;
}

/* collect(dir?): remove what dead processes left; how many things. */
Napi::Value Collect(const Napi::CallbackInfo &info)
{
    std::string dir;
    struct nv_error error = {};
    const int result = nv_gc(Dir(info[0], &dir), &error);
    if (result < 0)
        throw MakeError(info.Env(), result, error);
    return Napi::Number::New(info.Env(), result);
}

/* checkPlan(plan): throws what is wrong with it; opens nothing. */
Napi::Value CheckPlan(const Napi::CallbackInfo &info)
{
    const Plan plan(info[0]);
    struct nv_error error = {};
    const int result = nv_plan_check(plan.Get(), &error);
    if (result < 0)
        throw MakeError(info.Env(), result, error);
    return info.Env().Undefined();
}

/* kinds: [{prefix, bare, switch, link}], what a name can begin with. */
Napi::Array Kinds(Napi::Env env)
{
    Napi::Array out = Napi::Array::New(env);
    for (unsigned i = 0; i < nv_kind_count; i++) {
        const struct nv_kind *kind = nv_kinds[i];
        if (kind->prefix == nullptr)
            continue;
        Napi::Object one = Napi::Object::New(env);
        one.Set("prefix", kind->prefix);
        one.Set("bare", (kind->flags & NV_KIND_BARE) != 0);
        one.Set("switch", (kind->flags & NV_KIND_SWITCH) != 0);
        one.Set("link", (kind->flags & NV_KIND_LINK) != 0);
        out.Set(out.Length(), one);
    }
    return out;
}

/* Names of the words of a statistics page, in the order they have there. */
Napi::Array Names(Napi::Env env, const char *(*name)(unsigned))
{
    Napi::Array out = Napi::Array::New(env);
    for (unsigned i = 0; name(i) != nullptr; i++)
        out.Set(i, name(i));
    return out;
}

Napi::Object Init(Napi::Env env, Napi::Object exports)
{
    env.SetInstanceData(new Context());
    exports.Set("version", NETVALE_VERSION);
    exports.Set("Port", Port::Define(env));
    exports.Set("Bridge", Bridge::Define(env));
    exports.Set("Emulation", Emulation::Define(env));
    exports.Set("Engine", Engine::Define(env));
    exports.Set("Relay", Relay::Define(env));
    exports.Set("Rules", Rules::Define(env));
    exports.Set("RuleBatch", RuleBatch::Define(env));
    exports.Set("namespaces", NamespaceFunctions(env));
    exports.Set("nics", NicFunctions(env));
    exports.Set("kinds", Kinds(env));
    exports.Set("list", Napi::Function::New<List>(env, "list"));
    exports.Set("collect", Napi::Function::New<Collect>(env, "collect"));
    exports.Set("checkPlan", Napi::Function::New<CheckPlan>(env, "checkPlan"));
    exports.Set("socketPeer", Napi::Function::New<SocketPeer>(env, "socketPeer"));
    exports.Set("dropNames", Names(env, nv_drop_name));
    exports.Set("emulationDropNames", Names(env, nv_emu_drop_name));
    exports.Set("pageNames", Names(env, nv_page_name));
    exports.Set("portNames", Names(env, nv_port_word_name));
    exports.Set("workerNames", Names(env, nv_worker_word_name));
    exports.Set("stateNames", Names(env, nv_state_name));
    exports.Set("ruleActionNames", Names(env, nv_rules_action_name));
    exports.Set("ruleReasonNames", Names(env, nv_rules_reason_name));
    exports.Set("ruleContextBytes", static_cast<uint32_t>(sizeof(struct nv_rules_packet)));
    exports.Set("bridgeNames", Names(env, nv_bridge_word_name));
    exports.Set("relayPageNames", Names(env, nv_relay_page_name));
    exports.Set("relayNames", Names(env, nv_relay_word_name));
    exports.Set("relayMeasureNames", Names(env, nv_relay_measure_name));
    exports.Set("relayDropNames", Names(env, nv_relay_drop_name));
    return exports;
}

} // namespace

} // namespace netvale

static Napi::Object InitAddon(Napi::Env env, Napi::Object exports)
{
    return netvale::Init(env, exports);
}

NODE_API_MODULE(netvale, InitAddon)
