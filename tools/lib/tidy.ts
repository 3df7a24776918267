// SPDX-License-Identifier: BSD-2-Clause
// tidy.ts: what programs left that were killed with -9: shared memory and control sockets. Each program that starts takes
// away what it finds, whether it needs ports and sockets itself or not.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { collectGarbage, isNetvaleError } from '../../src/index.js';
import { worldFolder } from '../../src/rules/control-folder.js';
import { sweepControls } from '../../src/rules/control-socket.js';
import { RuleError } from '../../src/rules/error.js';

/** Take it away. What hinders that is left to whoever needs the folder, and says it then. */
export async function tidy(): Promise<void> {
  try {
    await sweepControls();
    if (existsSync(path.join(worldFolder(), 'table'))) collectGarbage();
  } catch (error) {
    if (!(error instanceof RuleError || isNetvaleError(error))) throw error;
  }
}
