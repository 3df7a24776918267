/* SPDX-License-Identifier: BSD-2-Clause */
/* namespace.cc - see namespace.h. */
#include "namespace.h"

#include <string>
#include <vector>

#include <arpa/inet.h>

extern "C" {
#include "namespace/command.h"
}

#include "arguments.h"
#include "error.h"

namespace netvale
{

namespace
{

/* An array of strings as C wants it, ended by a null pointer. */
class Strings
{
  public:
    Strings(const Napi::Value &value, const char *what)
    {
        if (!value.IsArray())
            throw MakeTypeError(value.Env(), std::string(what) + " must be an array of strings");
        const Napi::Array from = value.As<Napi::Array>();
        for (uint32_t i = 0; i < from.Length(); i++)
            text_.push_back(Text(from.Get(i), what));
        for (std::string &one : text_)
            pointers_.push_back(one.data());
        pointers_.push_back(nullptr);
    }
    char *const *Get() const
    {
        return pointers_.data();
    }
    size_t Size() const
    {
        return text_.size();
    }

  private:
    std::vector<std::string> text_;
    std::vector<char *> pointers_;
};

std::string Address(const struct nv_prefix &block, enum nv_subnet_end end)
{
    char text[INET6_ADDRSTRLEN] = "";
    const struct nv_prefix address = nv_subnet_end(&block, end);
    inet_ntop(address.family, address.address, text, sizeof(text));
    return text;
}

/*
 * startCommand({argv, env, mtu?, resolvConf?, hosts?}): make the namespaces and the link's ends; the command waits. The
 * descriptors in the answer are the caller's to close.
 */
Napi::Value StartCommand(const Napi::CallbackInfo &info)
{
    const Napi::Env env = info.Env();
    const Napi::Object from = Record(info[0], "plan");
    const Strings argv(from.Get("argv"), "argv");
    const Strings environment(from.Get("env"), "env");
    if (argv.Size() == 0)
        throw MakeTypeError(env, "argv must not be empty");
    struct nv_command_plan plan = {};
    std::string resolv_conf;
    std::string hosts;
    plan.argv = argv.Get();
    plan.envp = environment.Get();
    if (!from.Get("mtu").IsUndefined())
        plan.mtu = static_cast<unsigned>(Integer(from.Get("mtu"), "mtu", 1280, 65521));
    if (!from.Get("resolvConf").IsUndefined()) {
        resolv_conf = Text(from.Get("resolvConf"), "resolvConf");
        plan.resolv_conf = resolv_conf.c_str();
    }
    if (!from.Get("hosts").IsUndefined()) {
        hosts = Text(from.Get("hosts"), "hosts");
        plan.hosts = hosts.c_str();
    }
    struct nv_command command;
    struct nv_error error = {};
    const int result = nv_command_start(&plan, &command, &error);
    if (result < 0)
        throw MakeError(env, result, error);
    Napi::Object out = Napi::Object::New(env);
    out.Set("pid", static_cast<int32_t>(command.pid));
    out.Set("control", command.control);
    out.Set("inside", command.inside);
    out.Set("outside", command.outside);
    out.Set("interface", static_cast<const char *>(command.ifname));
    static const char *const wider[] = {"translated", "routed", "none", "no-forward", "no-translate"};
    out.Set("wider", wider[command.wider]);
    if (command.masquerade >= 0)
        out.Set("masquerade", command.masquerade);
    out.Set("resolves", command.resolves);
    out.Set("named", command.named);
    out.Set("gateway", Address(command.subnet.v4, NV_SUBNET_OUTSIDE));
    out.Set("address", Address(command.subnet.v4, NV_SUBNET_INSIDE));
    if (command.subnet.has_v6) {
        out.Set("gateway6", Address(command.subnet.v6, NV_SUBNET_OUTSIDE));
        out.Set("address6", Address(command.subnet.v6, NV_SUBNET_INSIDE));
    }
    return out;
}

/* reapCommand(pid): once its control stream has ended. */
Napi::Value ReapCommand(const Napi::CallbackInfo &info)
{
    nv_command_reap(static_cast<pid_t>(Integer(info[0], "pid", 1, INT32_MAX)));
    return info.Env().Undefined();
}

Napi::Value TerminalForeground(const Napi::CallbackInfo &info)
{
    return Napi::Boolean::New(info.Env(), nv_terminal_foreground());
}

Napi::Value TerminalRestore(const Napi::CallbackInfo &info)
{
    nv_terminal_restore();
    return info.Env().Undefined();
}

} // namespace

Napi::Object NamespaceFunctions(Napi::Env env)
{
    Napi::Object out = Napi::Object::New(env);
    out.Set("startCommand", Napi::Function::New<StartCommand>(env, "startCommand"));
    out.Set("reapCommand", Napi::Function::New<ReapCommand>(env, "reapCommand"));
    out.Set("terminalForeground", Napi::Function::New<TerminalForeground>(env, "terminalForeground"));
    out.Set("terminalRestore", Napi::Function::New<TerminalRestore>(env, "terminalRestore"));
    return out;
}

} // namespace netvale
