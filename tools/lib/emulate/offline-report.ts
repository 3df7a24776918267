// SPDX-License-Identifier: BSD-2-Clause
// offline-report.ts: --report on capture files: the page and the records of a live run, over the files' time.
import { Histogram } from '../../../src/report/histogram.js';
import { latencyRecord } from '../../../src/report/records.js';
import type { Controller } from '../../../src/rules/controller.js';
import type { LiveOutputs } from './live-outputs.js';
import { liveReport } from './live-report.js';
import type { OfflineResultRecord } from './offline-figures.js';
import type { OfflineReadings } from './offline-readings.js';

export interface ReportFacts {
  began: Date;
  /** Each link in plain words. */
  links: readonly string[];
  /** The links are those of the short options. */
  short: boolean;
  controller: Controller;
}

/** Throws when a file cannot be written. */
export function writeReport(
  files: LiveOutputs,
  readings: OfflineReadings,
  result: OfflineResultRecord,
  { controller, ...about }: ReportFacts,
): void {
  const { records, directions, delays } = readings;
  for (const record of records) files.record(record);
  files.record(result);
  if (!files.hasPage) return;
  files.page(
    liveReport({
      ...about,
      // Departures are exact: none was late.
      result: { ...result, directions, lateness: latencyRecord(new Histogram()) },
      records,
      live: { controller, relay: { delay: (index) => delays[index] } },
    }),
  );
}
