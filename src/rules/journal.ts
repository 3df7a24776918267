// SPDX-License-Identifier: BSD-2-Clause
// What a command changed, so that it can be taken back when a later part of it is refused.

export class Journal {
  private readonly steps: (() => void)[] = [];

  /** Remember how to take back what was just done. */
  record(undo: () => void): void {
    this.steps.push(undo);
  }

  /** Take everything back, the last first. */
  rollback(): void {
    for (let step = this.steps.pop(); step; step = this.steps.pop()) step();
  }
}
