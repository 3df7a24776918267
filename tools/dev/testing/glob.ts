// SPDX-License-Identifier: BSD-2-Clause
// glob.ts: files below a folder whose name fits a pattern, sorted.
import { readdirSync } from 'node:fs';
import path from 'node:path';

/** Paths (starting with `folder`) of all files below it that match; [] when the folder does not exist. */
export function globSync(folder: string, pattern: RegExp): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile() && pattern.test(entry.name))
      found.push(path.join(entry.parentPath ?? entry.path, entry.name));
  }
  return found.sort();
}
