// SPDX-License-Identifier: BSD-2-Clause
// steps.mjs: the steps of the set-up as data: what each depends on, where its stamp stands, how it is carried out.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { buildDir, hashOf, root, run, SetupError } from './common.mjs';
import { MANUALS, makeManuals, pageOf } from './manuals.mjs';

const inModules = (...names) => path.join(root, 'node_modules', ...names);

/** Commands the builds need, with the Debian package of each. */
const NEEDED = [
  ['gcc', 'gcc'],
  ['g++', 'g++'],
  ['make', 'make'],
  ['cmake', 'cmake'],
];

function onPath(command) {
  return (process.env.PATH ?? '').split(':').some((dir) => {
    try {
      fs.accessSync(path.join(dir, command), fs.constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Make sure commands exist. Missing ones are installed, in one go, when we are root on a Debian-like system;
 * otherwise the error says what to type.
 */
export async function needCommands(needed = NEEDED) {
  const lacking = needed.filter(([command]) => !onPath(command)).map(([, name]) => name);
  const missing = [...new Set(lacking)];
  if (missing.length === 0) return;
  const command = `apt-get install --yes --no-install-recommends ${missing.join(' ')}`;
  if (process.getuid() !== 0 || !onPath('apt-get'))
    throw new SetupError(`missing: ${missing.join(', ')}. Install with:\n  sudo ${command}`);
  console.error(`set-up: installing ${missing.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update'], { env });
  // Another installation on this machine is waited for.
  await run('apt-get', ['--option=DPkg::Lock::Timeout=600', ...command.split(' ').slice(1)], { env });
}

/** The same for commands that only some tests use: what is missing is said, and those tests say that they skip. */
export async function wantCommands(wanted) {
  try {
    await needCommands(wanted);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(`set-up: tests will be skipped. ${error.message.trim()}`);
  }
}

function compilerVersion() {
  try {
    return execFileSync('gcc', ['-dumpfullversion'], { encoding: 'utf8' }).trim();
  } catch {
    return '';
  }
}

/** A build tree that was made for another folder cannot be used: CMake refuses it. */
function dropForeignBuild() {
  const cache = path.join(buildDir, 'CMakeCache.txt');
  if (!fs.existsSync(cache)) return;
  const home = /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(fs.readFileSync(cache, 'utf8'));
  if (home?.[1] === root) return;
  for (const name of fs.readdirSync(buildDir))
    if (!name.startsWith('.')) fs.rmSync(path.join(buildDir, name), { recursive: true });
}

async function buildNative() {
  await needCommands();
  dropForeignBuild();
  const cmakeJs = inModules('cmake-js', 'bin', 'cmake-js');
  await run(process.execPath, [cmakeJs, 'configure', '--out', buildDir, '--CDNETVALE_TESTS=ON']);
  await run('cmake', ['--build', buildDir, '--parallel', String(os.availableParallelism())]);
  // What a tarball carries, so that its user needs no compiler.
  const folder = path.join(root, 'prebuilds', `linux-${process.arch}`);
  fs.mkdirSync(folder, { recursive: true });
  for (const [made, name] of [
    [path.join('Release', 'netvale.node'), 'netvale.node'],
    ['libnetvale_core.a', 'libnetvale_core.a'],
  ])
    await run('strip', ['--strip-debug', '-o', path.join(folder, name), path.join(buildDir, made)]);
}

async function buildTypeScript() {
  fs.rmSync(path.join(root, 'dist'), { recursive: true, force: true });
  await run(process.execPath, [inModules('typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json']);
  // `npx NAME` finds the programs of this checkout as it finds those of an installed package.
  const { bin } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  for (const [name, file] of Object.entries(bin)) {
    fs.chmodSync(path.join(root, file), 0o755);
    const link = inModules('.bin', name);
    fs.rmSync(link, { force: true });
    fs.symlinkSync(path.join('..', '..', file), link);
  }
}

/** name, stamp file, fingerprint of what it depends on, work. Later steps may depend on earlier ones. */
export const steps = [
  {
    name: 'npm packages',
    stamp: inModules('.netvale-stamp'),
    fingerprint: () => hashOf(['package.json', 'package-lock.json', '.npmrc'], process.version, process.arch),
    work: () => run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']),
  },
  {
    name: 'native code',
    stamp: path.join(buildDir, '.native-stamp'),
    fingerprint: () =>
      hashOf(
        ['package-lock.json', 'CMakeLists.txt', 'native', 'test/native', 'test/bench', 'pcapshim'],
        root,
        process.arch,
        compilerVersion(),
      ),
    work: buildNative,
  },
  {
    name: 'TypeScript',
    stamp: path.join(root, 'dist', '.stamp'),
    fingerprint: () => hashOf(['package.json', 'tsconfig.json', 'tsconfig.build.json', 'src', 'tools']),
    work: buildTypeScript,
  },
  {
    name: 'manual pages',
    stamp: path.join(root, 'man', '.stamp'),
    fingerprint: () => hashOf(['package-lock.json', 'tools/dev/setup/manuals.mjs', ...MANUALS.map(pageOf)]),
    work: makeManuals,
  },
];
