// SPDX-License-Identifier: BSD-2-Clause
// offline-sink.ts: what a replay tells of packets goes to the printer and to the capture files.
import { answerHead } from '../../../src/capture/link-types.js';
import type { Journey } from '../../../src/emulation/journey.js';
import type { ReplaySink } from '../../../src/emulation/replay-sink.js';
import type { Direction } from '../../../src/index.js';
import type { Arrivals } from './offline-inputs.js';
import type { LogFile, Outputs, WrittenPacket } from './offline-outputs.js';
import type { Printer } from './printer.js';

/** What a capture file is told of a packet of `frame`'s bytes, of which `missing` more were on the wire. */
function written(
  { note, packet, input }: Pick<Journey, 'note' | 'packet' | 'input'>,
  frame: Uint8Array,
  missing: number,
): Pick<WrittenPacket, 'data' | 'length' | 'linkType' | 'what' | 'comments'> {
  const { linkType, head, comments } = note!;
  const data = head.length === 0 ? frame : Buffer.concat([head, frame]);
  const what = `packet ${packet} of ${input.spec.name}`;
  return { data, length: data.length + missing, linkType, what, ...(comments && { comments }) };
}

/** What a replay tells goes to the printer and the files. */
export function sinkTo(
  printer: Printer,
  outputs: Outputs,
  log: LogFile | undefined,
  arrivals: Arrivals,
): ReplaySink {
  const at = (time: bigint): bigint => time + (arrivals.start ?? 0n);
  const way = (out: boolean): Direction => (out ? 'out' : 'in');
  return {
    arrived: (journey) => printer.arrived(journey),
    over: (journey) => printer.over(journey),
    departed: (journey, time, frame) => {
      const { iface, out } = journey.input.spec;
      if (!outputs.has(iface)) return;
      outputs.write(iface, {
        ...written(journey, frame, journey.missing),
        time: at(time),
        direction: way(out),
      });
    },
    answered: (iface, out, time, frame, note) => {
      const { linkType, head: before } = note ?? arrivals.lastNote(iface);
      const head = answerHead(linkType, before, frame, out);
      const data = head.length === 0 ? frame : Buffer.concat([head, frame]);
      const what = `an answer by ${iface}`;
      outputs.write(iface, {
        data,
        length: data.length,
        linkType,
        what,
        time: at(time),
        direction: way(out),
      });
    },
    diverted: (port, journey, time, frame) =>
      outputs.write(String(port), {
        ...written(journey, frame, journey.missing),
        time: at(time),
        direction: way(journey.input.spec.out),
      }),
    logged: (journey, rule, where, time, frame) => {
      if (!(where & 2)) return;
      const { iface, out } = journey.input.spec;
      log?.write(iface, {
        ...written(journey, frame, journey.missing),
        comments: [`rule ${rule}`],
        time: at(time),
        direction: way(out),
      });
    },
  };
}
