/* SPDX-License-Identifier: BSD-2-Clause */
/* plan.c - defaults and checks of a plan. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "engine/clock.h"
#include "engine/engine.h"
#include "engine/pacer.h"
#include "memory/error.h"
#include "port/kind.h"

#define THREADS_MAX 16u
#define BURST_MAX   65536u

#define NAME(id, name) name,
static const char *const role_names[] = {NV_ROLES(NAME)};
#undef NAME

const char *nv_role_name(unsigned role)
{
    return role < NV_ROLE_COUNT ? role_names[role] : NULL;
}

void nv_plan_default(struct nv_plan *plan, enum nv_role role)
{
    memset(plan, 0, sizeof(*plan));
    plan->role = role;
    plan->threads = 1;
    plan->cpu = -1;
    plan->timeout_ns = NV_SECOND;
    plan->dump_fd = plan->log_fd = -1;
    nv_traffic_default(&plan->traffic, 4);
}

static bool sends(enum nv_role role)
{
    return role == NV_ROLE_TX || role == NV_ROLE_TXSEQ || role == NV_ROLE_PING;
}

static int check_profile(const struct nv_plan *plan, struct nv_error *err)
{
    if (plan->rate > NV_RATE_MAX)
        return nv_fail(err, EINVAL, "bad rate %lu: expected at most %lu packets per second", plan->rate, NV_RATE_MAX);
    if (plan->rate && plan->ramp_steps)
        return nv_fail(err, EINVAL, "a rate and a rate profile exclude each other");
    if (plan->ramp_steps && !plan->ramp)
        return nv_fail(err, EINVAL, "the rate profile is missing");
    for (size_t i = 0; i < plan->ramp_steps; i++) {
        const struct nv_rate_step *step = &plan->ramp[i];
        if (step->from > NV_RATE_MAX || step->to > NV_RATE_MAX)
            return nv_fail(err, EINVAL, "step %zu of the rate profile: at most %lu packets per second", i + 1,
                           NV_RATE_MAX);
        if (step->duration_ns == 0)
            return nv_fail(err, EINVAL, "step %zu of the rate profile lasts no time", i + 1);
        if (step->from != step->to && step->duration_ns > NV_RAMP_MAX)
            return nv_fail(err, EINVAL, "step %zu of the rate profile: a rise or fall may take at most three days",
                           i + 1);
    }
    return 0;
}

static int check_threads(const struct nv_plan *plan, struct nv_error *err)
{
    long have = sysconf(_SC_NPROCESSORS_CONF);

    if (plan->threads < 1 || plan->threads > THREADS_MAX)
        return nv_fail(err, EINVAL, "bad number of threads %u: expected 1 to %u", plan->threads, THREADS_MAX);
    if (plan->threads > 1 && (plan->role == NV_ROLE_PING || plan->role == NV_ROLE_PONG))
        return nv_fail(err, EINVAL, "%s runs on one thread only", nv_role_name(plan->role));
    if (plan->cpus > (unsigned long)have)
        return nv_fail(err, EINVAL, "%u processors asked for, there are %ld", plan->cpus, have);
    if (plan->cpu < -1 || plan->cpu >= have)
        return nv_fail(err, EINVAL, "no processor %d: there are %ld, counted from 0", plan->cpu, have);
    return 0;
}

/* Is this the name of a switch's port? */
static bool to_switch(const char *port)
{
    const struct nv_kind *kind = nv_kind_find(port, strcspn(port, ":"));

    return kind && (kind->flags & NV_KIND_SWITCH);
}

int nv_plan_check(const struct nv_plan *plan, struct nv_error *err)
{
    if (!plan->port || !plan->port[0])
        return nv_fail(err, EINVAL, "no port given");
    if ((unsigned)plan->role >= NV_ROLE_COUNT)
        return nv_fail(err, EINVAL, "no such function: %u", (unsigned)plan->role);
    if (check_threads(plan, err) || check_profile(plan, err))
        return -EINVAL;
    if (plan->burst > BURST_MAX)
        return nv_fail(err, EINVAL, "bad burst %u: expected at most %u", plan->burst, BURST_MAX);
    if (plan->options & ~(uint32_t)NV_OPT_ALL)
        return nv_fail(err, EINVAL, "unknown option bits %u in %u", plan->options & ~(uint32_t)NV_OPT_ALL,
                       plan->options);
    if (plan->options & NV_OPT_DUMP && plan->dump_fd < 0)
        return nv_fail(err, EINVAL, "packets shall be dumped, but there is nowhere to write them");
    if (plan->options & NV_OPT_INDIRECT && !to_switch(plan->port))
        return nv_fail(err, EINVAL, "%s: indirect buffers are for sending on VALE ports only", plan->port);
    if (plan->options & NV_OPT_INDIRECT && plan->rules)
        return nv_fail(err, EINVAL, "%s: indirect buffers cannot be filtered by rules", plan->port);
    if (plan->role == NV_ROLE_PING && plan->timeout_ns == 0)
        return nv_fail(err, EINVAL, "a ping needs a time-out above 0");
    if (plan->role == NV_ROLE_PING && plan->traffic.frags > 1)
        return nv_fail(err, EINVAL, "pings are sent in one piece, not in %u fragments", plan->traffic.frags);
    if (!sends(plan->role))
        return 0;
    if (nv_traffic_check(&plan->traffic, err))
        return -EINVAL;
    if (plan->options & NV_OPT_RUBBISH)
        return 0; /* nothing is written into the packets */
    return nv_traffic_fits(&plan->traffic, plan->role != NV_ROLE_TX || plan->options & NV_OPT_TS, err);
}
