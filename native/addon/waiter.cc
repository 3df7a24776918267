/* SPDX-License-Identifier: BSD-2-Clause */
/* waiter.cc - see waiter.h. */
#include "waiter.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <limits>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "error.h"

namespace netvale
{

namespace
{

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
constexpr uint64_t kKick = 0; /* no watch has this number */

int64_t Now()
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<int64_t>(now.tv_sec) * 1000000000 + now.tv_nsec;
}

} // namespace

Waiter::Waiter(Napi::Env env)
{
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    kick_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = {};
    event.events = EPOLLIN;
    event.data.u64 = kKick;
    if (epoll_ < 0 || kick_ < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, kick_, &event) < 0) {
        const int error = errno;
        close(epoll_);
        close(kick_);
        throw MakeError(env, error, std::string("cannot wait for ports: ") + strerror(error));
    }
    callback_ = Napi::ThreadSafeFunction::New(env, Napi::Function(), "netvale wait", 0, 1);
    callback_.Unref(env);
    thread_ = std::thread([this] { Loop(); });
}

void Waiter::End()
{
    if (!thread_.joinable())
        return;
    {
        const std::lock_guard<std::mutex> guard(lock_);
        ending_ = true;
    }
    eventfd_write(kick_, 1);
    thread_.join();
    callback_.Release();
}

Waiter::~Waiter()
{
    End();
    for (const auto &[id, pending] : pending_)
        close(pending.fd);
    close(kick_);
    close(epoll_);
}

uint64_t Waiter::Watch(Napi::Env env, int fd, int64_t limit_ns, std::function<void(Napi::Env)> wake)
{
    const int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0)
        throw MakeError(env, errno, std::string("cannot wait for the port: ") + strerror(errno));
    const int64_t deadline = limit_ns < 0 ? kNever : Now() + limit_ns;
    uint64_t id;
    {
        const std::lock_guard<std::mutex> guard(lock_);
        id = ++last_id_;
        pending_.emplace(id, Pending{own, deadline, false, std::move(wake)});
        struct epoll_event event = {};
        event.events = EPOLLIN | EPOLLONESHOT;
        event.data.u64 = id;
        if (epoll_ctl(epoll_, EPOLL_CTL_ADD, own, &event) < 0) {
            const int error = errno;
            close(own);
            pending_.erase(id);
            throw MakeError(env, error, std::string("cannot wait for the port: ") + strerror(error));
        }
        if (pending_.size() == 1)
            callback_.Ref(env);
    }
    if (deadline != kNever)
        eventfd_write(kick_, 1);
    return id;
}

void Waiter::Remove(Napi::Env env, uint64_t id)
{
    const auto found = pending_.find(id);
    if (found == pending_.end())
        return;
    epoll_ctl(epoll_, EPOLL_CTL_DEL, found->second.fd, nullptr);
    close(found->second.fd);
    pending_.erase(found);
    if (pending_.empty())
        callback_.Unref(env);
}

void Waiter::Cancel(Napi::Env env, uint64_t id)
{
    const std::lock_guard<std::mutex> guard(lock_);
    Remove(env, id);
}

void Waiter::Deliver(Napi::Env env, uint64_t id)
{
    std::function<void(Napi::Env)> wake;
    {
        const std::lock_guard<std::mutex> guard(lock_);
        const auto found = pending_.find(id);
        if (found == pending_.end())
            return; // cancelled in the meantime
        wake = std::move(found->second.wake);
        Remove(env, id);
    }
    wake(env);
}

void Waiter::Fire(uint64_t id, Pending &pending)
{
    if (pending.fired)
        return;
    pending.fired = true;
    callback_.NonBlockingCall([this, id](Napi::Env env, Napi::Function) { Deliver(env, id); });
}

int64_t Waiter::FireExpired(int64_t now)
{
    int64_t next = kNever;
    for (auto &[id, pending] : pending_) {
        if (pending.deadline <= now)
            Fire(id, pending);
        else if (!pending.fired)
            next = std::min(next, pending.deadline);
    }
    return next;
}

void Waiter::Loop()
{
    // Signals are for the threads of the program, not for this one.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    struct epoll_event events[64];
    for (;;) {
        int timeout = -1;
        {
            const std::lock_guard<std::mutex> guard(lock_);
            if (ending_)
                return;
            const int64_t now = Now();
            const int64_t next = FireExpired(now);
            if (next != kNever)
                timeout = static_cast<int>(std::min<int64_t>((next - now) / 1000000 + 1, 60000));
        }
        const int count = epoll_wait(epoll_, events, 64, timeout);
        const std::lock_guard<std::mutex> guard(lock_);
        for (int i = 0; i < count; i++) {
            if (events[i].data.u64 == kKick) {
                eventfd_t ignored;
                eventfd_read(kick_, &ignored);
                continue;
            }
            const auto found = pending_.find(events[i].data.u64);
            if (found != pending_.end())
                Fire(found->first, found->second);
        }
    }
}

} // namespace netvale
