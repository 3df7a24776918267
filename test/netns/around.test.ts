// SPDX-License-Identifier: BSD-2-Clause
// around.test.ts: `emulate ... -- COMMAND` as its user sees it: what it says, the files it writes, links behind and beside
// links, signals at every moment, and what is left afterwards.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import dgram from 'node:dgram';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openCapture } from '../../src/capture/index.js';
import { violations } from '../unit/schema.js';
import { ended, machine, type Ran, reasonToSkip, until } from './lab.js';

const test = suite('around a command');
const skipped = await reasonToSkip();
const check = (name: string, body: () => Promise<void>) => {
  if (skipped === undefined) test(name, body);
  else {
    console.log(`skip ${name}: ${skipped}`);
    test.skip(name, body);
  }
};

const tool = (name: string) => path.resolve(import.meta.dirname, `../../dist/tools/${name}.js`);
const words = (...args: string[]) => [process.execPath, tool('emulate'), ...args];
const quoted = (...args: string[]) => args.map((word) => `'${word}'`).join(' ');
const before = machine();
let base = '';
const shm = () => path.join(base, 'shm');
const env = () => ({ ...process.env, NETVALE_DIR: shm() });

test.before.each(() => {
  base = mkdtempSync(path.join('/dev/shm', 'netvale-around-'));
  mkdirSync(shm(), { mode: 0o700 });
});
test.after.each(async () => {
  await until('the network is as before', () => machine() === before);
  rmSync(base, { recursive: true });
});

