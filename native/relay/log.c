/* SPDX-License-Identifier: BSD-2-Clause */
/* log.c - see log.h. */
#include "relay/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static __attribute__((format(printf, 4, 5))) void put(struct relay_log *log, uint64_t now_ns, const char *event,
                                                      const char *format, ...)
{
    va_list args;
    char line[RELAY_LOG_LINE];
    uint64_t at = now_ns > log->start_ns ? now_ns - log->start_ns : 0;

    int head = snprintf(line, sizeof(line), "{\"t_us\":%llu.%03u,\"event\":\"%s\",", (unsigned long long)(at / 1000),
                        (unsigned)(at % 1000), event);
    va_start(args, format);
    int rest = vsnprintf(line + head, sizeof(line) - (size_t)head, format, args);
    va_end(args);
    log->lost += !nv_spool_put(log->records, line, (size_t)head + (size_t)rest);
}

void relay_log_arrive(struct relay_log *log, uint64_t now_ns, unsigned from, uint32_t bytes, unsigned rule,
                      const char *verdict)
{
    if (log->records)
        put(log, now_ns, "arrive", "\"from\":%u,\"bytes\":%u,\"rule\":%u,\"verdict\":\"%s\"}\n", from, bytes, rule,
            verdict);
}

void relay_log_depart(struct relay_log *log, uint64_t now_ns, unsigned from, uint32_t bytes, uint64_t delay_ns)
{
    if (!log->records)
        return;
    if (delay_ns == UINT64_MAX)
        put(log, now_ns, "depart", "\"from\":%u,\"bytes\":%u}\n", from, bytes);
    else
        put(log, now_ns, "depart", "\"from\":%u,\"bytes\":%u,\"delay_us\":%llu.%03u}\n", from, bytes,
            (unsigned long long)(delay_ns / 1000), (unsigned)(delay_ns % 1000));
}

void relay_log_drop(struct relay_log *log, uint64_t now_ns, unsigned from, uint32_t bytes, const char *reason)
{
    if (log->records)
        put(log, now_ns, "drop", "\"from\":%u,\"bytes\":%u,\"reason\":\"%s\"}\n", from, bytes, reason);
}

void relay_log_match(struct relay_log *log, uint64_t now_ns, unsigned from, const struct nv_rules_packet *packet,
                     unsigned rule, uint32_t where)
{
    if (log->records && where & 1)
        put(log, now_ns, "log", "\"from\":%u,\"bytes\":%u,\"rule\":%u}\n", from, packet->length, rule);
    if (!log->packets.writer || !(where & 2))
        return;
    char comment[16];
    int length = snprintf(comment, sizeof(comment), "rule %u", rule);
    const struct nv_capture_packet written = {.data = packet->data,
                                              .length = packet->length,
                                              .time_ns = packet->time_ns,
                                              .interface = from % log->interfaces,
                                              .comment = comment,
                                              .comment_length = (uint32_t)length,
                                              .direction =
                                                  packet->direction == NV_RULES_OUT ? NV_CAPTURE_OUT : NV_CAPTURE_IN};
    if (nv_capture_write(log->packets.writer, &written, 1, NULL) < 0)
        log->lost++;
}

int relay_log_records(struct relay_log *log, int fd, struct nv_error *err)
{
    int own = fd < 0 ? 0 : fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (own < 0)
        return nv_fail(err, errno, "cannot write the log: %s", strerror(errno));
    return fd < 0 ? 0 : nv_spool_start(own, "the log", &log->records, err);
}

int relay_log_packets(struct relay_log *log, const char *path, const char *const names[], unsigned count,
                      struct nv_error *err)
{
    log->interfaces = count;
    return relay_file_create(&log->packets, path, names, count, err);
}

void relay_log_wake(struct relay_log *log)
{
    if (log->records)
        nv_spool_wake(log->records);
    relay_file_wake(&log->packets);
}

int relay_log_close(struct relay_log *log, struct nv_error *err)
{
    nv_spool_finish(log->records, &log->lost, NULL); /* what it could not write is counted */
    log->records = NULL;
    return relay_file_close(&log->packets, &log->lost, err);
}
