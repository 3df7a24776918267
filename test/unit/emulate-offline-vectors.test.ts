// SPDX-License-Identifier: BSD-2-Clause
// emulate-offline-vectors.test.ts: the recorded verdicts and departures (test/golden/vectors) through the program
// `emulate --offline --json`: each packet's passes, whether and when it goes on, and all counters.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const program = fileURLToPath(new URL('../../dist/tools/emulate.js', import.meta.url));
const FOLDER = fileURLToPath(new URL('../golden/vectors', import.meta.url));
const AT_ONCE = 2;

interface PacketRecord {
  packet: number;
  input: string;
  t_us: number;
  passes: { rule: number; verdict: string }[];
  out_us?: number;
  drop?: string | true;
}

const files = readdirSync(FOLDER);
const names = files.filter((file) => file.endsWith('.rules')).map((file) => file.slice(0, -6));

const inputsOf = (name: string): string[] =>
  files
    .filter((file) => file.startsWith(`${name}.`) && file.endsWith('.pcap'))
    .flatMap((file) => {
      const [, direction, iface] = file.split('.');
      return ['--input', `${direction}:${iface}:${path.join(FOLDER, file)}`];
    });

async function emulate(name: string): Promise<unknown[]> {
  const rules = path.join(FOLDER, `${name}.rules`);
  const args = ['--offline', '--layer', '2', '--json', '--seed', '1', '--rules', rules, ...inputsOf(name)];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program, ...args], {
    maxBuffer: 1 << 26,
  });
  // A rule to a pipe that is not there is warned of; that its packets are dropped is what the vector is about.
  assert.is(stderr.replace(/^emulate: there is no (?:pipe|queue) .*\n/gm, ''), '', name);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

const outcomes = new Map<string, unknown[] | Error>();

test.before(async () => {
  const left = [...names];
  const lane = async (): Promise<void> => {
    for (let name = left.shift(); name !== undefined; name = left.shift())
      outcomes.set(name, await emulate(name).catch((error: Error) => error));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
});

test('the cases are there', () => assert.ok(names.length >= 134));

for (const name of names)
  test(name, () => {
    const outcome = outcomes.get(name)!;
    if (outcome instanceof Error) throw outcome;
    const [head, ...expected] = readFileSync(path.join(FOLDER, `${name}.expect.jsonl`), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const tolerance = head.same_algorithm_tolerance_us ?? head.tolerance_us;
    const counters = expected.pop().counters;
    const got = outcome.filter((record) => (record as { type?: string }).type !== 'result');
    const last = got.pop() as { type: string; rules: unknown };
    assert.equal([last.type, last.rules], ['counters', counters]);
    assert.is(got.length, expected.length);
    for (const [index, record] of (got as PacketRecord[]).entries()) {
      const { out_us, drop, ...rest } = record;
      const { out_us: wanted, drop: lost, ...same } = expected[index] as PacketRecord;
      assert.equal(rest, { ...same, input: same.input.replace('.', ':') }, `packet ${index}`);
      assert.is(drop !== undefined, lost === true, `packet ${index} ${drop}`);
      if (lost === true) assert.is(typeof drop, 'string');
      else assert.ok(Math.abs(out_us! - wanted!) <= tolerance, `packet ${index}: ${out_us}, not ${wanted}`);
    }
  });

test.run();
