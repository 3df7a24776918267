// SPDX-License-Identifier: BSD-2-Clause
// offline-settings.ts: what the command line of `emulate --offline` comes to.
import { UsageError } from '../options.js';
import { type LinkDraft, settleLinks } from './link-settings.js';
import type { RuleDraft } from './rule-options.js';

/** Packets of a capture file as they come in or go out by an interface. */
export interface InputSpec {
  /** As records name it: "in:em0". */
  name: string;
  out: boolean;
  iface: string;
  file: string;
}

/** Where packets that passed by an interface (or went to a divert port) are written. */
export interface OutputSpec {
  iface: string;
  file: string;
}

/** Filled while the command line is read. */
export interface OfflineDraft extends RuleDraft, LinkDraft {
  inputs: InputSpec[];
  outputs: OutputSpec[];
  log?: string;
  json: boolean;
  verbose: boolean;
}

export type OfflineSettings = Omit<OfflineDraft, 'show'>;

export const newDraft = (): OfflineDraft => ({
  inputs: [],
  outputs: [],
  layer: 2,
  vlan: 'opaque',
  files: [],
  rules: [],
  warnings: [],
  defaultAction: 'allow',
  host: { me: [], networks: [], routes: [] },
  json: false,
  verbose: false,
  quiet: false,
});

const MAX_NAME = 15;

function ifaceName(flag: string, text: string, name: string): string {
  if (name === '' || name.length > MAX_NAME)
    throw new UsageError(`${flag}: '${text}': an interface's name has 1 to ${MAX_NAME} characters`);
  return name;
}

/** in|out:IFACE:FILE */
export function readInput(flag: string, text: string): InputSpec {
  const [, direction, name, file] = /^(in|out):([^:]*):(.+)$/s.exec(text) ?? [];
  if (direction === undefined)
    throw new UsageError(`${flag}: '${text}' is not in:INTERFACE:FILE or out:INTERFACE:FILE`);
  const iface = ifaceName(flag, text, name!);
  return { name: `${direction}:${iface}`, out: direction === 'out', iface, file: file! };
}

/** IFACE:FILE */
export function readOutput(flag: string, text: string): OutputSpec {
  const [, name, file] = /^([^:]*):(.+)$/s.exec(text) ?? [];
  if (file === undefined) throw new UsageError(`${flag}: '${text}' is not INTERFACE:FILE`);
  return { iface: ifaceName(flag, text, name!), file };
}

/** Whether a file's name asks for pcapng. */
export const isPcapng = (file: string): boolean => file.endsWith('.pcapng');

/** Check that the options go together. Throws a UsageError. */
export function settle(draft: OfflineDraft): OfflineSettings {
  if (draft.inputs.length === 0)
    throw new UsageError('--offline needs packets: --input in:INTERFACE:FILE or out:INTERFACE:FILE');
  const files = new Map<string, string>();
  for (const { iface, file } of draft.outputs) {
    const other = files.get(file);
    if (other !== undefined && (other === iface || !isPcapng(file)))
      throw new UsageError(
        other === iface
          ? `--output: ${iface}:${file} is given twice`
          : `--output: ${file} cannot hold two interfaces (${other} and ${iface}): only a .pcapng file can`,
      );
    files.set(file, iface);
  }
  for (const file of [...files.keys(), ...(draft.log === undefined ? [] : [draft.log])])
    if (draft.inputs.some((input) => input.file === file))
      throw new UsageError(`${file} is read and written: give the output another name`);
  if (draft.log !== undefined && (!isPcapng(draft.log) || files.has(draft.log)))
    throw new UsageError(`--log: '${draft.log}' is not a .pcapng file of its own`);
  settleLinks(draft);
  return draft;
}
