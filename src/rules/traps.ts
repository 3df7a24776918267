// SPDX-License-Identifier: BSD-2-Clause
// What ipfw takes without a word though packets vanish or a link changes: rules that send to what is not there, and
// parameters that a new configuration resets because it does not name them.
import type { DummynetConfig, DummynetKind, PacketLoss } from './dummynet.js';
import { plainRate } from './units.js';
import type { World } from './world.js';

/** What a rule sends packets to, if it can be missing: "pipe 9". */
function missingTarget(
  { dummynet, nats }: World,
  action: { kind: string; arg?: unknown },
): string | undefined {
  const { kind, arg } = action;
  if (typeof arg !== 'number') return undefined;
  if (kind === 'pipe' || kind === 'queue') return dummynet.get(kind, arg) ? undefined : `${kind} ${arg}`;
  return kind === 'nat' && !nats.has(arg) ? `nat ${arg}` : undefined;
}

const SHOWN = 5;

function rulesText(numbers: readonly number[]): string {
  if (numbers.length === 1) return `rule ${numbers[0]} sends`;
  const more = numbers.length > SHOWN ? ` and ${numbers.length - SHOWN} more` : '';
  return `rules ${numbers.slice(0, SHOWN).join(', ')}${more} send`;
}

/** What is missing, each with the line that says so. */
export function missing(world: World): Map<string, string> {
  const users = new Map<string, number[]>();
  for (const { rule } of world.rules.all) {
    const target = missingTarget(world, rule.action);
    if (target !== undefined) users.set(target, [...(users.get(target) ?? []), rule.number]);
  }
  const found = new Map<string, string>();
  for (const [target, numbers] of users)
    found.set(target, `there is no ${target}: ${rulesText(numbers)} packets there, and they are dropped`);
  for (const [number, { parent }] of world.dummynet.all('queue')) {
    if (parent === undefined || world.dummynet.get('pipe', parent) || world.dummynet.get('sched', parent))
      continue;
    const text = `there is no pipe or sched ${parent}: queue ${number} belongs to it, and its packets are dropped`;
    found.set(`queue ${number} of ${parent}`, text);
  }
  return found;
}

const queueText = ({ queue }: DummynetConfig): string => {
  if (!queue || 'slots' in queue) return `${queue?.slots ?? 50} slots`;
  return 'bytes' in queue ? `${queue.bytes} bytes` : `${queue.ms} ms`;
};
const rate = ({ bandwidth = 0 }: DummynetConfig): string =>
  bandwidth > 0 ? plainRate(bandwidth) : 'unlimited';
const lossText = (loss: PacketLoss | undefined): string => {
  if (!loss) return 'none';
  return 'random' in loss ? String(loss.random) : [loss.good, loss.toBad, loss.bad, loss.toGood].join(',');
};

/** Parameters that have a value to tell, with the words it is told in. */
const VALUES: [word: string, text: (config: DummynetConfig) => string][] = [
  ['bw', rate],
  ['delay', ({ delayMs = 0 }) => (delayMs > 0 ? `${delayMs} ms` : '0')],
  ['burst', ({ burstBytes = 0 }) => `${burstBytes}`],
  ['queue', queueText],
  ['plr', ({ loss }) => lossText(loss)],
];

/** Others, which are there or not. */
const SWITCHES = {
  profile: 'profile',
  mask: 'mask',
  schedMask: 'sched_mask',
  flowMask: 'flow_mask',
  jitter: 'jitter',
  reorder: 'reorder',
  duplicate: 'duplicate',
  corrupt: 'corrupt',
  linkLoss: 'loss',
  overhead: 'overhead',
  framing: 'framing',
  trace: 'trace',
  slot: 'slot',
} as const satisfies Partial<Record<keyof DummynetConfig, string>>;

const managed = ({ management }: DummynetConfig): string => management?.kind ?? 'droptail';

/** What a configuration takes back of the one before, because it was not given; undefined: nothing. */
export function resetText(
  kind: DummynetKind,
  number: number,
  before: DummynetConfig,
  given: DummynetConfig,
  after: DummynetConfig,
): string | undefined {
  const lost: string[] = [];
  const members: Record<string, keyof DummynetConfig> = {
    bw: 'bandwidth',
    delay: 'delayMs',
    burst: 'burstBytes',
    queue: 'queue',
    plr: 'loss',
  };
  for (const [word, text] of VALUES)
    if (given[members[word]!] === undefined && text(before) !== text(after))
      lost.push(`${word} was ${text(before)}, is ${text(after)}`);
  if (given.management === undefined && managed(before) !== managed(after))
    lost.push(`${managed(before)} is ${managed(after)}`);
  for (const [member, word] of Object.entries(SWITCHES) as [keyof typeof SWITCHES, string][])
    if (given[member] === undefined && before[member] !== undefined && after[member] === undefined)
      lost.push(`${word} is gone`);
  if (lost.length === 0) return undefined;
  return `${kind} ${number} config begins anew with what it does not name: ${lost.join('; ')}`;
}
