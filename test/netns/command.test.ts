// SPDX-License-Identifier: BSD-2-Clause
// command.test.ts: a command behind a link: what it sees and reaches, how it ends, what is left.
import { spawnSync } from 'node:child_process';
import dgram from 'node:dgram';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { resultOfStatus } from '../../src/emulation/command-control.js';
import {
  behindArgs,
  descendants,
  machine,
  processesWith,
  reasonToSkip,
  run,
  said,
  start,
  until,
} from './lab.js';

const test = suite('a command behind a link');
const skipped = await reasonToSkip();
const check = (name: string, run: () => Promise<void>) => {
  if (skipped === undefined) test(name, run);
  else {
    console.log(`skip ${name}: ${skipped}`);
    test.skip(name, run);
  }
};

let base = '';
let before = '';
const dir = () => path.join(base, 'shm');
const sh = (script: string) => ['sh', '-c', script];
const js = (script: string) => [process.execPath, '--input-type=module', '-e', script];

test.before.each(() => {
  base = mkdtempSync(path.join(os.tmpdir(), 'netvale-netns-'));
  process.env.NETVALE_DIR = dir();
  before = machine();
});
test.after.each(async () => {
  if (base === '') return;
  await until('the network is as before', () => machine() === before);
  rmSync(base, { recursive: true });
  base = '';
});

/** A server on this machine that says "hello ADDRESS" to who connects. */
async function server(): Promise<{ port: number; close: () => void }> {
  const listening = net.createServer((client) => {
    client.on('error', () => {});
    client.end(`hello ${client.remoteAddress}`);
  });
  await new Promise<void>((resolve) => listening.listen(0, '::', resolve));
  return { port: (listening.address() as net.AddressInfo).port, close: () => listening.close() };
}

/** A script that connects to the machine by both gateways, and prints what it hears and how long connecting took. */
const connectScript = (port: number, more: string[] = []) => `
  import net from 'node:net';
  import { readFileSync } from 'node:fs';
  const hex = readFileSync('/proc/net/route', 'utf8').split('\\n').map((line) => line.split('\\t'))
    .find((fields) => fields[1] === '00000000')[2];
  const gateways = [hex.match(/../g).reverse().map((byte) => parseInt(byte, 16)).join('.'), ...${JSON.stringify(more)}];
  for (const host of gateways) {
    const begin = performance.now();
    const socket = net.connect(${port}, host);
    let text = '', took;
    socket.on('connect', () => { took = performance.now() - begin; });
    for await (const data of socket) text += data;
    console.log(JSON.stringify({ host, text, took }));
  }`;

check('it has an interface, addresses, and nothing of this machine', async () => {
  const script = `console.log(JSON.stringify((await import('node:os')).networkInterfaces()))`;
  const { status, stdout, stderr } = await run(js(script), { SAY: '1' });
  assert.is(status, 0, stderr);
  const ends = JSON.parse(stderr);
  const interfaces = JSON.parse(stdout) as NodeJS.Dict<os.NetworkInterfaceInfo[]>;
  assert.equal(Object.keys(interfaces).sort(), ['eth0', 'lo']);
  const addresses = interfaces.eth0!.map((one) => one.address);
  assert.ok(addresses.includes(ends.address), `${addresses} has not ${ends.address}`);
  assert.match(ends.address, /^100\.(6[4-9]|[789]\d|1[01]\d|12[0-7])\.0\.2$/);
  if (ends.address6 !== undefined) assert.ok(addresses.includes(ends.address6));
});

check('arguments, environment, standard streams and directory are its own', async () => {
  const { child, ended } = start(sh('cat; echo "$0 $1 $MARK"; pwd; echo err >&2').concat('a b', 'c'), {
    MARK: 'here',
  });
  child.stdin!.end('from outside\n');
  const { status, stdout, stderr } = await ended;
  assert.is(status, 0);
  assert.is(stdout, `from outside\na b c here\n${process.cwd()}\n`);
  assert.is(stderr, 'err\n');
});

