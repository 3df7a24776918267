// SPDX-License-Identifier: BSD-2-Clause
// doctor.test.ts: a laboratory goes up and down without a trace; doctor finds what its hosts' offloads do, mends it, puts it back.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { machine, reasonToSkip } from './lab.js';

const test = suite('doctor and laboratory');
const skipped = await reasonToSkip();
const check = (name: string, run: () => void) => {
  if (skipped === undefined) test(name, run);
  else {
    console.log(`skip ${name}: ${skipped}`);
    test.skip(name, run);
  }
};

const LAB = `t${(process.pid % 46656).toString(36)}`;
const folder = mkdtempSync(path.join(os.tmpdir(), 'netvale-doctor-'));
const record = path.join(folder, 'record', 'doctor.json');
let before = '';

function tool(file: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', file, ...args], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}
const lab = (...args: string[]) => tool('tools/dev/lab.ts', ...args, '--name', LAB);
const doctor = (...args: string[]) => tool('tools/doctor.ts', '--record', record, ...args);

interface Answer {
  interface: { native: boolean; kind: string };
  peer?: { name: string; netns: string };
  findings: { id: string; command?: string }[];
}
function ask(...args: string[]): Answer & { ids: string[] } {
  const answer = JSON.parse(doctor('--json', '-i', `${LAB}1`, ...args).stdout) as Answer;
  return { ...answer, ids: answer.findings.map(({ id }) => id) };
}

test.before.each(() => {
  before = machine();
});
test.after.each(() => {
  lab('down');
  assert.is(machine(), before, 'the network is as before');
});
test.after(() => rmSync(folder, { recursive: true }));

const OFFLOADS = ['peer-checksums', 'peer-segmentation', 'peer-vlan'];

check('what hosts leave to a card that is not there is found, mended, and put back', () => {
  assert.is(lab('up', '--offloads').status, 0);
  const first = ask();
  assert.is(first.interface.kind, 'veth');
  assert.is(first.peer?.name, 'eth0');
  assert.equal(
    first.ids.filter((id) => OFFLOADS.includes(id)),
    OFFLOADS,
  );
  assert.is(first.findings[0]?.command, `ip netns exec ${LAB}-1 ethtool -K eth0 tx off`);
  assert.is(doctor('-i', `${LAB}1`).status, 3);

  assert.equal(
    ask('--fix').ids.filter((id) => OFFLOADS.includes(id)),
    [],
  );
  assert.is(doctor('-i', `${LAB}1`).status, 0);
  assert.ok(existsSync(record));
  ask('--fix'); // again: what was written down first is not forgotten

  assert.is(doctor('--undo').stdout, 'eth0: as it was\n');
  assert.equal(ask().ids, first.ids);
  assert.not.ok(existsSync(record), 'nothing is left to put back');
});

check('an interface that went meanwhile is said and forgotten', () => {
  lab('up', '--offloads');
  ask('--fix');
  lab('down');
  const { status, stdout } = doctor('--undo');
  assert.is(status, 0);
  assert.match(stdout, /^eth0: gone/);
  assert.not.ok(existsSync(record));
});

check('hosts of a laboratory are plain unless asked otherwise, and cannot be put up twice', () => {
  assert.is(lab('up', '--queues', '2', '--mtu', '9000').status, 0);
  const { ids, interface: nic } = ask();
  assert.ok(nic.native);
  assert.equal(
    ids.filter((id) => OFFLOADS.includes(id)),
    [],
  );
  assert.ok(ids.includes('veth-mtu'));
  const again = lab('up');
  assert.is(again.status, 1);
  assert.match(again.stderr, new RegExp(`^lab: the laboratory '${LAB}' is up`));
});

check('errors are one line', () => {
  const gone = doctor('-i', 'nosuch0');
  assert.equal(
    [gone.status, gone.stderr],
    [1, "doctor: there is no interface 'nosuch0' (ip link lists them)\n"],
  );
  assert.is(doctor().status, 2);
  assert.is(lab('sideways').status, 2);
  const rubbish = path.join(folder, 'rubbish.json');
  writeFileSync(rubbish, '{}');
  const { status, stderr } = tool('tools/doctor.ts', '--undo', '--record', rubbish);
  assert.is(status, 1);
  assert.match(stderr, /is not a record of changes/);
});

test.run();
