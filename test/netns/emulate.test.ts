// SPDX-License-Identifier: BSD-2-Clause
// emulate.test.ts: `emulate ... -- COMMAND`: the link's rate and delay as the command meets them, chains, statuses.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ended, machine, type Ran, reasonToSkip, until } from './lab.js';

const test = suite('emulate -- command');
const skipped = await reasonToSkip();
const check = (name: string, body: () => Promise<void>) => {
  if (skipped === undefined) test(name, body);
  else {
    console.log(`skip ${name}: ${skipped}`);
    test.skip(name, body);
  }
};

const program = path.resolve(import.meta.dirname, '../../tools/emulate.ts');
const words = (...args: string[]) => [process.execPath, '--import', 'tsx', program, ...args];
const before = machine();
let base = '';

test.before(() => {
  base = mkdtempSync(path.join(os.tmpdir(), 'netvale-netns-'));
});
test.after(async () => {
  await until('the network is as before', () => machine() === before);
  rmSync(base, { recursive: true });
});

function emulate(...args: string[]): Promise<Ran> {
  const [node, ...rest] = words(...args);
  return ended(spawn(node!, rest, { env: { ...process.env, NETVALE_DIR: path.join(base, 'shm') } }));
}

/** A server that sends `bytes` bytes to whoever connects. */
async function source(bytes: number): Promise<{ port: number; close: () => void }> {
  const server = net.createServer((client) => {
    client.on('error', () => {});
    client.end(Buffer.alloc(bytes));
  });
  await new Promise<void>((resolve) => server.listen(0, '::', resolve));
  return { port: (server.address() as net.AddressInfo).port, close: () => server.close() };
}

/** Connects to the machine behind the default gateway and takes what comes: milliseconds to connect, and to the end. */
const fetchScript = (port: number) => `
  const net = await import('node:net');
  const { readFileSync } = await import('node:fs');
  const hex = readFileSync('/proc/net/route', 'utf8').split('\\n').map((line) => line.split('\\t'))
    .find((fields) => fields[1] === '00000000')[2];
  const gateway = hex.match(/../g).reverse().map((byte) => parseInt(byte, 16)).join('.');
  const begin = performance.now();
  const socket = net.connect(${port}, process.env.TARGET ?? gateway);
  let bytes = 0, connected;
  socket.on('connect', () => { connected = performance.now(); });
  for await (const data of socket) bytes += data.length;
  console.log(JSON.stringify({ connect: connected - begin, all: performance.now() - begin, bytes }));`;
const fetcher = (port: number) => [process.execPath, '--input-type=module', '-e', fetchScript(port)];

check('bandwidth and delay are those that were asked for', async () => {
  const bytes = 500_000;
  const { port, close } = await source(bytes);
  const { status, stdout, stderr } = await emulate(
    '--bw',
    '4Mbit/s',
    '--delay',
    '20ms',
    '--',
    ...fetcher(port),
  );
  close();
  assert.is(status, 0, stderr);
  const got = JSON.parse(stdout);
  assert.is(got.bytes, bytes);
  assert.ok(got.connect >= 40, `connecting took ${got.connect} ms, the round trip is 40`);
  // Headers make it slower, never faster, than the link. From the beginning: who looks late sees it connected late.
  assert.ok(got.all >= 40 + (bytes * 8) / 4000, `${bytes} bytes in ${got.all} ms is more than 4 Mbit/s`);
});

check('emulate inside emulate: delays add up', async () => {
  const { port, close } = await source(10);
  // The target is asked for by the outer command, which sees the machine's address.
  const script = `TARGET=$(node -e "const hex=require('fs').readFileSync('/proc/net/route','utf8').split('\\\\n')
    .map((line)=>line.split('\\\\t')).find((f)=>f[1]==='00000000')[2];
    console.log(hex.match(/../g).reverse().map((b)=>parseInt(b,16)).join('.'))") exec "$@"`;
  const inner = words('--delay', '10ms', '--', ...fetcher(port));
  const { status, stdout, stderr } = await emulate(
    '--delay',
    '15ms',
    '--',
    'sh',
    '-c',
    script,
    'sh',
    ...inner,
  );
  close();
  assert.is(status, 0, stderr);
  const { connect, bytes } = JSON.parse(stdout);
  assert.is(bytes, 10);
  assert.ok(connect >= 50, `connecting took ${connect} ms, the round trip is 50`);
});

check('rules decide what the command may send', async () => {
  const { port, close } = await source(10);
  const { stderr } = await emulate(
    '--rule',
    `add reset tcp from any to any ${port} out`,
    '--',
    ...fetcher(port),
  );
  close();
  assert.match(stderr, 'ECONNREFUSED');
});

check('statuses, errors, reports', async () => {
  assert.is((await emulate('--delay', '1ms', '--', 'sh', '-c', 'exit 5')).status, 5);
  const missing = await emulate('--', 'no-such-program');
  assert.is(missing.status, 127);
  assert.match(missing.stderr, 'emulate: cannot run no-such-program: there is no such program\n');
  for (const [args, why] of [
    [['--'], 'there is no command after --'],
    [['-i', 'vale0:a', '--', 'true'], "-i: 'vale0:a': a command has the link's ends made for it"],
  ] as const) {
    const { status, stderr } = await emulate(...args);
    assert.is(status, 2);
    assert.match(stderr, why);
  }
  assert.is((await emulate('--delay', 'soon', '--', 'true')).status, 2);
  const report = path.join(base, 'report.html');
  assert.is((await emulate('--delay', '1ms', '--report', report, '--', 'true')).status, 0);
  assert.match(readFileSync(report, 'utf8'), '<html');
});

check('without rights it says which are needed, and does nothing', async () => {
  // As nobody, who may not even open /dev/net/tun; and as root without one capability.
  const needs =
    /^emulate: running a command behind a link needs CAP_SYS_ADMIN and CAP_NET_ADMIN.*: run as root, .*unshare --user --map-root-user --net\n$/;
  const device = /^emulate: .*: no right to open \/dev\/net\/tun: run as root, .*\n$/;
  const open = (statSync('/dev/net/tun').mode & 0o6) === 0o6; // for everybody
  for (const [why, ...how] of [
    [open ? needs : device, '--reuid', '65534', '--regid', '65534', '--clear-groups'],
    [needs, '--bounding-set', '-sys_admin', '--inh-caps', '-sys_admin'],
    [needs, '--bounding-set', '-net_admin', '--inh-caps', '-net_admin'],
  ] as [RegExp, ...string[]][]) {
    const { status, stderr } = spawnSync('setpriv', [...how, ...words('--delay', '1ms', '--', 'true')], {
      encoding: 'utf8',
      env: { ...process.env, NETVALE_DIR: path.join(base, 'other') },
    });
    assert.is(status, 1);
    assert.match(stderr, why);
  }
});

test.run();
