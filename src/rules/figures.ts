// SPDX-License-Identifier: BSD-2-Clause
// Variables that can only be read: what runs in the engine and in the links, as it is when they are asked for.
import type { FlowQueue } from './engine.js';
import type { World } from './world.js';

const alive = (flows: readonly FlowQueue[]): number => flows.filter(({ expired }) => !expired).length;

function tellStates({ engine, sysctl }: World): void {
  const figures = engine.stateFigures?.();
  const tell = (name: string, value: number): void => sysctl.tell(`net.inet.ip.fw.${name}`, value);
  if (!figures) {
    const states = engine.states(false);
    const parents = states.filter(({ kind }) => kind === 'PARENT').length;
    tell('dyn_count', states.length - parents);
    tell('dyn_parent_count', parents);
    return;
  }
  tell('dyn_count', figures.states);
  tell('dyn_parent_count', figures.parents);
  tell('curr_dyn_buckets', figures.buckets);
  tell('curr_max_length', figures.longest);
}

/** A pipe is a scheduler of its own, that of its number, and a flow queue set; a sched without its pipe is one of each. */
function tellLinks({ engine: { dummynet: links }, dummynet, sysctl }: World): void {
  const tell = (name: string, value: number): void => sysctl.tell(`net.inet.ip.dummynet.${name}`, value);
  const [pipes, queues, scheds] = (['pipe', 'queue', 'sched'] as const).map((kind) =>
    dummynet.all(kind).map(([number]) => number),
  ) as [number[], number[], number[]];
  const alone = scheds.filter((number) => !pipes.includes(number));
  tell('schk_count', 2 * pipes.length + alone.length);
  tell('fsk_count', pipes.length + queues.length + scheds.length);
  if (!links) return;
  const both = [...pipes, ...alone];
  tell(
    'si_count',
    pipes.reduce((sum, number) => sum + alive(links.links('pipe', number)), 0) +
      both.reduce((sum, number) => sum + alive(links.links('sched', number)), 0),
  );
  tell(
    'queue_count',
    pipes.reduce((sum, number) => sum + alive(links.flows('pipe', number)), 0) +
      queues.reduce((sum, number) => sum + alive(links.flows('queue', number)), 0),
  );
  const totals = links.totals?.();
  if (!totals) return;
  tell('io_pkt', totals.offered);
  tell(
    'io_pkt_drop',
    Object.values(totals.drops).reduce((sum, packets) => sum + packets, 0),
  );
}

export function tellFigures(world: World): void {
  tellStates(world);
  tellLinks(world);
}
