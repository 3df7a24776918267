// SPDX-License-Identifier: BSD-2-Clause
// explain.ts: ipfw explain: walks a packet through the rules of a file, in an engine of its own, or through those of a
// running program, as they are there.
import { requestOnce } from '../../../src/rules/control-client.js';
import { EXIT, RuleError } from '../../../src/rules/error.js';
import { answerExplain } from '../../../src/rules/explain.js';
import { parseHost } from '../../../src/rules/host.js';
import type { Settings } from './arguments.js';
import { loadRules, show } from './run.js';

/** Of the running program: it knows its addresses and routes. */
async function askRunning(settings: Settings, text: string): Promise<number> {
  const { json, all, host, socket } = settings;
  if (host.me.length + host.networks.length + host.routes.length > 0)
    throw new RuleError('a running program knows its addresses and routes', {
      expected: '--me, --network and --route with --rules FILE',
      exit: EXIT.usage,
    });
  const args = ['explain', ...(json ? ['--json'] : []), ...(all ? ['--all'] : []), text];
  return show(await requestOnce(socket, { args, folder: process.cwd() }));
}

export async function runExplain(settings: Settings, text: string): Promise<number> {
  if (settings.rules === undefined) return askRunning(settings, text);
  const host = parseHost(settings.host);
  const { NativeEngine } = await import('../../../src/rules/native-engine.js');
  const engine = new NativeEngine({ seed: 1n });
  try {
    engine.setHost(host);
    const controller = await loadRules(settings, { engine });
    const { json, all } = settings;
    process.stdout.write(answerExplain(controller, engine, { kind: 'explain', packet: text, json, all }));
    return EXIT.ok;
  } finally {
    engine.close();
  }
}
