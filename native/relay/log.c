/* SPDX-License-Identifier: BSD-2-Clause */
/* log.c - see log.h. */
#include "relay/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void relay_log_flush(struct relay_log *log)
{
    for (size_t done = 0; log->fd >= 0 && done < log->used;) {
        ssize_t wrote = write(log->fd, log->text + done, log->used - done);
        if (wrote > 0) {
            done += (size_t)wrote;
        } else if (errno != EINTR) {
            for (; done < log->used; done++)
                log->lost += log->text[done] == '\n';
        }
    }
    log->used = 0;
}

static __attribute__((format(printf, 4, 5))) void put(struct relay_log *log, uint64_t now_ns, const char *event,
                                                      const char *format, ...)
{
    va_list args;
    uint64_t at = now_ns > log->start_ns ? now_ns - log->start_ns : 0;

    if (log->used + RELAY_LOG_LINE > RELAY_LOG_SIZE)
        relay_log_flush(log);
    char *to = log->text + log->used;
    int head = snprintf(to, RELAY_LOG_LINE, "{\"t_us\":%llu.%03u,\"event\":\"%s\",", (unsigned long long)(at / 1000),
                        (unsigned)(at % 1000), event);
    va_start(args, format);
    int rest = vsnprintf(to + head, (size_t)(RELAY_LOG_LINE - head), format, args);
    va_end(args);
    log->used += (size_t)(head + rest);
}

void relay_log_arrive(struct relay_log *log, uint64_t now_ns, unsigned from, uint32_t bytes, unsigned rule,
                      const char *verdict)
{
    if (log->fd >= 0)
        put(log, now_ns, "arrive", "\"from\":%u,\"bytes\":%u,\"rule\":%u,\"verdict\":\"%s\"}\n", from, bytes, rule,
            verdict);
}

void relay_log_depart(struct relay_log *log, uint64_t now_ns, unsigned from, uint32_t bytes, uint64_t delay_ns)
{
    if (log->fd < 0)
        return;
    if (delay_ns == UINT64_MAX)
        put(log, now_ns, "depart", "\"from\":%u,\"bytes\":%u}\n", from, bytes);
    else
        put(log, now_ns, "depart", "\"from\":%u,\"bytes\":%u,\"delay_us\":%llu.%03u}\n", from, bytes,
            (unsigned long long)(delay_ns / 1000), (unsigned)(delay_ns % 1000));
}

void relay_log_drop(struct relay_log *log, uint64_t now_ns, unsigned from, uint32_t bytes, const char *reason)
{
    if (log->fd >= 0)
        put(log, now_ns, "drop", "\"from\":%u,\"bytes\":%u,\"reason\":\"%s\"}\n", from, bytes, reason);
}

void relay_log_match(struct relay_log *log, uint64_t now_ns, unsigned from, uint32_t bytes, unsigned rule)
{
    if (log->fd >= 0)
        put(log, now_ns, "log", "\"from\":%u,\"bytes\":%u,\"rule\":%u}\n", from, bytes, rule);
}
