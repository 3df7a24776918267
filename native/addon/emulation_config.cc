/* SPDX-License-Identifier: BSD-2-Clause */
/* emulation_config.cc - see emulation_config.h. */
#include "emulation_config.h"

#include "arguments.h"

namespace netvale
{

namespace
{

constexpr int64_t MAX = int64_t{1} << 53;

/* A record's members by name; what is not there is zero. */
class Members
{
  public:
    Members(const Napi::Value &value, const char *what) : what_(what)
    {
        if (!value.IsUndefined())
            record_ = Record(value, what);
    }

    Napi::Value Get(const char *name) const
    {
        return record_.IsEmpty() ? Napi::Value() : record_.Get(name);
    }

    bool Has(const char *name) const
    {
        return !record_.IsEmpty() && !record_.Get(name).IsUndefined();
    }

    int64_t Whole(const char *name, int64_t low, int64_t high) const
    {
        return Has(name) ? Integer(Get(name), (what_ + "." + name).c_str(), low, high) : 0;
    }

    uint64_t Big(const char *name) const
    {
        return static_cast<uint64_t>(Whole(name, 0, MAX));
    }

    uint32_t Word(const char *name) const
    {
        return static_cast<uint32_t>(Whole(name, 0, UINT32_MAX));
    }

    double Real(const char *name) const
    {
        if (!Has(name))
            return 0;
        const Napi::Value value = Get(name);
        const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
        if (std::isnan(number))
            throw MakeTypeError(value.Env(), what_ + "." + name + " must be a number");
        return number;
    }

    bool Flag(const char *name) const
    {
        return Has(name) && Get(name).ToBoolean().Value();
    }

    /* Whole numbers from a Float64Array. */
    std::vector<uint64_t> Array(const char *name) const
    {
        std::vector<uint64_t> out;
        if (!Has(name))
            return out;
        const Napi::Value value = Get(name);
        const Span<double> numbers = Elements<double>(value, napi_float64_array, (what_ + "." + name).c_str());
        out.reserve(numbers.length);
        for (size_t i = 0; i < numbers.length; i++) {
            if (!(numbers.data[i] >= 0 && numbers.data[i] <= static_cast<double>(MAX)))
                throw MakeTypeError(value.Env(), what_ + "." + name + " must hold numbers from 0 to 2^53");
            out.push_back(static_cast<uint64_t>(numbers.data[i]));
        }
        return out;
    }

