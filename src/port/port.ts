// SPDX-License-Identifier: BSD-2-Clause
// port.ts: an open port: batches of packets, waiting, counters, closing.

import { WAIT_MODE } from '../abi.js';
import { netvaleError } from '../errors.js';
import { type NativeOpenOptions, type NativePort, native } from '../native.js';
import { checkOptions, type OptionNames } from '../options.js';
import { type Life, RxBatch, TxBatch } from './batch.js';
import { eventsOf, type Ready, readyOf, type WaitFor, waitFor } from './wait.js';

/** How a port is opened. What is left out keeps the default. */
export interface OpenOptions {
  /** Directory of shared memory to live in. Default: $NETVALE_DIR, else one for this user under /dev/shm. */
  dir?: string;
  /** Fail with ENOENT unless the port exists already. */
  existing?: boolean;
  /** Always copy: sent buffers keep their contents, as programs written for netmap expect of VALE. */
  copy?: boolean;
  /**
   * Others may have the same rings open, too (all must say so). Syncs go one after the other; who uses which slots
   * when is theirs to agree on. Default: EBUSY while others have them, and for those who come later.
   */
  share?: boolean;
  /** Rings, when this opening creates the port: 1..16 on VALE and taps, 1..256 on pipes. Default 1. */
  txRings?: number;
  rxRings?: number;
  /** Slots a ring, likewise: 2..4096. Default 1024. */
  txSlots?: number;
  rxSlots?: number;
  /** Packets a batch at most, 1..65536. Default 512. */
  batch?: number;
  /** How to wait. Default 'adaptive': spin while it pays, then sleep. */
  wait?: 'adaptive' | 'sleep' | 'busy';
}

const OPTIONS: OptionNames<OpenOptions> = {
  dir: true,
  existing: true,
  copy: true,
  share: true,
  txRings: true,
  rxRings: true,
  txSlots: true,
  rxSlots: true,
  batch: true,
  wait: true,
};

/** Counters of a port since it was created, over all its openings: txPackets + txCopies = txDelivered + all drops. */
export interface PortStats {
  txPackets: number;
  txBytes: number;
  /** Further copies made by flooding. */
  txCopies: number;
  txDelivered: number;
  txDeliveredBytes: number;
  rxPackets: number;
  rxBytes: number;
  wakeupsSent: number;
  wakeupsReceived: number;
  /** Times a ring was found in an impossible state and reset. */
  ringResets: number;
  /** Syncs that did nothing, because another opener stayed in the ring (it is stopped). */
  ringBusy: number;
  /** Packets that went nowhere, by reason. */
  drops: Record<string, number>;
}

/** Ports that are open: closed when the process ends in an orderly way, so that they leave nothing behind. */
const open = new Set<Port>();
process.on('exit', () => {
  for (const port of open) port.close();
});

/** An open port. Made by openPort; keeps its resources until close() is called. */
export class Port {
  /** The port's name without mode and options: "vale0:a". */
  readonly name: string;
  /** Number of its memory region; ports with the same number exchange buffers instead of copying. */
  readonly memoryId: number;
  /** Bytes a buffer, which is the most one slot holds. */
  readonly bufferSize: number;
  /** Slots of each bound tx and rx ring. */
  readonly txSlots: readonly number[];
  readonly rxSlots: readonly number[];

  #native: NativePort;
  #batch: number;
  #rx: RxBatch | undefined;
  #tx: TxBatch | undefined;
  readonly #life: Life = { closed: false };
  readonly #closing = new AbortController();

  /** Use openPort. */
  constructor(name: string, options: OpenOptions = {}) {
    checkOptions('options', options, OPTIONS);
    const { batch = 512, wait, ...rest } = options;
    if (!Number.isInteger(batch) || batch < 1 || batch > 65536)
      throw netvaleError('EINVAL', `batch must be a whole number from 1 to 65536, not ${batch}`);
    const mode = wait === undefined ? 0 : WAIT_MODE[wait];
    if (mode === undefined)
      throw netvaleError('EINVAL', `wait must be one of ${Object.keys(WAIT_MODE).join(', ')}, not '${wait}'`);
    this.#batch = batch;
    this.#native = new native.Port(name, rest as NativeOpenOptions);
    open.add(this);
    if (mode > 0) this.#native.setWaitMode(mode);
    const about = this.#native.describe();
    this.name = about.name;
    this.memoryId = about.memoryId;
    this.bufferSize = about.bufferSize;
    this.txSlots = about.txRings.map((ring) => ring.slots);
    this.rxSlots = about.rxRings.map((ring) => ring.slots);
  }

  /** True after close(). */
  get closed(): boolean {
    return this.#life.closed;
  }

  /** The port's one batch of received packets. Throws ECLOSED after close(). */
  get rx(): RxBatch {
    this.#rx ??= new RxBatch(this.#native, this.#life, this.#batch);
    return this.#rx;
  }

  /** The port's one batch of packets to send. Throws ECLOSED after close(). */
  get tx(): TxBatch {
    this.#tx ??= new TxBatch(this.#native, this.#life, this.#batch, this.bufferSize);
    return this.#tx;
  }

  /** Read the counters. Throws ECLOSED after close(). */
  stats(): PortStats {
    return this.#native.stats();
  }

  /** Packets and bytes of this opening whose tx slots came back since the last call. Throws ECLOSED. */
  completed(): { packets: number; bytes: number } {
    return this.#native.completed();
  }

  /** Hand over what is pending and look what came, on all bound rings. Throws ECLOSED, or EINVAL when a ring was reset. */
  sync(): void {
    this.#native.sync(true);
    this.#native.sync(false);
  }

  /**
   * Wait, without blocking the event loop, until there is a packet to receive or room to send. `milliseconds`
   * undefined: for ever. Resolves to what is true: {rx: false, tx: false} when the time is over. Rejects with ECLOSED
   * when the port is closed meanwhile. Pending packets are pushed.
   */
  wait(what: WaitFor = 'rx', milliseconds?: number): Promise<Ready> {
    return waitFor(this.#native, this.#closing.signal, what, milliseconds);
  }

  /**
   * The same, blocking this thread: no timer, signal handler or other callback runs meanwhile; a signal that has a
   * handler ends it early. Throws ECLOSED.
   */
  waitSync(what: WaitFor = 'rx', milliseconds?: number): Ready {
    const nanoseconds = milliseconds === undefined ? -1 : Math.round(milliseconds * 1e6);
    return readyOf(this.#native.waitSync(eventsOf(what), nanoseconds));
  }

  /**
   * Close the port; what is pending is pushed first. Every view of its memory becomes empty, and its batches throw
   * ECLOSED. May be called again.
   */
  close(): void {
    if (this.closed) return;
    this.#life.closed = true;
    this.#closing.abort();
    open.delete(this);
    this.#native.close();
  }
}

/**
 * Open a port by its full name: "vale0:a", "vale0:a-1", "netmap:p{1", "null:", "vale0:a@7" (docs/ports.md has the
 * grammar). Throws an Error with code EINVAL (bad name or option), ENOENT (must exist and does not), EBUSY (in use:
 * the message says by whom), ENOMEM or ENOSPC (shared memory is full), EPERM or EACCES (the directory is not safely ours),
 * EOPNOTSUPP (a kind of port this build does not have).
 */
export function openPort(name: string, options?: OpenOptions): Port {
  return new Port(name, options);
}
