// SPDX-License-Identifier: BSD-2-Clause
// control-fixture.ts: a controller behind a control socket, in a folder of the test's own.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { bareContext } from '../../src/rules/context.js';
import { ControlServer } from '../../src/rules/control.js';
import { Controller } from '../../src/rules/controller.js';

export const folder = mkdtempSync(path.join(os.tmpdir(), 'nv-ipfw-'));
process.env.NETVALE_DIR = path.join(folder, 'world');
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** Made anew for each test by `open`. */
export let controller: Controller;
export let server: ControlServer;

export async function open(): Promise<void> {
  controller = new Controller({ context: bareContext });
  server = await ControlServer.open(controller, { program: 'test' });
}
