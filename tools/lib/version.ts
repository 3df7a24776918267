// SPDX-License-Identifier: BSD-2-Clause
// version.ts: the version of this package, and where its pages are.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where package.json is: this file is tools/lib/version.ts in a checkout and dist/tools/lib/version.js in a package. */
const root = new URL(import.meta.url.endsWith('.ts') ? '../../' : '../../../', import.meta.url);

/** What package.json says. */
export function version(): string {
  return (JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string }).version;
}

/** Where the page of a program is on this machine; '' when it has none. */
export function pageOf(program: string): string {
  const page = fileURLToPath(new URL(`docs/${program}.md`, root));
  return existsSync(page) ? page : '';
}
