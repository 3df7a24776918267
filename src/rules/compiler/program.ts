// SPDX-License-Identifier: BSD-2-Clause
// Puts compiled rules together to the binary program that the engine loads (struct nv_rules_program).
import { PROGRAM } from '../../abi.js';
import type { CompiledRule } from './rule.js';
import type { References } from './writer.js';

/** A rule of the program; `id` names it for its whole life. */
export interface ProgramRule {
  id: number;
  number: number;
  set: number;
  code: CompiledRule;
}

const HEADER = 64;
const RULE = 16;
const PATTERN_BYTES = 16;
const align8 = (bytes: number): number => (bytes + 7) & ~7;

/** Rules in the order of evaluation, the default rule last. `setDisable`: bit n for a disabled set n. */
export function assembleProgram(
  rules: readonly ProgramRule[],
  setDisable: number,
  refs: References,
): Uint8Array {
  const codeWords = rules.reduce((sum, { code }) => sum + code.words.length, 0);
  const strings = refs.stringBytes;
  const codeOffset = HEADER + RULE * rules.length;
  const patternOffset = align8(codeOffset + 4 * codeWords);
  const stringOffset = patternOffset + PATTERN_BYTES * refs.patterns.length;
  const size = align8(stringOffset + strings.length);
  const out = new Uint8Array(size);
  const view = new DataView(out.buffer);
  const header = [
    PROGRAM.magic,
    PROGRAM.version,
    size,
    setDisable,
    HEADER,
    rules.length,
    codeOffset,
    codeWords,
    patternOffset,
    refs.patterns.length,
    stringOffset,
    strings.length,
  ];
  for (const [index, word] of header.entries()) view.setUint32(4 * index, word, true);
  const code = new Uint32Array(out.buffer, codeOffset, codeWords);
  let at = 0;
  let offset = HEADER;
  for (const rule of rules) {
    const { words, testWords } = rule.code;
    view.setUint32(offset, rule.id, true);
    view.setUint16(offset + 4, rule.number, true);
    view.setUint8(offset + 6, rule.set);
    view.setUint32(offset + 8, at, true);
    view.setUint16(offset + 12, testWords, true);
    view.setUint16(offset + 14, words.length - testWords, true);
    for (let i = 0; i < words.length; i++) code[at++] = words[i]!;
    offset += RULE;
  }
  for (const [index, { kind, arg }] of refs.patterns.entries()) {
    view.setUint32(patternOffset + PATTERN_BYTES * index, kind, true);
    view.setUint32(patternOffset + PATTERN_BYTES * index + 4, arg, true);
  }
  out.set(strings, stringOffset);
  return out;
}
