// SPDX-License-Identifier: BSD-2-Clause
// link-echo.ts: each link as it was understood, one line in plain units.
import { OWN_FLOWS } from '../../../src/emulation/simple.js';
import { type DummynetConfig, type PacketLoss, rateOf } from '../../../src/rules/dummynet.js';
import type { DummynetObjects } from '../../../src/rules/dummynet-objects.js';
import { printImpairments } from '../../../src/rules/print-impairments.js';
import { plain, plainRate } from '../../../src/rules/units.js';

type Objects = Pick<DummynetObjects, 'get' | 'all'>;

/** Lines shown at most: with many pipes `ipfw pipe show` is the better list. */
const MOST_LINES = 16;
const SLOTS = 50;
/** "1 %" */
export const plainChance = (chance: number): string => `${plain(chance * 100, 4)} %`;

/** Chance that a packet is lost, in the long run. */
export function chanceOf(loss: PacketLoss): number {
  if ('random' in loss) return loss.random;
  const { good, toBad, bad, toGood } = loss;
  const inBad = toBad + toGood === 0 ? 0 : toBad / (toBad + toGood);
  return inBad * bad + (1 - inBad) * good;
}

function queueText({ queue }: DummynetConfig, rate: number): string {
  const inTime = (bytes: number): string => (rate > 0 ? ` (${plain((bytes * 8e3) / rate, 3)} ms)` : '');
  if (queue && 'bytes' in queue) return `queue ${queue.bytes} bytes${inTime(queue.bytes)}`;
  if (queue && 'ms' in queue) return `queue ${queue.ms} ms`;
  return `queue ${queue?.slots ?? SLOTS} packets`;
}

function lossText({ loss }: DummynetConfig): string[] {
  if (!loss) return [];
  if ('random' in loss) return loss.random > 0 ? [`loss ${plainChance(loss.random)}`] : [];
  return [`loss ${plainChance(chanceOf(loss))} in bursts`];
}

/** What a link does to packets: rate, delay, queue, loss and so on. */
export function linkText(config: DummynetConfig): string {
  const rate = rateOf(config);
  const { bandwidth = 0, delayMs = 0, trace, profile, burstBytes = 0, management, mask, scheduler } = config;
  const rated = trace ? `${plainRate(rate)} on the average (trace ${trace.file})` : plainRate(bandwidth);
  const { trace: _trace, ...impairments } = config;
  return [
    rate > 0 ? rated : 'no limit of rate',
    `delay ${delayMs < 1000 ? `${plain(delayMs)} ms` : `${plain(delayMs / 1000)} s`}`,
    // A queue that nothing waits in does not matter, nor does that of a scheduler with queues of its own.
    ...(rate > 0 && !OWN_FLOWS.test(scheduler ?? '') ? [queueText(config, rate)] : []),
    ...lossText(config),
    ...printImpairments(impairments).map((line) => line.trim()),
    ...(burstBytes > 0 ? [`burst ${burstBytes} bytes`] : []),
    ...(profile ? [`profile ${profile.name}`] : []),
    ...(scheduler ? [`scheduler ${scheduler}`] : []),
    ...(management && management.kind !== 'droptail' && !scheduler ? [management.kind] : []),
    ...(mask ? ['a queue for each flow'] : []),
  ].join(', ');
}

/** A short link of its number: a pipe, or a pipe with a scheduler and a queue before it. */
export function shortLink(objects: Objects, number: number): DummynetConfig {
  const pipe = objects.get('pipe', number) ?? {};
  const queue = objects.get('queue', number);
  if (!queue) return pipe;
  const { scheduler, management } = objects.get('sched', number) ?? {};
  const { loss, queue: size, mask } = queue;
  return {
    ...pipe,
    ...(loss && { loss }),
    ...(size && { queue: size }),
    ...(mask && { mask }),
    ...(scheduler && { scheduler }),
    ...(management && { management }),
  };
}

/** One line a direction for the short links, whose names are `labels`. */
export const echoShort = (objects: Objects, labels: readonly [string, string]): string[] =>
  labels.map((label, i) => `${label}: ${linkText(shortLink(objects, i + 1))}`);

/** One line for each pipe, scheduler and queue that rules made. */
export function echoObjects(objects: Objects): string[] {
  const lines = [
    ...objects.all('pipe').map(([number, config]) => `pipe ${number}: ${linkText(config)}`),
    ...objects
      .all('sched')
      .map(([number, config]) =>
        objects.get('pipe', number)
          ? `sched ${number}: ${config.scheduler ?? 'wf2q+'} of pipe ${number}`
          : `sched ${number}: ${linkText({ ...config, scheduler: config.scheduler ?? 'wf2q+' })}`,
      ),
    ...objects.all('queue').map(([number, config]) => {
      const weight = config.weight === undefined ? '' : `, weight ${config.weight}`;
      const mask = config.mask ? ', one for each flow' : '';
      const rest = [queueText(config, 0), ...lossText(config)].join(', ');
      return `queue ${number}: of ${objects.get('sched', config.parent!) ? 'sched' : 'pipe'} ${config.parent}${weight}, ${rest}${mask}`;
    }),
  ];
  if (lines.length <= MOST_LINES) return lines;
  return [...lines.slice(0, MOST_LINES - 1), `and ${lines.length - MOST_LINES + 1} more (ipfw pipe show)`];
}
