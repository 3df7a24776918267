// SPDX-License-Identifier: BSD-2-Clause
// pack.test.ts: the tarball as its user has it: installed in an empty folder where there is no compiler, without any
// install script, it has the program and the library.
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('../..', import.meta.url));
const base = mkdtempSync(path.join(tmpdir(), 'netvale-pack-'));
const bin = path.join(base, 'bin');
const folder = path.join(base, 'empty');

test.before(() => {
  mkdirSync(bin);
  mkdirSync(folder);
  for (const command of ['node', 'npm', 'npx', 'sh', 'env']) {
    const found = (process.env.PATH ?? '').split(':').map((dir) => path.join(dir, command));
    symlinkSync(found.find((file) => existsSync(file))!, path.join(bin, command));
  }
});

test.after(() => rmSync(base, { recursive: true, force: true }));

/** Run a command in the empty folder, with nothing but Node and npm on its PATH. */
function inFolder(command: string, ...args: string[]): string {
  return execFileSync(path.join(bin, command), args, {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { HOME: process.env.HOME ?? base, PATH: bin, NETVALE_DIR: path.join(base, 'shm') },
  });
}

/** Packages that a package of this checkout needs, and those that these need: their folders. */
function needs(name: string, found = new Set<string>()): Set<string> {
  const manifest = path.join(root, name === '' ? '' : path.join('node_modules', name), 'package.json');
  const { dependencies = {} } = JSON.parse(readFileSync(manifest, 'utf8')) as {
    dependencies?: Record<string, string>;
  };
  for (const one of Object.keys(dependencies))
    if (!found.has(one)) {
      found.add(one);
      needs(one, found);
    }
  return found;
}

test('the tarball installs and works where there is no compiler', () => {
  const packed = execFileSync('npm', ['pack', '--json', '--pack-destination', base], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, HOME: process.env.HOME ?? base }, // npm writes there, and a user may have no home
  });
  const tarball = readdirSync(base).find((name) => name.endsWith('.tgz'))!;
  assert.match(packed, tarball);

  writeFileSync(path.join(folder, 'package.json'), '{ "name": "user", "type": "module" }\n');
  // From what is here: no registry has to be reached.
  const needed = [...needs('')].map((name) => path.join(root, 'node_modules', name));
  const how = ['--offline', '--install-links', '--ignore-scripts', '--no-audit', '--no-fund'];
  inFolder('npm', 'install', ...how, path.join(base, tarball), ...needed);
  const installed = path.join(folder, 'node_modules', 'netvale');
  const { scripts } = JSON.parse(readFileSync(path.join(installed, 'package.json'), 'utf8')) as {
    scripts: object;
  };
  for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) assert.not(name in scripts, name);
  assert.ok(existsSync(path.join(installed, 'prebuilds', `linux-${process.arch}`, 'netvale.node')));
  assert.not(existsSync(path.join(installed, 'build')));
  assert.not(existsSync(path.join(installed, 'dist', 'tools', 'dev')));
  assert.ok(existsSync(path.join(installed, 'dist', 'src', 'index.d.ts')));
  // Only what the package names as its dependencies came along (and what those need).
  assert.not(existsSync(path.join(folder, 'node_modules', 'node-addon-api')));

  const output = inFolder('npx', 'pkt-gen', '-i', 'null', '-f', 'tx', '-n', '1000');
  assert.match(output, 'Sent 1000 packets 60000 bytes');

  writeFileSync(
    path.join(folder, 'program.js'),
    `import { openPort } from 'netvale';
     const a = openPort('vale0:a');
     const b = openPort('vale0:b');
     a.tx.reserve(1);
     a.tx.packet(0).fill(255, 0, 60);
     a.tx.lengths[0] = 60;
     a.tx.send();
     console.log('received', b.rx.receive());
     a.close();
     b.close();`,
  );
  assert.is(inFolder('node', 'program.js'), 'received 1\n');
});

test('npx finds the program in the checkout, too', () => {
  const output = execFileSync('npx', ['pkt-gen', '--version'], {
    cwd: root,
    encoding: 'utf8',
    stdio: 'pipe',
    env: { ...process.env, HOME: process.env.HOME ?? base },
  });
  assert.match(output, /^pkt-gen \d/);
});

test.run();
