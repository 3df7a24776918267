/* SPDX-License-Identifier: BSD-2-Clause */
/* log.c - see log.h. */
#include "relay/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
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
    if (log->packets)
        nv_capture_flush(log->packets, NULL); /* what it cannot write, later calls return, and those are counted */
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

void relay_log_match(struct relay_log *log, uint64_t now_ns, unsigned from, const struct nv_rules_packet *packet,
                     unsigned rule, uint32_t where)
{
    if (log->fd >= 0 && where & 1)
        put(log, now_ns, "log", "\"from\":%u,\"bytes\":%u,\"rule\":%u}\n", from, packet->length, rule);
    if (!log->packets || !(where & 2))
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
    if (nv_capture_write(log->packets, &written, 1, NULL) < 0)
        log->lost++;
}

int relay_log_packets(struct relay_log *log, const char *path, const char *const names[], unsigned count,
                      struct nv_error *err)
{
    struct nv_capture_interface interfaces[RELAY_LOG_PORTS] = {{{0}, 0, 0}};
    const struct nv_capture_options options = {
        .format = NV_CAPTURE_PCAPNG, .interfaces = interfaces, .interface_count = count};

    for (unsigned i = 0; i < count; i++) {
        interfaces[i].link_type = NV_CAPTURE_ETHERNET;
        strncpy(interfaces[i].name, names[i], NV_CAPTURE_NAME - 1);
    }
    log->interfaces = count;
    return nv_capture_create(path, &options, &log->packets, err);
}

int relay_log_close(struct relay_log *log, struct nv_error *err)
{
    relay_log_flush(log);
    int error = nv_capture_finish(log->packets, err);
    log->packets = NULL;
    return error;
}
