// SPDX-License-Identifier: BSD-2-Clause
// topology-settings.ts: parameters of pipes, queues and schedulers as a program gives them, and the ipfw commands they
// come to.
import type { SCHEDULERS } from '../rules/dummynet.js';
import { RuleError } from '../rules/error.js';
import { parseTime } from '../rules/units.js';
import { defaultQueue } from './simple.js';

/** What stands behind a parameter's name in ipfw's language: "10Mbit/s", "20ms", 0.01; numbers without a unit are as there. */
export type Setting = string | number;

/** A model of loss with its values, as in "list 3,7-9", or a chance. */
export type LossSetting =
  | `${'list' | 'pattern' | 'markov' | 'gemodel' | 'ber'} ${string}`
  | `${number}`
  | `${number}%`
  | number;

type PlainScheduler = (typeof SCHEDULERS)[number];
export type SchedulerSetting = PlainScheduler | `${'fq_codel' | 'fq_pie'} ${string}`;

/** What a link does to packets. */
export interface LinkParameters {
  /** Bandwidth: "10Mbit/s". Default: no limit. */
  bw?: Setting;
  /** Propagation delay: "20ms", 20. */
  delay?: Setting;
  /** Bytes of credit an idle link earns. */
  burst?: Setting;
  /** File with a delay profile. */
  profile?: string;
  jitter?: Setting;
  reorder?: Setting;
  duplicate?: Setting;
  corrupt?: Setting;
  /** Loss at random, 0.01 or "1%", or by a model. */
  loss?: LossSetting;
  overhead?: Setting;
  framing?: 'ethernet';
  /** File in mahimahi's format. */
  trace?: string;
  slot?: string;
}

/** How flow queues keep packets. */
export interface QueueParameters {
  /** 50 (slots), "64KB", "20ms". */
  queue?: Setting;
  /** Loss at random: 0.01, "1%"; or K,p,H,r. */
  plr?: Setting;
  /** One queue for each value of these bits: "dst-ip 0xffffff00". */
  mask?: string;
  noerror?: boolean;
  /** The values of ipfw(8), as in "codel target 5ms". true: the standard ones. */
  red?: string;
  gred?: string;
  codel?: string | true;
  pie?: string | true;
  /** After red or gred: mark instead of dropping. */
  ecn?: boolean;
}

export interface PipeParameters extends LinkParameters, QueueParameters {}

export interface FlowParameters extends QueueParameters {
  /** Number of the scheduler, or of the pipe whose scheduler it is. */
  sched: number;
  weight?: number;
  lmax?: number;
  pri?: number;
}

export interface SchedParameters extends LinkParameters {
  /** The last two with their values: "fq_codel quantum 300". */
  type: SchedulerSetting;
  /** One scheduler with a link of its own for each value of these bits. */
  mask?: string;
}

/** Words of parameters in the order given; undefined and false ones are left out. */
export function parameterWords(parameters: object): string {
  const words: string[] = [];
  for (const [name, value] of Object.entries(parameters) as [string, Setting | boolean | undefined][]) {
    if (value === undefined || value === false) continue;
    words.push(value === true ? name : `${name} ${value}`);
  }
  return words.join(' ');
}

/** `pipe N config ...`; without a queue given it holds what bandwidth and delay ask for (see simple.ts), not 50 slots. */
export function pipeCommand(number: number, pipe: PipeParameters): string {
  const { bw, delay, queue, trace, red, gred } = pipe;
  const sized = queue !== undefined || red !== undefined || gred !== undefined;
  const bytes = sized
    ? undefined
    : defaultQueue({
        ...(bw !== undefined && { bw: String(bw) }),
        ...(delay !== undefined && { delay: String(delay) }),
        ...(trace !== undefined && { trace }),
      });
  return `pipe ${number} config ${parameterWords({ ...pipe, ...(bytes !== undefined && { queue: `${bytes}B` }) })}`;
}

/** Nanoseconds of "5s", "200ms" or a number of milliseconds. Throws a RuleError. */
export function nanoseconds(time: Setting): bigint {
  const us = parseTime(String(time));
  if (!(us >= 0 && us < 1e15))
    throw new RuleError(`bad time "${time}"`, { expected: 'a time below 30 years' });
  return BigInt(Math.round(us * 1000));
}
