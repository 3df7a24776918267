// SPDX-License-Identifier: BSD-2-Clause
// What the clients of a control socket may take, one by one and all together: bytes, connections, time.

export interface Limits {
  /** Longest request in bytes: a file of 250,000 rules is shorter. */
  request: number;
  /** What every client may have of a request at a time; only one may have more, the others wait for it. */
  small: number;
  /** Connections. A new one takes the place of the one that has been idle for longest. */
  clients: number;
  /** Milliseconds in which a request has to arrive, once it has begun and it is its turn. */
  requestMs: number;
  /** Bytes of replies that may wait for their readers before somebody's next request is looked at. */
  replies: number;
  /** Milliseconds in which a client has to take something of its reply, when others wait because of it. */
  replyMs: number;
}

export const LIMITS: Readonly<Limits> = {
  request: 16 * 1024 * 1024,
  small: 64 * 1024,
  clients: 64,
  requestMs: 10_000,
  replies: 8 * 1024 * 1024,
  replyMs: 2_000,
};

/** Milliseconds after which a client asks whether the program is stopped, and after which it gives up in any case. */
export const ASK_MS = 5_000;
export const GIVE_UP_MS = 120_000;

/** One at a time may have it; who asks for it is told when it is his. */
export class Turn {
  private holder: object | undefined;
  private readonly waiting = new Map<object, () => void>();

  /** True: it is his. False: `start` is called once it is. */
  take(who: object, start: () => void): boolean {
    if (this.holder === undefined || this.holder === who) {
      this.holder = who;
      return true;
    }
    this.waiting.set(who, start);
    return false;
  }

  /** Give it back, or wait for it no longer. */
  give(who: object): void {
    this.waiting.delete(who);
    if (this.holder !== who) return;
    this.holder = undefined;
    const [next] = this.waiting;
    if (!next) return;
    this.waiting.delete(next[0]);
    this.holder = next[0];
    next[1]();
  }
}
