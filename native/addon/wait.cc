/* SPDX-License-Identifier: BSD-2-Clause */
/* wait.cc - waiting for a port: blocking, or armed and watched by the waiter's thread; see port.h and waiter.h. */
#include "port.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <poll.h>

#include "arguments.h"
#include "context.h"
#include "error.h"

namespace netvale
{

namespace
{

int Events(const Napi::Value &value)
{
    return static_cast<int>(Integer(value, "events", 0, POLLIN | POLLOUT)) & (POLLIN | POLLOUT);
}

} // namespace

/* setWaitMode(0 adaptive, 1 sleep, 2 busy) */
Napi::Value Port::SetWaitMode(const Napi::CallbackInfo &info)
{
    const int64_t mode = Integer(info[0], "wait mode", NV_WAIT_ADAPTIVE, NV_WAIT_BUSY);
    nv_set_wait_mode(Live(info.Env()), static_cast<enum nv_wait_mode>(mode));
    return info.Env().Undefined();
}

/* waitSync(events, nanoseconds): block. Returns the events that are true; 0 after the time, or on a signal. */
Napi::Value Port::WaitSync(const Napi::CallbackInfo &info)
{
    struct nv_port *port = Live(info.Env());
    const int64_t timeout = Integer(info[1], "time", -1, INT64_C(1) << 53);
    const auto start = std::chrono::steady_clock::now();
    int result;
    for (int64_t left = timeout;;) {
        result = nv_wait(port, Events(info[0]), left);
        CheckGone(info.Env());
        if (result != POLLERR || left == 0)
            break; // else a ring was in an impossible state and was set right: look again
        const auto passed = std::chrono::steady_clock::now() - start;
        left = timeout < 0 ? timeout : std::max<int64_t>(0, timeout - std::chrono::nanoseconds(passed).count());
    }
    if (result < 0 && result != -EINTR)
        throw MakeError(info.Env(), -result, std::string(nv_name(port)) + ": cannot wait");
    return Napi::Number::New(info.Env(), result < 0 ? 0 : result);
}

/* arm(events): the events that are already true, or 0: then watch. */
Napi::Value Port::Arm(const Napi::CallbackInfo &info)
{
    struct nv_port *port = Live(info.Env());
    const int result = nv_arm(port, Events(info[0]));
    if (result & POLLERR)
        CheckGone(info.Env());
    if (result < 0)
        throw MakeError(info.Env(), -result, std::string(nv_name(port)) + ": cannot wait");
    return Napi::Number::New(info.Env(), result);
}

/* watch(wake): call wake() once when it is time to arm again. Returns a number for cancel. */
Napi::Value Port::Watch(const Napi::CallbackInfo &info)
{
    struct nv_port *port = Live(info.Env());
    if (!info[0].IsFunction())
        throw MakeTypeError(info.Env(), "wake must be a function");
    Context &context = ContextOf(info.Env());
    if (!context.waiter) {
        context.waiter = std::make_shared<Waiter>(info.Env());
        info.Env().AddCleanupHook([waiter = context.waiter] { waiter->End(); });
    }
    auto wake = std::make_shared<Napi::FunctionReference>(Napi::Persistent(info[0].As<Napi::Function>()));
    const uint64_t id =
        context.waiter->Watch(info.Env(), nv_fd(port), nv_sleep_limit_ns(port), [wake](Napi::Env) { wake->Call({}); });
    return Napi::Number::New(info.Env(), static_cast<double>(id));
}

/* cancel(number): the watch is over. Works on a closed port, too. */
Napi::Value Port::Cancel(const Napi::CallbackInfo &info)
{
    const int64_t id = Integer(info[0], "watch", 1, INT64_C(1) << 53);
    Context &context = ContextOf(info.Env());
    if (context.waiter)
        context.waiter->Cancel(info.Env(), static_cast<uint64_t>(id));
    return info.Env().Undefined();
}

} // namespace netvale