/** Start it as the leader of a group of its own, as a shell does: what goes to -pid goes to the command, too. */
function start(...args: string[]): { child: ChildProcess; heard: () => string; ended: Promise<Ran> } {
  const [node, ...rest] = words(...args);
  const child = spawn(node!, rest, { env: env(), detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stderr!.on('data', (data) => {
    text += data;
  });
  return { child, heard: () => text, ended: ended(child) };
}
const emulate = (...args: string[]): Promise<Ran> => start(...args).ended;
const sh = (script: string) => ['--', 'sh', '-c', script];

/** Files of shared memory and control sockets that are there. */
const left = (): string[] =>
  [shm(), `${shm()}.control`].flatMap((folder) => (existsSync(folder) ? readdirSync(folder) : []));
const PING = 'ping -q -i 0.2 gateway.emulate';

check('the other end has a name and a variable, in a link behind a link the nearest', async () => {
  const script = `getent hosts gateway.emulate; echo $EMULATE_GATEWAY; ip route show default; env | grep -c ^EMULATE_GATEWAY=;
    grep -c gateway.emulate /etc/hosts; grep localhost /etc/hosts`;
  const { status, stdout, stderr } = await emulate('--delay', '1ms', ...sh(script));
  assert.is(status, 0, stderr);
  const [hosts, variable, route, ...counts] = stdout.split('\n');
  assert.is(hosts!.split(/\s+/)[0], variable);
  assert.match(route!, `default via ${variable} `);
  assert.equal(counts.slice(0, 2), ['1', '1']);
  assert.match(counts.join('\n'), 'localhost');
  const inner = await emulate(
    '--delay',
    '1ms',
    ...sh(`echo $EMULATE_GATEWAY; exec ${quoted(...words('-q', '--delay', '1ms', ...sh(script)))}`),
  );
  assert.is(inner.status, 0, inner.stderr);
  const [outer, nearest, itsVariable, itsRoute, ...itsCounts] = inner.stdout.split('\n');
  assert.is.not(outer, itsVariable);
  assert.is(nearest!.split(/\s+/)[0], itsVariable);
  assert.match(itsRoute!, `default via ${itsVariable} `);
  assert.equal(itsCounts.slice(0, 2), ['1', '1']);
});

check('four deep, and two nests side by side, each with sockets of its own', async () => {
  const nest = (depth: number, ...last: string[]): string[] =>
    depth === 0 ? last : words('-q', '--delay', '1ms', '--', ...nest(depth - 1, ...last));
  const deep = (depth: number, ...last: string[]) => emulate(...nest(depth, ...last).slice(2));
  const [four, five, ...beside] = await Promise.all([
    deep(4, 'sh', '-c', 'exit 4'),
    deep(5, 'true'),
    deep(2, 'sh', '-c', 'exit 2'),
    deep(2, 'sh', '-c', 'exit 3'),
  ]);
  assert.is(four!.status, 4, four!.stderr);
  assert.equal(
    beside.map(({ status }) => status),
    [2, 3],
    beside.map(({ stderr }) => stderr).join(''),
  );
  assert.is(five!.status, 1);
  assert.match(five!.stderr, 'links nest too deep: at most four');
  assert.equal(left(), []);
});

check(
  'what was understood is said once in plain units, and the end in one line; -q says nothing',
  async () => {
    const link = ['--bw', '10Mbit/s', '--down', '2Mbit/s', '--delay', '20ms', '--loss', ',1%'];
    const plain = await emulate(...link, ...sh(`${PING} -c 2 >/dev/null`));
    assert.is(plain.status, 0, plain.stderr);
    const lines = plain.stderr.trimEnd().split('\n');
    assert.is(lines.filter((line) => line.includes('reaches this machine only')).length <= 1, true);
    assert.ok(
      lines.includes('emulate: up, out of the command: 10 Mbit/s, delay 20 ms, queue 50000 bytes (40 ms)'),
    );
    assert.ok(
      lines.includes(
        'emulate: down, into the command: 2 Mbit/s, delay 20 ms, queue 48448 bytes (194 ms), loss 1 %',
      ),
    );
    assert.match(lines.at(-1)!, /^emulate: up \d+ packets \d+ bytes, none lost, delay 20\.\d+ ms median, /);
    assert.match(lines.at(-1)!, /; down \d+ packets \d+ bytes, (none )?lost/);
    const quiet = await emulate('-q', ...link, ...sh('exit 3'));
    assert.equal([quiet.status, quiet.stdout, quiet.stderr], [3, '', '']);
  },
);

check('-v: addresses, rules, the socket; and at the end what two ports get', async () => {
  const { stderr } = await emulate(
    '--bw',
    '10Mbit/s',
    '--delay',
    '20ms',
    '-v',
    ...sh(`${PING} -c 2 >/dev/null`),
  );
  assert.match(
    stderr,
    /^emulate: eth0 100\.[\d.]+2 \(inside\) <-> emulate\d+ 100\.[\d.]+1 \(outside\), seed \d+$/m,
  );
  assert.match(stderr, /^emulate: 00100 pipe 1 ip from any to any out$/m);
  assert.match(stderr, /^emulate: control socket .*\.sock$/m);
  assert.is(stderr.match(/10 Mbit\/s, delay 20 ms/g)?.length, 2, 'each link once');
  assert.not.match(stderr, /q131073|sched 65537/);
  assert.match(stderr, /^emulate: inside > outside: \d+ packets \d+ bytes in, /m);
  assert.match(stderr, /^emulate: pipe 1: promised 10\.000 Mbit\/s, 20\.000 ms; measured /m);
});

check('--json and -T: records and reports on stderr, as two ports have them', async () => {
  const json = await emulate('--delay', '1ms', '--json', '-T', '50', ...sh(`${PING} -c 3`));
  assert.match(json.stdout, 'rtt min');
  const records = json.stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
  for (const record of records) assert.equal(violations(record), []);
  assert.ok(records.length > 2);
  const result = records.at(-1);
  assert.is(result.type, 'result');
  const sum = records.slice(0, -1).reduce((all: number, record) => all + record.directions[0].rx_packets, 0);
  assert.is(sum, result.directions[0].rx_packets);
  const text = await emulate('--delay', '1ms', '-T', '50', ...sh(`${PING} -c 2 >/dev/null`));
  assert.match(text.stderr, /^emulate: inside > outside .*pps in, /m);
});

check('every output is opened before the command starts, and written', async () => {
  const file = (name: string) => path.join(base, name);
  for (const [option, name] of [
    ['--report', 'nowhere/x.html'],
    ['--report', 'nowhere/x.json'],
    ['--log', 'nowhere/x.log'],
    ['--log', 'nowhere/x.pcapng'],
    ['--capture', 'nowhere/x.pcapng'],
  ] as const) {
    const { status, stderr } = await emulate(
      '-q',
      '--delay',
      '1ms',
      option,
      file(name),
      '--',
      'touch',
      file('ran'),
    );
    assert.is(status, 1);
    assert.match(stderr, /^emulate: .*nowhere.*\n$/);
    assert.not.ok(existsSync(file('ran')), `${option}: the command ran`);
  }
  const outputs = [
    '--report',
    file('r.html'),
    '--report',
    file('r.json'),
    '--log',
    file('l'),
    '--log',
    file('m.pcapng'),
  ];
  const rules = ['--rule', 'pipe 1 config delay 1ms', '--rule', 'add pipe 1 log icmp from any to any'];
  const { status, stderr } = await emulate(
    ...outputs,
    ...rules,
    '--capture',
    file('c.pcapng'),
    ...sh(`${PING} -c 2`),
  );
  assert.is(status, 0, stderr);
  assert.match(stderr, /^emulate: pipe 1: no limit of rate, delay 1 ms$/m);
  assert.match(readFileSync(file('r.html'), 'utf8'), '</html>');
  const records = readFileSync(file('r.json'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.is(records.at(-1).type, 'result');
  assert.match(readFileSync(file('l'), 'utf8'), '"event":"depart"');
  assert.is([...openCapture(file('m.pcapng'))].length, 4);
  assert.ok([...openCapture(file('c.pcapng'))].length >= 8);
});

check(
  'Ctrl-C, and what is on the link is waited for, which is said; a second one ends in order',
  async () => {
    const { child, heard, ended } = start('--delay', '9s', ...sh(PING));
    await until('packets are on the link', () => heard().includes('down, into the command'));
    // The command gets it, too, and ends.
    await until('it pings', () => spawnSync('pgrep', ['-g', String(child.pid), 'ping']).status === 0);
    process.kill(-child.pid!, 'SIGINT');
    await until('it says what it waits for', () => /waiting for \d+ packets? on the link/.test(heard()));
    process.kill(-child.pid!, 'SIGINT');
    const { status, signal, stderr } = await ended;
    assert.is(signal, null);
    assert.is(status, 130, stderr);
    assert.match(stderr, /stopped \d+/);
    assert.equal(left(), []);
  },
);

check('Ctrl-C in the first moments: in order, too', async () => {
  for (const name of ['region', 'wait']) {
    const { child, ended } = start('-q', '--delay', '9s', ...sh('sleep 1000'));
    await until('its shared memory is there', () => left().some((file) => file.startsWith(name)));
    process.kill(-child.pid!, 'SIGINT');
    const { status, signal } = await ended;
    assert.equal([status, signal], [130, null]);
    assert.equal(left(), []);
  }
});

check('killed with -9: the next program of any kind takes away what was left', async () => {
  for (const [program, ...args] of [
    ['ipfw', '-n', 'add', 'allow', 'ip', 'from', 'any', 'to', 'any'],
    ['pkt-gen', '-i', 'null:', '-f', 'tx', '-n', '1'],
    ['emulate', '-q', '--delay', '1ms', '--', 'true'],
  ]) {
    const { child, heard, ended } = start('--delay', '1ms', ...sh('sleep 1000'));
    await until('it runs', () => heard().includes('down, into the command'));
    child.kill('SIGKILL');
    await ended;
    assert.ok(left().some((name) => name.startsWith('region')));
    assert.ok(left().some((name) => name.endsWith('.sock')));
    const next = spawnSync(process.execPath, [tool(program!), ...args], {
      env: env(),
      encoding: 'utf8',
    });
    assert.is(next.status, 0, next.stderr);
    assert.equal(left(), []);
  }
});

check('a scheduler of one word, and a folder for the socket that is not there', async () => {
  const { status, stderr } = await emulate(
    '--bw',
    '5Mbit/s',
    '--sched',
    'fq_codel',
    '-v',
    ...sh(`${PING} -c 2`),
  );
  assert.is(status, 0, stderr);
  assert.match(stderr, /^emulate: up, out of the command: 5 Mbit\/s, delay 0 ms, scheduler fq_codel$/m);
  assert.match(stderr, /^emulate: 00100 queue 1 ip from any to any out$/m);
  const nowhere = path.join(base, 'nowhere', 's');
  const refused = await emulate('-q', '--socket', nowhere, '--delay', '1ms', '--', 'true');
  assert.is(refused.status, 71);
  assert.match(refused.stderr, `emulate: cannot listen on ${nowhere}: ENOENT: no folder `);
});

check(
  'UDP: the gateway answers whatever the server binds, another address of the machine where the server binds it',
  async () => {
    const other = Object.values(os.networkInterfaces())
      .flat()
      .find((one) => one?.family === 'IPv4' && !one.internal)?.address;
    const echo = async (address: string): Promise<dgram.Socket> => {
      const socket = dgram.createSocket('udp4');
      socket.on('message', (text, from) => socket.send(text, from.port, from.address));
      await new Promise<void>((resolve) => socket.bind(0, address, resolve));
      return socket;
    };
    const all = await echo('0.0.0.0');
    const bound = other === undefined ? undefined : await echo(other);
    const asked = [
      ['gateway.emulate', all.address().port],
      ...(bound ? [[other, bound.address().port]] : []),
    ];
    // A connected socket, which takes answers from the address it asked alone.
    const script = `
    for (const [address, port] of ${JSON.stringify(asked)}) {
      const socket = require('dgram').createSocket('udp4');
      socket.connect(port, address, () => {
        const again = setInterval(() => socket.send('hello'), 200);
        socket.once('message', (text) => { console.log(String(text)); clearInterval(again); socket.close(); });
      });
    }`;
    const { status, stdout, stderr } = await emulate(
      '-q',
      '--delay',
      '1ms',
      '--',
      process.execPath,
      '-e',
      script,
    );
    all.close();
    bound?.close();
    assert.is(status, 0, stderr);
    assert.is(stdout, 'hello\n'.repeat(asked.length));
  },
);

check("nobody reads what it says: the status is the command's all the same", async () => {
  const { child, ended } = start('--delay', '1ms', ...sh('read line < /dev/null; exit 7'));
  child.stderr!.destroy();
  assert.is((await ended).status, 7);
});

test.run();
