// SPDX-License-Identifier: BSD-2-Clause
// pipe show, queue show, sched show: the objects as ipfw prints them, with their flows where links run.
import { maskBits, printIp6 } from './address.js';
import type {
  CodelParameters,
  DummynetConfig,
  DummynetKind,
  FlowMask,
  PieParameters,
  QueueManagement,
  SchedulerType,
} from './dummynet.js';
import { DUMMYNET_LIMITS, rateOf } from './dummynet.js';
import type { DummynetObjects } from './dummynet-objects.js';
import type { DummynetEngine, FlowQueue } from './engine.js';
import { printFlows, sortFlows } from './print-flows.js';
import { printImpairments } from './print-impairments.js';
import type { Range } from './ranges.js';

const ID = DUMMYNET_LIMITS.maxNumber + 1;
const hex = (value: number, digits: number): string => `0x${value.toString(16).padStart(digits, '0')}`;
const number5 = (value: number): string => String(value).padStart(5, '0');
function ms(us: number): string {
  if (us === 0) return '0';
  return us < 1000 ? `${us}us` : us < 1e6 ? `${us / 1000}ms` : `${us / 1e6}s`;
}

function bandwidth(bits: number): string {
  if (bits === 0) return 'unlimited     ';
  const units = [
    [1e9, 'Gbit/s'],
    [1e6, 'Mbit/s'],
    [1e3, 'Kbit/s'],
    [1, 'bit/s '],
  ] as const;
  const [scale, unit] = units.find(([least]) => bits >= least) ?? units[3];
  return `${(bits / scale).toFixed(3).padStart(7)} ${unit}`;
}

/** 00001:   1.000 Mbit/s   10 ms burst 0 */
function printLink(number: number, config: DummynetConfig): string[] {
  const lines = [
    `${number5(number)}: ${bandwidth(rateOf(config))} ${String(config.delayMs ?? 0).padStart(4)} ms burst ${config.burstBytes ?? 0} `,
  ];
  const { profile } = config;
  if (profile) {
    const loss = (profile.lossLevel / profile.samplesMs.length).toFixed(6);
    lines.push(`\t profile: name "${profile.name}" loss ${loss} samples ${profile.samplesMs.length}`);
  }
  lines.push(...printImpairments(config));
  return lines;
}

export function printMask(mask: FlowMask): string {
  const queue = mask.queue ? 'queue,' : '';
  if (mask.family === 4)
    return `    mask: ${queue} ${hex(mask.proto, 2)} ${hex(mask.srcIp, 8)}/${hex(mask.srcPort, 4)} -> ${hex(mask.dstIp, 8)}/${hex(mask.dstPort, 4)}`;
  const [src, dst] = [mask.srcIp6, mask.dstIp6].map((bits) => printIp6(maskBits(bits, 128)));
  return (
    `\n        mask: ${queue}proto: ${hex(mask.proto, 2)}, flow_id: ${hex(mask.flowId, 8)},  ` +
    `${src}/${hex(mask.srcPort, 4)} -> ${dst}/${hex(mask.dstPort, 4)}`
  );
}

const codelValues = ({ target, interval }: CodelParameters): string =>
  `target ${ms(target)} interval ${ms(interval)}`;
const ecnText = ({ ecn }: { ecn: boolean }): string => (ecn ? 'ECN' : 'NoECN');
const pieValues = ({ target, tupdate, alpha, beta, maxBurst, maxEcnThreshold }: PieParameters): string =>
  `target ${ms(target)} tupdate ${ms(tupdate)} alpha ${alpha} beta ${beta} max_burst ${ms(maxBurst)} max_ecnth ${maxEcnThreshold}`;
const pieSwitches = (pie: PieParameters): string =>
  [
    ecnText(pie),
    pie.capDrop ? 'CapDrop' : 'NoCapDrop',
    ...(pie.onOff ? ['OnOff'] : []),
    pie.departureRate ? 'DRE' : 'TS',
    pie.deRandomize ? 'Derand' : 'NoDerand',
  ].join(' ');

function printManagement(management: QueueManagement | undefined): string {
  switch (management?.kind) {
    case 'red':
    case 'gred': {
      const { weight, minThreshold, maxThreshold, maxProbability } = management.red;
      const name = management.kind === 'gred' ? 'GRED' : ' RED';
      return `\n\t ${name} w_q ${weight.toFixed(6)} min_th ${minThreshold} max_th ${maxThreshold} max_p ${maxProbability.toFixed(6)}${management.ecn ? ' (ecn)' : ''}`;
    }
    case 'codel':
      return ` AQM CoDel ${codelValues(management.codel)} ${ecnText(management.codel)}`;
    case 'pie':
      return ` AQM type PIE ${pieValues(management.pie)} ${pieSwitches(management.pie)}`;
    default:
      return 'droptail';
  }
}

function queueSize({ queue }: DummynetConfig): string {
  if (!queue || 'slots' in queue) return `${String(queue?.slots ?? 50).padStart(3)} sl.`;
  if ('ms' in queue) return `${queue.ms} ms`;
  return queue.bytes >= 8192 ? `${Math.trunc(queue.bytes / 1024)} KB` : `${queue.bytes} B`;
}

function lossText({ loss }: DummynetConfig): string {
  if (!loss) return '';
  if ('random' in loss) return loss.random > 0 ? `plr ${loss.random.toFixed(6)}` : '';
  const chances = [loss.good, loss.toBad, loss.bad, loss.toGood].map((chance) => chance.toFixed(6));
  return `plr ${loss.toBad === 0 ? chances[0] : chances.join(',')}`;
}

