/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * waiter.h - one thread per environment that sleeps in epoll for all its ports, so that waiting blocks neither the
 * event loop nor its thread pool. It only watches descriptors; rings are synced on the JavaScript thread alone.
 */
#ifndef NETVALE_ADDON_WAITER_H
#define NETVALE_ADDON_WAITER_H

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include <napi.h>

namespace netvale
{

class Waiter
{
  public:
    explicit Waiter(Napi::Env env);
    ~Waiter();

    /* Stop the thread; must come before the environment takes its thread-safe functions down. May be called again. */
    void End();

    Waiter(const Waiter &) = delete;
    Waiter &operator=(const Waiter &) = delete;

    /*
     * Call `wake` once, on the JavaScript thread, when fd is readable or `limit_ns` has passed. Returns a number for
     * Cancel. While a watch is pending the event loop stays alive. Throws Napi::Error when out of descriptors.
     */
    uint64_t Watch(Napi::Env env, int fd, int64_t limit_ns, std::function<void(Napi::Env)> wake);

    /* Forget a watch; its `wake` is not called any more. */
    void Cancel(Napi::Env env, uint64_t id);

  private:
    struct Pending {
        int fd;           /* a duplicate of the port's: one port may be watched twice */
        int64_t deadline; /* CLOCK_MONOTONIC nanoseconds */
        bool fired;       /* on its way to the JavaScript thread */
        std::function<void(Napi::Env)> wake;
    };

    void Loop();
    int64_t FireExpired(int64_t now); /* returns the next deadline; the lock is held */
    void Fire(uint64_t id, Pending &pending);
    void Deliver(Napi::Env env, uint64_t id);
    void Remove(Napi::Env env, uint64_t id);

    int epoll_ = -1;
    int kick_ = -1; /* eventfd: deadlines changed, or the end */
    bool ending_ = false;
    uint64_t last_id_ = 0;
    std::mutex lock_;
    std::map<uint64_t, Pending> pending_;
    Napi::ThreadSafeFunction callback_;
    std::thread thread_;
};

} // namespace netvale

#endif
