// SPDX-License-Identifier: BSD-2-Clause
// units.ts: numbers for people.
const PREFIXES = ['', 'K', 'M', 'G', 'T'];

/** "4.036 M": a value with three decimals and the prefix for its unit, as pkt-gen prints it; plain: no prefix. */
export function norm(value: number, plain = false): string {
  let scaled = value;
  let prefix = 0;
  while (!plain && scaled >= 1000 && prefix < PREFIXES.length - 1) {
    scaled /= 1000;
    prefix++;
  }
  return `${scaled.toFixed(3)} ${PREFIXES[prefix]}`;
}

const TIMES: [number, string][] = [
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'µs'],
];

/** "12.3 µs": nanoseconds with three digits and a unit. */
export function duration(nanoseconds: number): string {
  for (const [size, unit] of TIMES)
    if (nanoseconds >= size) return `${Number((nanoseconds / size).toPrecision(3))} ${unit}`;
  return `${Math.round(nanoseconds)} ns`;
}