/** Weight and lmax a queue has when it was given none. */
const SCHEDULER_DEFAULTS: Record<SchedulerType, [weight: number, lmax: number]> = {
  fifo: [0, 0],
  'wf2q+': [1, 0],
  rr: [1, 1500],
  qfq: [1, 1500],
  prio: [0, 0],
  fq_codel: [0, 0],
  fq_pie: [0, 0],
};

function printFlowset(
  number: number,
  config: DummynetConfig,
  scheduler: number,
  type: SchedulerType,
  { mask, flows = 0 }: { mask?: FlowMask | undefined; flows?: number },
): string[] {
  const [weight, lmax] = SCHEDULER_DEFAULTS[type];
  const lines = [
    `q${number5(number)} ${queueSize(config)}${lossText(config)} ${flows} flows (${mask ? (config.buckets ?? 64) : 1} buckets) sched ${scheduler} ` +
      `weight ${config.weight ?? weight} lmax ${config.maxLength ?? lmax} pri ${config.priority ?? 0} ${printManagement(config.management)}`,
  ];
  if (mask) lines.push(printMask(mask));
  return lines;
}

function printScheduler(
  number: number,
  type: SchedulerType,
  mask: FlowMask | undefined,
  buckets = 64,
  active = 0,
  parameters: string[] = [],
): string[] {
  const lines = [
    ` sched ${number} type ${type.toUpperCase()} flags ${hex(mask ? 1 : 0, 1)} ${mask ? buckets : 0} buckets ${active} active`,
    ...parameters,
  ];
  if (mask) lines.push(printMask(mask));
  return lines;
}

function printFair(config: DummynetConfig): string[] {
  const { fair, management } = config;
  if (!fair || (management?.kind !== 'codel' && management?.kind !== 'pie')) return [];
  const sizes = `quantum ${fair.quantum} limit ${fair.limit} flows ${fair.flows}`;
  return management.kind === 'codel'
    ? [` FQ_CODEL ${codelValues(management.codel)} ${sizes} ${ecnText(management.codel)}`]
    : [`  FQ_PIE ${pieValues(management.pie)} ${sizes} ${pieSwitches(management.pie)}`];
}

/** Scheduler N as configured, or the one that comes with pipe N. */
const schedulerType = (objects: DummynetObjects, number: number): SchedulerType =>
  objects.get('sched', number)?.scheduler ?? 'wf2q+';

/** What of a pipe's parameters belongs to its link. */
function linkOf(config: DummynetConfig): DummynetConfig {
  const { bandwidth: bits = 0, delayMs = 0, burstBytes = 0, profile } = config;
  const { jitter, reorder, duplicate, corrupt, linkLoss, overhead, framing, trace, slot } = config;
  const given = { profile, jitter, reorder, duplicate, corrupt, linkLoss, overhead, framing, trace, slot };
  const present = Object.entries(given).filter(([, value]) => value !== undefined);
  return { bandwidth: bits, delayMs, burstBytes, ...Object.fromEntries(present) };
}

/** Schedulers were configured, or came with the pipe of their number; both share that number's link. */
function schedulers(objects: DummynetObjects, ranges: readonly Range[]): [number, DummynetConfig][] {
  const links = new Map(
    objects
      .all('pipe', ranges)
      .map(([number, config]) => [number, linkOf(config)] as [number, DummynetConfig]),
  );
  for (const [number, config] of objects.all('sched', ranges))
    links.set(number, { ...config, ...links.get(number) });
  return [...links].sort(([a], [b]) => a - b);
}

const alive = (flows: readonly FlowQueue[]): number => flows.filter(({ expired }) => !expired).length;

/** `sort`: counter that flows are sorted by (-s). */
export function printObjects(
  objects: DummynetObjects,
  kind: DummynetKind,
  ranges: readonly Range[],
  { engine, sort = 0 }: { engine?: DummynetEngine | undefined; sort?: number } = {},
): string {
  const chosen = kind === 'sched' ? schedulers(objects, ranges) : objects.all(kind, ranges);
  const lines = chosen.flatMap(([number, config]) => {
    if (kind === 'pipe') {
      const mask = config.schedMask ?? config.mask;
      const flows = sortFlows(engine?.flows('pipe', number) ?? [], sort);
      return [
        ...printLink(number, config),
        ...printFlowset(number + 2 * ID, config, number + ID, 'fifo', {}),
        ...printScheduler(number + ID, 'fifo', mask, config.buckets, alive(flows)),
        ...printFlows(flows),
      ];
    }
    if (kind === 'queue') {
      const parent = config.parent!;
      const flows = sortFlows(engine?.flows('queue', number) ?? [], sort);
      return [
        ...printFlowset(number, config, parent, schedulerType(objects, parent), {
          mask: config.flowMask ?? config.mask,
          flows: alive(flows),
        }),
        ...printFlows(flows),
      ];
    }
    const children = objects.all('queue').filter(([, queue]) => queue.parent === number);
    const active = engine?.links('sched', number).length ?? 0;
    const mask = config.schedMask ?? config.mask;
    return [
      ...printLink(number, config),
      ...printScheduler(number, config.scheduler ?? 'wf2q+', mask, config.buckets, active, printFair(config)),
      ...(children.length > 0
        ? [`   Children flowsets: ${children.map(([child]) => `${child} `).join('')}`]
        : []),
    ];
  });
  return lines.map((line) => `${line}\n`).join('');
}