check('its exit status is passed on', async () => {
  assert.is((await run(sh('exit 7'))).status, 7);
  assert.is((await run(sh('kill -9 $$'))).status, 137);
  const missing = await run(['no-such-program-here']);
  assert.is(missing.status, 127);
  assert.match(missing.stderr, 'cannot run no-such-program-here: there is no such program');
  const file = path.join(base, 'plain');
  writeFileSync(file, 'text');
  chmodSync(file, 0o644);
  const plain = await run([file]);
  assert.is(plain.status, 126);
  assert.match(plain.stderr, 'it may not be executed');
  assert.equal(resultOfStatus(15), { status: 143, signal: 'SIGTERM', error: undefined });
});

check('TCP to this machine, by IPv4 and IPv6, takes the delay of the link', async () => {
  const { port, close } = await server();
  const { child, ended } = start(
    js(`process.stdin.on('data', async (text) => {
    await import('data:text/javascript,' + encodeURIComponent(text)); process.exit(); })`),
    {
      SAY: '1',
      DELAY: '20',
    },
  );
  let stderr = '';
  child.stderr!.on('data', (data) => {
    stderr += data;
  });
  await until('the link is there', () => stderr.includes('\n'));
  const ends = JSON.parse(stderr);
  child.stdin!.write(connectScript(port, ends.gateway6 === undefined ? [] : [ends.gateway6]));
  const { status, stdout } = await ended;
  close();
  assert.is(status, 0);
  const lines = stdout.trim().split('\n');
  assert.is(lines.length, ends.gateway6 === undefined ? 1 : 2);
  for (const line of lines) {
    const { host, text, took } = JSON.parse(line);
    assert.is(text, host === ends.gateway ? `hello ::ffff:${ends.address}` : `hello ${ends.address6}`);
    assert.ok(took >= 39, `connecting took ${took} ms`);
  }
});

check('a link behind a link: delays add up, and this machine answers through both', async () => {
  const { port, close } = await server();
  const inner = [process.execPath, ...behindArgs(...js(connectScript(port)))];
  // The outer gateway is this machine; the inner one is the namespace between, where nobody listens.
  const script = `exec ${inner.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')}`;
  const refused = await run(sh(script), { DELAY: '10' });
  assert.match(refused.stderr, 'ECONNREFUSED');
  const outer = start(
    sh(`read gateway; exec "$0" "$@" "$gateway"`).concat([
      process.execPath,
      ...behindArgs(
        ...js(`const net = await import('node:net');
        const begin = performance.now();
        const socket = net.connect(${port}, process.argv.at(-1));
        let text = '', took;
        socket.on('connect', () => { took = performance.now() - begin; });
        for await (const data of socket) text += data;
        console.log(JSON.stringify({ text, took }));`),
      ),
    ]),
    { SAY: '1', DELAY: '20' },
  );
  let stderr = '';
  outer.child.stderr!.on('data', (data) => {
    stderr += data;
  });
  await until('the link is there', () => stderr.includes('\n'));
  outer.child.stdin!.end(`${JSON.parse(stderr.split('\n')[0]!).gateway}\n`);
  const { status, stdout } = await outer.ended;
  close();
  assert.is(status, 0, stderr);
  const { text, took } = JSON.parse(stdout);
  assert.match(text, /^hello ::ffff:100\./);
  assert.ok(took >= 78, `connecting took ${took} ms through two links of 20 ms each way`);
});

