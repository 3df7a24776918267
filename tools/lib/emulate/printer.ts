// SPDX-License-Identifier: BSD-2-Clause
// printer.ts: prints what became of packets, in the order of their arrival and in large pieces, and waits for a reader
// that is slow.
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { Journey } from '../../../src/emulation/journey.js';
import type { OfflineView, RuleCounts } from './offline-views.js';
import { RecordQueue } from './record-queue.js';

const PIECE = 1 << 16;

export class Printer {
  private readonly queue = new RecordQueue();
  private text = '';

  constructor(
    private readonly to: Writable,
    private readonly view: OfflineView,
  ) {}

  arrived(journey: Journey): void {
    this.queue.add();
    this.view.arrived?.(journey);
  }

  over(journey: Journey): void {
    this.queue.done(journey.packet, this.view.packet(journey));
  }

  /** Print what can be printed. */
  async print(): Promise<void> {
    for (let part = this.queue.next(); part !== undefined; part = this.queue.next()) {
      this.text += part;
      if (this.text.length >= PIECE) await this.drain();
    }
  }

  private async drain(): Promise<void> {
    const { text } = this;
    this.text = '';
    if (text !== '' && !this.to.write(text)) await once(this.to, 'drain');
  }

  /** Print the rest; packets that are not over have no record. */
  async end(rules: RuleCounts[]): Promise<void> {
    this.queue.abandon();
    await this.print();
    this.text += this.view.end(rules);
    await this.drain();
  }

  close(): void {
    this.queue.close();
  }
}
