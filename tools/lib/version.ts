// SPDX-License-Identifier: BSD-2-Clause
// version.ts: the version of this package.
import { readFileSync } from 'node:fs';

/** What package.json says: this file is tools/lib/version.ts in a checkout and dist/tools/lib/version.js in a package. */
export function version(): string {
  const up = import.meta.url.endsWith('.ts') ? '../../package.json' : '../../../package.json';
  return (JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as { version: string }).version;
}