  private:
    Napi::Object record_;
    std::string what_;
};

struct nv_emu_codel ReadCodel(const Napi::Value &value)
{
    const Members members(value, "codel");
    struct nv_emu_codel codel = {};
    codel.target_ns = members.Big("targetNs");
    codel.interval_ns = members.Big("intervalNs");
    codel.ecn = members.Flag("ecn");
    return codel;
}

struct nv_emu_pie ReadPie(const Napi::Value &value)
{
    const Members members(value, "pie");
    struct nv_emu_pie pie = {};
    pie.target_ns = members.Big("targetNs");
    pie.update_ns = members.Big("updateNs");
    pie.max_burst_ns = members.Big("maxBurstNs");
    pie.alpha = members.Real("alpha");
    pie.beta = members.Real("beta");
    pie.max_ecn = members.Real("maxEcn");
    pie.ecn = members.Flag("ecn");
    pie.cap_drop = members.Flag("capDrop");
    pie.derandomize = members.Flag("deRandomize");
    pie.on_off = members.Flag("onOff");
    pie.departure_rate = members.Flag("departureRate");
    return pie;
}

/* A prefix of an IPv6 address as mask words. */
void Prefix(int64_t length, uint64_t out[2])
{
    for (int i = 0; i < 2; i++) {
        const int64_t bits = std::min<int64_t>(std::max<int64_t>(length - 64 * i, 0), 64);
        out[i] = bits == 0 ? 0 : ~uint64_t{0} << (64 - bits);
    }
}

} // namespace

enum nv_emu_kind Kind(const Napi::Value &value)
{
    return static_cast<enum nv_emu_kind>(Integer(value, "kind", NV_EMU_PIPE, NV_EMU_SCHED));
}

unsigned Number(const Napi::Value &value)
{
    return static_cast<unsigned>(Integer(value, "number", 0, UINT16_MAX));
}

void LinkConfig::ReadImpairments(const Napi::Object &record)
{
    const Members members(record, "link");
    struct nv_emu_impairments &impair = link.impair;
    impair.jitter = static_cast<uint8_t>(members.Whole("jitter", 0, UINT8_MAX));
    impair.jitter_ns = members.Big("jitterNs");
    impair.reorders = members.Flag("reorders");
    impair.reorder = members.Real("reorder");
    impair.reorder_gap = members.Word("reorderGap");
    impair.duplicate = members.Real("duplicate");
    impair.corrupt = members.Real("corrupt");
    impair.loss = static_cast<uint8_t>(members.Whole("loss", 0, UINT8_MAX));
    impair.bit_errors = members.Real("bitErrors");
    impair.overhead = static_cast<int32_t>(members.Whole("overhead", INT32_MIN, INT32_MAX));
    impair.cell_size = members.Word("cellSize");
    impair.cell_overhead = members.Word("cellOverhead");
    impair.trace_once = members.Flag("traceOnce");
    impair.slot_min_ns = members.Big("slotMinNs");
    impair.slot_max_ns = members.Big("slotMaxNs");
    impair.slot_packets = members.Word("slotPackets");
    impair.slot_bytes = members.Word("slotBytes");
    if (members.Has("jitterTable")) {
        const Span<int16_t> table = Elements<int16_t>(members.Get("jitterTable"), napi_int16_array, "link.jitterTable");
        table_.assign(table.data, table.data + table.length);
    }
    if (members.Has("markov")) {
        const Span<double> p = Elements<double>(members.Get("markov"), napi_float64_array, "link.markov");
        if (p.length != 5)
            throw MakeTypeError(record.Env(), "link.markov must hold 5 probabilities");
        std::copy(p.data, p.data + p.length, impair.markov);
    }
    if (members.Has("lossBits"))
        bits_ = Text(members.Get("lossBits"), "link.lossBits");
    list_ = members.Array("lossList");
    trace_ = members.Array("traceNs");
    impair.jitter_table = table_.data();
    impair.jitter_count = static_cast<uint32_t>(table_.size());
    impair.trace_ns = trace_.data();
    impair.trace_count = static_cast<uint32_t>(trace_.size());
    impair.loss_list = list_.data();
    impair.loss_bits = bits_.c_str();
    impair.loss_count = static_cast<uint32_t>(impair.loss == NV_EMU_LOSS_BITS ? bits_.size() : list_.size());
}

LinkConfig::LinkConfig(const Napi::Value &value)
{
    const Members members(value, "link");
    link.bandwidth = members.Big("bandwidth");
    link.delay_ns = members.Big("delayNs");
    link.burst_bytes = members.Big("burstBytes");
    profile_ = members.Array("profileNs");
    link.profile_ns = profile_.data();
    link.profile_count = static_cast<uint32_t>(profile_.size());
    link.profile_loss_level = members.Word("profileLossLevel");
    if (value.IsObject())
        ReadImpairments(value.As<Napi::Object>());
}

struct nv_emu_mask ReadMask(const Napi::Value &value)
{
    const Members members(value, "mask");
    struct nv_emu_mask mask = {};
    mask.src4 = members.Word("srcIp");
    mask.dst4 = members.Word("dstIp");
    Prefix(members.Whole("srcIp6", 0, 128), mask.src6);
    Prefix(members.Whole("dstIp6", 0, 128), mask.dst6);
    mask.src_port = static_cast<uint16_t>(members.Whole("srcPort", 0, UINT16_MAX));
    mask.dst_port = static_cast<uint16_t>(members.Whole("dstPort", 0, UINT16_MAX));
    mask.proto = static_cast<uint8_t>(members.Whole("proto", 0, UINT8_MAX));
    mask.flow_id = members.Word("flowId");
    mask.queue = members.Flag("queue");
    return mask;
}

struct nv_emu_flowset ReadFlowset(const Napi::Value &value)
{
    const Members members(value, "flowset");
    struct nv_emu_flowset set = {};
    set.limit = members.Big("limit");
    set.limit_kind = static_cast<uint8_t>(members.Whole("limitKind", 0, UINT8_MAX));
    set.management = static_cast<uint8_t>(members.Whole("management", 0, UINT8_MAX));
    set.no_error = members.Flag("noError");
    set.plr = members.Real("plr");
    if (members.Has("gilbert")) {
        const Members gilbert(members.Get("gilbert"), "flowset.gilbert");
        set.gilbert = true;
        set.good = gilbert.Real("good");
        set.to_bad = gilbert.Real("toBad");
        set.bad = gilbert.Real("bad");
        set.to_good = gilbert.Real("toGood");
    }
    set.weight = members.Word("weight");
    set.lmax = members.Word("lmax");
    if (members.Has("mask"))
        set.mask = ReadMask(members.Get("mask"));
    if (members.Has("red")) {
        const Members red(members.Get("red"), "flowset.red");
        set.red.weight = red.Real("weight");
        set.red.min_threshold = red.Real("minThreshold");
        set.red.max_threshold = red.Real("maxThreshold");
        set.red.max_probability = red.Real("maxProbability");
        set.red.ecn = red.Flag("ecn");
        set.red.average_packet = red.Word("averagePacket");
        set.red.max_packet = red.Word("maxPacket");
    }
    if (members.Has("codel"))
        set.codel = ReadCodel(members.Get("codel"));
    if (members.Has("pie"))
        set.pie = ReadPie(members.Get("pie"));
    return set;
}

struct nv_emu_sched ReadSched(const Napi::Value &value)
{
    const Members members(value, "sched");
    struct nv_emu_sched sched = {};
    sched.type = static_cast<uint8_t>(members.Whole("type", 0, UINT8_MAX));
    sched.quantum = members.Word("quantum");
    sched.limit = members.Word("limit");
    sched.flows = members.Word("flows");
    if (members.Has("mask"))
        sched.mask = ReadMask(members.Get("mask"));
    if (members.Has("codel"))
        sched.codel = ReadCodel(members.Get("codel"));
    if (members.Has("pie"))
        sched.pie = ReadPie(members.Get("pie"));
    return sched;
}

} // namespace netvale