check("names are looked up through the link, at this machine's name server", async () => {
  const socket = dgram.createSocket('udp4');
  const asked: string[] = [];
  socket.on('message', (question, from) => {
    const labels: string[] = [];
    let at = 12;
    for (; question[at] !== 0; at += question[at]! + 1)
      labels.push(question.toString('latin1', at + 1, at + 1 + question[at]!));
    asked.push(labels.join('.'));
    const type = question.readUInt16BE(at + 1);
    const header = Buffer.from(question.subarray(0, at + 5));
    header.writeUInt16BE(0x8180, 2);
    header.writeUInt16BE(type === 1 ? 1 : 0, 6);
    header.writeUInt16BE(0, 10);
    const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 99]);
    socket.send(type === 1 ? Buffer.concat([header, answer]) : header, from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const script = `
    import dns from 'node:dns/promises';
    console.log((await dns.resolve4('direct.example.test'))[0], (await dns.lookup('host.example.test', 4)).address);`;
  const { status, stdout, stderr } = await run(js(script), {
    RESOLVERS: `127.0.0.1:${socket.address().port}`,
  });
  socket.close();
  assert.is(status, 0, stderr);
  assert.is(stdout, '192.0.2.99 192.0.2.99\n');
  assert.ok(asked.includes('host.example.test') && asked.includes('direct.example.test'), asked.join());
});

check('two at once have links of their own', async () => {
  const two = [1, 2].map(() => start(sh('echo up; cat'), { SAY: '1' }));
  await Promise.all(two.map(({ child }) => said(child, 'up')));
  for (const { child } of two) child.stdin!.end();
  const ends = (await Promise.all(two.map(({ ended }) => ended))).map(({ stderr }) => JSON.parse(stderr));
  assert.is.not(ends[0].interface, ends[1].interface);
  assert.is.not(ends[0].address, ends[1].address);
});

check('killed with -9, nothing is left: no process, interface, file', async () => {
  const mark = `netvale-mark-${process.pid}-${Date.now()}`;
  const { child, ended } = start(
    sh(`sleep 1000 ${mark} 2>/dev/null || (sleep 1000; : ${mark}) & echo up; wait`),
  );
  await said(child, 'up');
  assert.ok(processesWith(mark).length > 0);
  child.kill('SIGKILL');
  assert.is((await ended).signal, 'SIGKILL');
  await until('all processes are gone', () => processesWith(mark).length === 0);
  // What it left in shared memory the next one clears.
  assert.is((await run(['true'])).status, 0);
  assert.not.ok(readdirSync(base).includes('shm') && readdirSync(dir()).length > 0, 'files are left');
});

check('the namespaces killed from outside: the command counts as killed, the program ends', async () => {
  const { child, ended } = start(sh('echo up; cat'));
  await said(child, 'up');
  const ours = descendants(child.pid!);
  const [first] = processesWith('behind.ts').filter((pid) => ours.includes(pid));
  assert.ok(first !== undefined);
  process.kill(first, 'SIGKILL');
  assert.is((await ended).status, 137);
});

check('what the command left running goes when it ends', async () => {
  const mark = `netvale-left-${process.pid}-${Date.now()}`;
  const { status } = await run(sh(`(trap '' TERM HUP; sleep 1000; : ${mark}) >/dev/null 2>&1 & exit 3`));
  assert.is(status, 3);
  await until('it is gone', () => processesWith(mark).length === 0);
});

check('signals are passed on', async () => {
  for (const name of ['SIGTERM', 'SIGUSR1', 'SIGINT'] as const) {
    const { child, ended } = start(
      sh(`trap 'echo ${name}; exit 9' ${name.slice(3)}; echo up; while :; do sleep 0.1; done`),
    );
    await said(child, 'up');
    child.kill(name);
    const { status, stdout } = await ended;
    assert.is(stdout, `up\n${name}\n`);
    assert.is(status, 9);
  }
});

check(
  "beyond this machine, where it forwards: under the machine's address, and untouched otherwise",
  async () => {
    const forwarding = '/proc/sys/net/ipv4/ip_forward';
    const inNewNamespace = (script: string, ...args: string[]) =>
      spawnSync('unshare', ['-n', 'sh', '-c', script, 'sh', ...args], { encoding: 'utf8', env: process.env });
    const program = [process.execPath, '--import', 'tsx', path.join(import.meta.dirname, 'masquerade.ts')];
    const { stdout, stderr } = inNewNamespace(
      `echo 1 > ${forwarding} && "$@" && cat ${forwarding}`,
      ...program,
    );
    const ends = JSON.parse(/\{.*\}/.exec(stdout)?.[0] ?? assert.unreachable(stdout + stderr) ?? '');
    assert.is(ends.client.wider, 'translated');
    assert.match(stdout, `saw ${ends.server.gateway}\n`);
    assert.match(stdout, /\n1\n$/);
    // Without forwarding it is told, and nothing is switched on.
    const behind = behindArgs('true');
    const quiet = inNewNamespace(`SAY=1 "$@"; cat ${forwarding}`, process.execPath, ...behind);
    assert.is(JSON.parse(quiet.stderr).wider, 'none');
    assert.is(quiet.stdout, '0\n');
  },
);

test.run();
