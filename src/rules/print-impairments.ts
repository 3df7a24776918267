// SPDX-License-Identifier: BSD-2-Clause
// What a link does beyond dummynet's parameters, in the words they are given with.
import type { Impairments, LinkLoss } from './dummynet.js';

const SHOWN = 60;

/** 3,7-9 */
function ranges(packets: readonly number[]): string {
  const parts: string[] = [];
  for (let at = 0; at < packets.length; ) {
    const first = packets[at]!;
    let count = 1;
    while (packets[at + count] === first + count) count++;
    parts.push(count === 1 ? String(first) : `${first}-${first + count - 1}`);
    at += count;
  }
  return parts.join(',');
}

/** The beginning of what is too long to show. */
const shortened = (text: string): string => (text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);

function lossText(loss: LinkLoss): string {
  switch (loss.kind) {
    case 'list':
      return `loss list ${shortened(ranges(loss.packets))}`;
    case 'bits':
      return `loss pattern ${shortened(loss.bits)}`;
    case 'markov':
      return `loss markov ${[loss.p13, loss.p31, loss.p32, loss.p23, loss.p14].join(',')}`;
    case 'ber':
      return `loss ber ${loss.rate}`;
  }
}

/** One line, or none. */
export function printImpairments(config: Impairments): string[] {
  const { jitter, reorder, duplicate, corrupt, linkLoss, overhead, framing, trace, slot } = config;
  const words: string[] = [];
  if (jitter) {
    const file = jitter.file === undefined ? '' : ` ${jitter.file}`;
    words.push(`jitter ${jitter.ms}ms ${jitter.distribution}${file}`);
  }
  if (reorder) {
    const gap = reorder.gap > 1 ? ` gap ${reorder.gap}` : '';
    words.push(`reorder${reorder.probability > 0 ? ` ${reorder.probability}` : ''}${gap}`);
  }
  if (duplicate) words.push(`duplicate ${duplicate}`);
  if (corrupt) words.push(`corrupt ${corrupt}`);
  if (linkLoss) words.push(lossText(linkLoss));
  if (overhead) {
    const cell = overhead.cell ? ` cell ${overhead.cell.size}/${overhead.cell.overhead}` : '';
    words.push(`overhead ${overhead.bytes}${cell}`);
  }
  if (framing) words.push(`framing ${framing}`);
  if (trace) words.push(`trace ${trace.file}${trace.once ? ' once' : ''}`);
  if (slot) {
    const most = slot.maxMs === slot.minMs ? '' : `,${slot.maxMs}ms`;
    const packets = slot.packets ? ` packets ${slot.packets}` : '';
    const bytes = slot.bytes ? ` bytes ${slot.bytes}` : '';
    words.push(`slot ${slot.minMs}ms${most}${packets}${bytes}`);
  }
  return words.length > 0 ? [`\t ${words.join(' ')}`] : [];
}
