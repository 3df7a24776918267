// SPDX-License-Identifier: BSD-2-Clause
// pack.test.ts: the tarball as its user has it: installed in an empty folder where there is no compiler, without any
// install script, it has the program and the library.
import { execFileSync, spawnSync } from 'node:child_process';
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
const installed = path.join(folder, 'node_modules', 'netvale');

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

  // What docs/c-library.md promises: headers and the library are in the package.
  const program = path.join(base, 'send');
  const library = path.join(installed, 'prebuilds', `linux-${process.arch}`, 'libnetvale_core.a');
  const source = path.join(installed, 'docs', 'examples', 'send.c');
  const include = path.join(installed, 'native', 'include');
  execFileSync('cc', ['-O2', '-I', include, source, library, '-lpthread', '-lm', '-o', program]);
  const sent = execFileSync(program, ['null:', '1000'], {
    encoding: 'utf8',
    env: { ...process.env, NETVALE_DIR: path.join(base, 'shm') },
  });
  assert.match(sent, '1000 packets sent');

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

const pagesForMan = 'the package has a manual page for each program';
const readPages = (): void => {
  const { man, bin } = JSON.parse(readFileSync(path.join(installed, 'package.json'), 'utf8')) as {
    man: string[];
    bin: object;
  };
  for (const name of Object.keys(bin)) {
    const page = path.join(installed, 'man', `${name}.1`);
    assert.ok(man.includes(`man/${name}.1`), name);
    const shown = spawnSync('man', ['--warnings', '-l', page], {
      encoding: 'utf8',
      env: { ...process.env, MANWIDTH: '80' },
    });
    assert.is(shown.status, 0, shown.stderr);
    assert.is(shown.stderr, '', 'groff has nothing to say');
    assert.match(shown.stdout, new RegExp(`NAME\\s+${name} - \\w+`));
  }
};
if (spawnSync('man', ['--version']).status === 0) test(pagesForMan, readPages);
else {
  console.log(`skip ${pagesForMan}: man is not installed`);
  test.skip(pagesForMan, readPages);
}

test('the completion for bash offers the options that help lists', () => {
  const script = `. docs/examples/completion.bash; PATH="$PWD/node_modules/.bin:$PATH"
    COMPREPLY=(); _netvale_options pkt-gen --ti; echo "\${COMPREPLY[@]}"
    COMPREPLY=(); _netvale_options emulate --del; echo "\${COMPREPLY[@]}"
    COMPREPLY=(); _netvale_options bridge --ru; echo "\${COMPREPLY[@]}"
    COMPREPLY=(); _netvale_options doctor --un; echo "\${COMPREPLY[@]}"; complete -p doctor`;
  const { stdout, stderr } = spawnSync('bash', ['-c', script], { cwd: root, encoding: 'utf8' });
  assert.equal(stdout.split('\n').slice(0, 4), ['--time', '--delay', '--rules --rule', '--undo'], stderr);
  assert.match(stdout, '_netvale_options doctor');
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
