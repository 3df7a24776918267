/* SPDX-License-Identifier: BSD-2-Clause */
/* check.c - whether a configuration makes sense; the message names the parameter. */
#include <errno.h>

#include "emulation/object.h"
#include "memory/error.h"

enum { MAX_SAMPLES = 1 << 20 };

static bool is_fraction(double value)
{
    return value >= 0 && value <= 1;
}

int emu_check_number(unsigned number, struct nv_error *err)
{
    if (number >= 1 && number < EMU_NUMBERS)
        return 0;
    return nv_fail(err, EINVAL, "bad number %u: 1..%d", number, EMU_NUMBERS - 1);
}

int emu_check_link(const struct nv_emu_link *link, struct nv_error *err)
{
    if (link->bandwidth > UINT64_C(1) << 50)
        return nv_fail(err, EINVAL, "bandwidth %llu too large: at most 2^50 bit/s",
                       (unsigned long long)link->bandwidth);
    if (link->delay_ns > EMU_MAX_NS)
        return nv_fail(err, EINVAL, "delay %llu ns too long: at most 2^60 ns", (unsigned long long)link->delay_ns);
    if (link->burst_bytes >= UINT64_C(1) << 48)
        return nv_fail(err, EINVAL, "burst %llu too large: below 2^48 bytes", (unsigned long long)link->burst_bytes);
    if (link->profile_count > MAX_SAMPLES)
        return nv_fail(err, EINVAL, "profile with %u samples: at most %d", link->profile_count, MAX_SAMPLES);
    for (uint32_t i = 0; i < link->profile_count; i++)
        if (link->profile_ns[i] > EMU_MAX_NS)
            return nv_fail(err, EINVAL, "profile sample %u too long: at most 2^60 ns", i);
    const char *wrong = emu_impair_check(&link->impair);
    return wrong ? nv_fail(err, EINVAL, "%s", wrong) : 0;
}

static int check_aqm(const struct nv_emu_codel *codel, const struct nv_emu_pie *pie, struct nv_error *err)
{
    if (codel && (codel->target_ns == 0 || codel->interval_ns == 0 || codel->interval_ns > EMU_MAX_NS))
        return nv_fail(err, EINVAL, "codel: target and interval must be longer than 0");
    if (pie && (pie->target_ns == 0 || pie->update_ns == 0 || pie->update_ns > EMU_MAX_NS))
        return nv_fail(err, EINVAL, "pie: target and tupdate must be longer than 0");
    if (pie && !(pie->alpha >= 0 && pie->alpha <= 1000 && pie->beta >= 0 && pie->beta <= 1000))
        return nv_fail(err, EINVAL, "pie: alpha and beta must be in 0..1000");
    if (pie && !is_fraction(pie->max_ecn))
        return nv_fail(err, EINVAL, "pie: max_ecnth must be in 0..1");
    return 0;
}

int emu_check_flowset(const struct nv_emu_flowset *set, struct nv_error *err)
{
    const struct nv_emu_red *red = &set->red;
    if (set->limit_kind > NV_EMU_TIME)
        return nv_fail(err, EINVAL, "bad kind of limit %u", set->limit_kind);
    if (set->management > NV_EMU_PIE)
        return nv_fail(err, EINVAL, "bad queue management %u", set->management);
    if (!is_fraction(set->plr) || !is_fraction(set->good) || !is_fraction(set->bad) || !is_fraction(set->to_bad) ||
        !is_fraction(set->to_good))
        return nv_fail(err, EINVAL, "plr: probabilities must be in 0..1");
    if ((set->management == NV_EMU_RED || set->management == NV_EMU_GRED) &&
        !(red->weight > 0 && red->weight <= 1 && red->min_threshold >= 0 && red->min_threshold <= red->max_threshold &&
          red->max_threshold <= 1e18 && is_fraction(red->max_probability)))
        return nv_fail(err, EINVAL, "red: 0 < w_q <= 1, min_th <= max_th, 0 <= max_p <= 1");
    return check_aqm(set->management == NV_EMU_CODEL ? &set->codel : NULL,
                     set->management == NV_EMU_PIE ? &set->pie : NULL, err);
}

int emu_check_sched(struct nv_emu_sched *sched, struct nv_error *err)
{
    if (sched->type >= NV_EMU_SCHEDULERS)
        return nv_fail(err, EINVAL, "bad scheduler type %u", sched->type);
    if (sched->type < NV_EMU_FQ_CODEL)
        return 0;
    sched->quantum = sched->quantum ? sched->quantum : 1514;
    sched->limit = sched->limit ? sched->limit : 10240;
    sched->flows = sched->flows ? sched->flows : 1024;
    if (sched->quantum > 65535 || sched->limit > 1 << 24 || sched->flows > 65536)
        return nv_fail(err, EINVAL, "quantum up to 65535, limit up to 2^24, flows up to 65536");
    return check_aqm(sched->type == NV_EMU_FQ_CODEL ? &sched->codel : NULL,
                     sched->type == NV_EMU_FQ_PIE ? &sched->pie : NULL, err);
}
