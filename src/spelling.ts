// SPDX-License-Identifier: BSD-2-Clause
// spelling.ts: names of the C interface as members of objects have them here; JSON records keep those of C.

/** "rx_packets" as "rxPackets". */
export const camelCase = (name: string): string =>
  name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
