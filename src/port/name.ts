// SPDX-License-Identifier: BSD-2-Clause
// name.ts: what TypeScript has to know of port names; the grammar itself is native/port/name.h's.
import { native } from '../native.js';

/** What a name with a kind begins with: "vale0:", "netmap:", "tap:". */
export const PORT_PREFIX = new RegExp(
  `^(${native.kinds.map((kind) => kind.prefix + (kind.switch ? '[^:]*' : '')).join('|')}):`,
);

/** The kind a full name is of; undefined: it begins with no kind's prefix. */
export function kindOf(name: string): { prefix: string; link: boolean } | undefined {
  const word = PORT_PREFIX.exec(name)?.[1];
  return native.kinds.find(({ prefix, switch: more }) => (more ? word?.startsWith(prefix) : word === prefix));
}

/** A port as netmap's programs have it: a bare name is an interface ("eth0" is netmap:eth0); "null" and "tap0" are what they say. */
export function portName(text: string): string {
  if (PORT_PREFIX.test(text)) return text;
  if (native.kinds.some(({ prefix, bare }) => bare && prefix === text)) return `${text}:`;
  return text.startsWith('tap') ? `tap:${text}` : `netmap:${text}`;
}

/** Whether the port has a link that may come up slowly: an interface's; pipes have none. */
export const hasLink = (name: string): boolean => !/[{}]/.test(name) && (kindOf(name)?.link ?? true);
