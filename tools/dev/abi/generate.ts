// SPDX-License-Identifier: BSD-2-Clause
// generate.ts: the text of src/abi.ts: names come from the headers as the preprocessor leaves them, numbers from a C program
// that the compiler makes of these names.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CONSTANTS, ENUMS, HEADERS, type Spelling } from './tables.js';

const FLAGS = ['-std=gnu11', '-D_GNU_SOURCE', '-I', 'native/include', '-I', 'native'];
const includes = HEADERS.map((header) => `#include "${header}"\n`).join('');

/** The text of all headers behind the preprocessor: macros that list members are members there. */
function preprocessed(): string {
  return execFileSync('gcc', [...FLAGS, '-E', '-P', '-x', 'c', '-'], {
    input: includes,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
}

/** Members of an enum of C, in order, without a last one that only counts. Throws when there is no such enum. */
function membersOf(source: string, tag: string): string[] {
  const body = new RegExp(`\\benum ${tag}\\s*\\{([^}]*)\\}`).exec(source)?.[1];
  if (body === undefined) throw new Error(`no header has an enum ${tag}`);
  const names = [...body.matchAll(/(?:^|,)\s*([A-Za-z_]\w*)/g)].map(([, name]) => name!);
  return /_COUNT$|^NV_EMU_SCHEDULERS$/.test(names.at(-1)!) ? names.slice(0, -1) : names;
}

/** What the C compiler makes of names. */
function numbersOf(names: string[]): bigint[] {
  const folder = mkdtempSync(path.join(tmpdir(), 'netvale-abi-'));
  try {
    const file = path.join(folder, 'numbers');
    const lines = names.map((name) => `    printf("%lld\\n", (long long)(${name}));\n`).join('');
    writeFileSync(`${file}.c`, `#include <stdio.h>\n${includes}int main(void)\n{\n${lines}}\n`);
    execFileSync('gcc', [...FLAGS, '-o', file, `${file}.c`]);
    return execFileSync(file, { encoding: 'utf8' }).trim().split('\n').map(BigInt);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function spell(name: string, prefix: string, spelling: Spelling): string {
  if (!name.startsWith(prefix)) throw new Error(`${name} does not begin with ${prefix}`);
  const rest = name.slice(prefix.length).toLowerCase();
  if (spelling === 'kebab') return rest.replaceAll('_', '-');
  if (spelling === 'snake') return rest;
  return rest.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** A number as TypeScript has it: hexadecimal where it is large, a bigint where a number would not hold it. */
function literal(value: bigint): string {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) return `0x${value.toString(16)}n`;
  return value >= 1n << 20n ? `0x${value.toString(16)}` : String(value);
}

/** The whole text of src/abi.ts. Needs gcc; throws what it says when a header does not compile. */
export function generate(): string {
  const source = preprocessed();
  const tables = [
    ...CONSTANTS,
    ...ENUMS.map((table) => ({ ...table, members: membersOf(source, table.from) })),
  ];
  const numbers = numbersOf(tables.flatMap((table) => table.members));
  let at = 0;
  const objects = tables.map(({ name, about, members, prefix, spelling }) => {
    const lines = members.map((member) => {
      const key = spell(member, prefix, spelling);
      return `  ${/^[A-Za-z]\w*$/.test(key) ? key : `'${key}'`}: ${literal(numbers[at++]!)},\n`;
    });
    return `\n/** ${about} */\nexport const ${name} = {\n${lines.join('')}} as const;\n`;
  });
  return `// SPDX-License-Identifier: BSD-2-Clause
// abi.ts: numbers that C and TypeScript share. Made from the C headers by \`npm run abi\`: do not edit.
${objects.join('')}`;
}
