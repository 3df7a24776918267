// SPDX-License-Identifier: BSD-2-Clause
// explain.ts: ipfw explain: loads the rules into an engine of its own and walks the packet through them.

import { EXIT, RuleError } from '../../../src/rules/error.js';
import { explainPacket, printExplanation } from '../../../src/rules/explain.js';
import { parseHost } from '../../../src/rules/host.js';
import { parsePacket } from '../../../src/rules/packet-text.js';
import type { Settings } from './arguments.js';
import { loadRules } from './run.js';

export async function runExplain(settings: Settings, text: string): Promise<number> {
  if (settings.rules === undefined)
    throw new RuleError('explain without rules', { expected: '--rules FILE', exit: EXIT.usage });
  const packet = parsePacket(text);
  const host = parseHost(settings.host);
  const { NativeEngine } = await import('../../../src/rules/native-engine.js');
  const engine = new NativeEngine({ seed: 1n });
  try {
    engine.setHost(host);
    const controller = await loadRules(settings, engine);
    const explanation = explainPacket(controller, engine, packet, BigInt(Date.now()) * 1_000_000n);
    process.stdout.write(settings.json ? `${JSON.stringify(explanation)}\n` : printExplanation(explanation));
    return EXIT.ok;
  } finally {
    engine.close();
  }
}
