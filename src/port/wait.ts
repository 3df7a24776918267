// SPDX-License-Identifier: BSD-2-Clause
// wait.ts: waiting for a port without blocking the event loop: arm, let the native thread watch the descriptor, arm again.
import { netvaleError } from '../errors.js';
import type { NativePort } from '../native.js';

/** What to wait for: a packet to receive, room to send, or either. */
export type WaitFor = 'rx' | 'tx' | 'either';

/** What is true: a packet can be received, a packet can be sent. */
export interface Ready {
  rx: boolean;
  tx: boolean;
}

// The values of poll(2).
const POLLIN = 1;
const POLLOUT = 4;
const POLLERR = 8;
const EVENTS = { rx: POLLIN, tx: POLLOUT, either: POLLIN | POLLOUT } as const;

/** The poll(2) events to wait for. Throws EINVAL. */
export function eventsOf(what: WaitFor): number {
  const events = EVENTS[what];
  if (events === undefined) throw netvaleError('EINVAL', `wait for 'rx', 'tx' or 'either', not '${what}'`);
  return events;
}

/** What poll(2) events say. */
export function readyOf(events: number): Ready {
  return { rx: (events & POLLIN) !== 0, tx: (events & POLLOUT) !== 0 };
}

/** See Port.wait. */
export async function waitFor(
  port: NativePort,
  closed: AbortSignal,
  what: WaitFor,
  milliseconds = Number.POSITIVE_INFINITY,
): Promise<Ready> {
  const events = eventsOf(what);
  const deadline = performance.now() + milliseconds;
  for (;;) {
    if (closed.aborted) throw netvaleError('ECLOSED', 'the port was closed');
    const ready = port.arm(events);
    const left = deadline - performance.now();
    if ((ready & ~POLLERR) !== 0 || left <= 0) return readyOf(ready);
    if (ready & POLLERR) continue; // a ring was in an impossible state and was set right: look again
    await oneWake(port, closed, left);
  }
}

/** Resolves at the port's wake-up, after some milliseconds, or when the port is closed. */
function oneWake(port: NativePort, closed: AbortSignal, milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const finish = () => {
      clearTimeout(timer);
      port.cancel(watch);
      closed.removeEventListener('abort', finish);
      resolve();
    };
    const watch = port.watch(finish);
    // A timer cannot run longer than 2^31 - 1 ms; waking early is harmless.
    if (milliseconds !== Number.POSITIVE_INFINITY)
      timer = setTimeout(finish, Math.min(milliseconds, 2 ** 31 - 1));
    closed.addEventListener('abort', finish);
  });
}
