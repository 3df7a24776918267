// SPDX-License-Identifier: BSD-2-Clause
// options.ts: a program's options as one table: each says how it is called, what it means and what it sets.
import { cac } from 'cac';
import { nearest } from '../../src/rules/error.js';
import { pageOf } from './version.js';

/** The command line is wrong: one line that names what, and exit status 2. */
export class UsageError extends Error {}

export interface Option<Draft> {
  /** "n" for -n, "imix" for --imix. */
  name: string;
  /** What its argument is called; absent: it takes none. */
  argument?: string;
  /** For people; may have several lines. */
  help: string;
  /** Called at each use, in the order of the command line. `flag` ("-n") is for error messages. */
  set: (draft: Draft, text: string, flag: string) => void;
}

const flagOf = (name: string) => (name.length === 1 ? `-${name}` : `--${name}`);

/** Options that a mistyped long name may stand for; one of a single letter may be known by what its argument is called. */
function meant<D>(name: string, table: Option<D>[]): string[] {
  if (name.length < 3) return [];
  const words = new Map<string, string>();
  for (const { name: own, argument = '' } of table) {
    const [called] = /^[a-z]{3,}/.exec(argument) ?? [];
    if (own.length > 1) words.set(own, flagOf(own));
    else if (called !== undefined && !words.has(called)) words.set(called, `${flagOf(own)} ${called}`);
  }
  return nearest(name, [...words.keys()]).map((word) => words.get(word)!);
}

/** What more there is to say of a word that is no option, with what stands before it and from it on. */
export type Stray = (before: string[], from: string[]) => string;

/**
 * cac takes an argument that begins with "-" for an option, reads "0x10" as 16 and splits "-n10" into flags.
 * getopt does not, and pkt-gen's users know getopt: each option is handed on alone, its argument bound to it behind
 * a mark that keeps the text as it was typed.
 */
function separate<D>(program: string, table: Option<D>[], argv: string[], stray?: Stray): string[] {
  const out: string[] = [];
  const rest = [...argv];
  const unknown = (flag: string, name: string) => {
    const near = meant(name, table);
    const hint = near.length > 0 ? `: expected ${near.join(' or ')}` : '';
    return new UsageError(`unknown option ${flag}${hint} (${program} -h lists them)`);
  };
  const take = (option: Option<D>, bound: string | undefined) => {
    const flag = flagOf(option.name);
    if (option.argument === undefined) {
      if (bound !== undefined) throw new UsageError(`${flag} takes no argument, got '${bound}'`);
      out.push(flag);
      return;
    }
    const text = bound ?? rest.shift();
    if (text === undefined) throw new UsageError(`${flag} needs an argument: ${option.argument}`);
    out.push(`${flag}==${text}`);
  };
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word.startsWith('--')) {
      const [name, ...value] = word.slice(2).split('=');
      const option = table.find((one) => one.name === name && name.length > 1);
      if (option === undefined) throw unknown(`--${name}`, name!);
      take(option, value.length > 0 ? value.join('=') : undefined);
    } else if (word.startsWith('-') && word.length > 1) {
      for (let at = 1; at < word.length; at++) {
        const option = table.find((one) => one.name === word[at]);
        if (option === undefined) throw unknown(`-${word[at]}`, word.slice(1).split('=', 1)[0]!);
        const bound = option.argument !== undefined && at + 1 < word.length ? word.slice(at + 1) : undefined;
        take(option, bound);
        if (bound !== undefined) break;
      }
    } else {
      const given = argv.slice(0, argv.length - rest.length - 1);
      throw new UsageError(
        `'${word}' is not an option${stray?.(given, [word, ...rest]) ?? ` (${program} -h lists them)`}`,
      );
    }
  }
  return out;
}

/** The help text. `usage` is what follows the program's name. */
export function helpText<D>(
  program: string,
  summary: string,
  table: Option<D>[],
  notes: string,
  usage = '-i port [options]',
): string {
  const lines = table.map(({ name, argument, help }) => {
    const left = `  ${flagOf(name)}${argument === undefined ? '' : ` ${argument}`}`;
    const [first, ...more] = help.split('\n');
    const head = left.length < 24 ? `${left.padEnd(24)}${first}` : `${left}\n${' '.repeat(24)}${first}`;
    return [head, ...more.map((line) => `${' '.repeat(24)}${line}`)].join('\n');
  });
  const page = pageOf(program);
  const manual = page === '' ? '' : `Manual: man ${program}, or ${page} and the pages beside it.\n`;
  return `Usage: ${program} ${usage}\n\n${summary}\n\n${lines.join('\n')}\n\n${notes}\n${manual}`;
}

/**
 * Read a command line (without interpreter and script) into a draft, by the table. Throws UsageError.
 */
export function readOptions<D>(
  program: string,
  table: Option<D>[],
  argv: string[],
  draft: D,
  stray?: Stray,
): D {
  const cli = cac(program);
  for (const { name, argument, help } of table)
    cli.option(`${flagOf(name)}${argument === undefined ? '' : ` <${argument}>`}`, help);
  for (const word of separate(program, table, argv, stray)) {
    // One by one, so that options take effect in the order they were given.
    const { options } = cli.parse([program, program, word], { run: false });
    for (const option of table) {
      const value: unknown = options[camel(option.name)];
      if (value !== undefined) option.set(draft, String(value).replace(/^=/, ''), flagOf(option.name));
    }
  }
  return draft;
}

const camel = (name: string) => name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
