// SPDX-License-Identifier: BSD-2-Clause
// vlan.ts: the line that says that rules did not see all: IP packets behind VLAN tags, which ipfw does not look behind.

/** `opaque`: how many there were; none: no line. */
export const vlanLines = (opaque: number): string[] =>
  opaque === 0
    ? []
    : [
        `Behind VLAN tags, not looked into by rules: ${opaque} ${opaque === 1 ? 'packet' : 'packets'} (--vlan inner looks).`,
      ];
