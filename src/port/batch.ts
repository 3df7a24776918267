// SPDX-License-Identifier: BSD-2-Clause
// batch.ts: batches of packets as typed arrays over the region. Packets are never copied: packet i is the lengths[i]
// bytes from offsets[i] on in `bytes`.
import { SLOT_FLAG } from '../abi.js';
import { netvaleError, rangeError } from '../errors.js';
import type { NativePort } from '../native.js';

/** In `flags`: the packet goes on in the next one (NS_MOREFRAG). */
export const MORE_FRAGMENTS = SLOT_FLAG.morefrag;

/** What a port and its batches share. */
export interface Life {
  closed: boolean;
}

class Batch {
  protected readonly native: NativePort;
  readonly #life: Life;
  readonly #offsets: Uint32Array;
  readonly #lengths: Uint16Array;
  readonly #flags: Uint16Array;
  #bytes = new Uint8Array(0);
  protected size = 0;

  constructor(native: NativePort, life: Life, capacity: number, tx: boolean) {
    const { offsets, lengths, flags } = native.batch(tx, capacity);
    this.native = native;
    this.#life = life;
    this.#offsets = offsets;
    this.#lengths = lengths;
    this.#flags = flags;
  }

  protected check(): void {
    if (this.#life.closed) throw netvaleError('ECLOSED', 'the port is closed');
  }

  /** Most packets a batch can hold. */
  get capacity(): number {
    return this.#offsets.length;
  }

  /** Packets in the batch now. */
  get count(): number {
    this.check();
    return this.size;
  }

  /** Where each packet begins in `bytes`. The same array in every batch. */
  get offsets(): Uint32Array {
    this.check();
    return this.#offsets;
  }

  /** Bytes of each packet. The same array in every batch. */
  get lengths(): Uint16Array {
    this.check();
    return this.#lengths;
  }

  /** Slot flags of each packet; see MORE_FRAGMENTS. The same array in every batch. */
  get flags(): Uint16Array {
    this.check();
    return this.#flags;
  }

  /**
   * The region's memory. Take it anew for every batch: when the region has grown the view before it is empty.
   * Another process may write here at any time.
   */
  get bytes(): Uint8Array {
    this.check();
    if (this.#bytes.length === 0) this.#bytes = new Uint8Array(this.native.bytes());
    return this.#bytes;
  }
}

/** Received packets. Each receive() gives the packets of the one before it back to the port. */
export class RxBatch extends Batch {
  /** Use Port.rx. */
  constructor(native: NativePort, life: Life, capacity: number) {
    super(native, life, capacity, false);
  }

  /**
   * Give the batch before this one back, look what came, and describe it. Never waits. Returns the number of packets,
   * 0..capacity. Throws ECLOSED.
   */
  receive(): number {
    this.size = 0;
    this.size = this.native.receive();
    return this.size;
  }

  /** Packet i as a view (no copy), good until the next receive(). Throws RangeError beyond count, ECLOSED. */
  packet(i: number): Uint8Array {
    if (!(i >= 0 && i < this.count)) throw rangeError(`packet ${i} of ${this.count}`);
    const start = this.offsets[i]!;
    return this.bytes.subarray(start, start + this.lengths[i]!);
  }
}

/** Packets to send: reserve() buffers, fill them in place, set lengths, send(). */
export class TxBatch extends Batch {
  readonly #bufferSize: number;

  /** Use Port.tx. */
  constructor(native: NativePort, life: Life, capacity: number, bufferSize: number) {
    super(native, life, capacity, true);
    this.#bufferSize = bufferSize;
  }

  /**
   * Find up to `want` free buffers. Never waits. Returns how many there are, 0..want. What was reserved and not sent
   * before is free again. Flags are cleared; lengths stay as they were. Throws ECLOSED, RangeError when `want` is
   * beyond capacity.
   */
  reserve(want: number = this.capacity): number {
    this.check();
    if (!(want >= 0 && want <= this.capacity))
      throw rangeError(`reserve ${want}: a batch holds ${this.capacity}`);
    this.size = this.native.reserve(want);
    return this.size;
  }

  /** Buffer i as a view (no copy) of the buffer's whole size, good until send(). Throws RangeError, ECLOSED. */
  packet(i: number): Uint8Array {
    if (!(i >= 0 && i < this.count)) throw rangeError(`packet ${i} of ${this.count}`);
    const start = this.offsets[i]!;
    return this.bytes.subarray(start, start + this.#bufferSize);
  }

  /**
   * Send the first `count` reserved buffers, lengths[i] bytes of each; the rest of the reservation is given up.
   * Never waits. Throws RangeError, sending nothing, when `count` is more than was reserved or a length is beyond the
   * buffer; ECLOSED.
   */
  send(count: number = this.count): void {
    if (!(count >= 0 && count <= this.count)) throw rangeError(`send ${count}: ${this.count} are reserved`);
    this.native.send(count);
    this.size = 0;
  }
}
