// SPDX-License-Identifier: BSD-2-Clause
// live-outputs.ts: the files a live emulate writes, all opened before anything else: a path that is wrong is told at the
// start and not when an hour's run is over.
import { closeSync, openSync, writeSync } from 'node:fs';
import { netvaleError } from '../../../src/errors.js';
import type { LiveSettings } from './live-settings.js';

/** Do something with a file. Throws a NetvaleError that names the option and the file. */
function named<T>(flag: string, file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code = 'EIO', message } = error as NodeJS.ErrnoException;
    // "ENOENT: no such file or directory, open 'x'": the path is named already.
    throw netvaleError(
      code,
      `${flag}: cannot write ${file}: ${message.replace(/, (open|write)( '.*)?$/s, '')}`,
    );
  }
}

export class LiveOutputs {
  /** For a record of each packet; -1: there is none. */
  readonly logFd: number;
  readonly #page: number;
  readonly #records: number;

  /** Open what is asked for. Throws a NetvaleError that names the option, and then nothing is open. */
  constructor(
    private readonly files: {
      [name in 'log' | 'report' | 'records']?: LiveSettings[name] | undefined;
    },
  ) {
    const { log, report, records } = files;
    const opened: number[] = [];
    const one = (flag: string, file: string | undefined): number => {
      if (file === undefined) return -1;
      opened.push(named(flag, file, () => openSync(file, 'w')));
      return opened.at(-1)!;
    };
    try {
      this.logFd = one('--log', log);
      this.#page = one('--report', report);
      this.#records = one('--report', records);
    } catch (error) {
      for (const fd of opened) closeSync(fd);
      throw error;
    }
  }

  /** Whether there is to be a page or records. */
  get wanted(): boolean {
    return this.hasPage || this.#records >= 0;
  }

  /** Whether there is to be a page. */
  get hasPage(): boolean {
    return this.#page >= 0;
  }

  /** A record for the file of records, if there is one. */
  record(record: object): void {
    const { records = '' } = this.files;
    if (this.#records >= 0)
      named('--report', records, () => writeSync(this.#records, `${JSON.stringify(record)}\n`));
  }

  page(html: string): void {
    named('--report', this.files.report ?? '', () => writeSync(this.#page, html));
  }

  close(): void {
    for (const fd of [this.logFd, this.#page, this.#records]) if (fd >= 0) closeSync(fd);
  }
}
