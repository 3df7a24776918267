// SPDX-License-Identifier: BSD-2-Clause
// What clients of a control socket sent is freed in time. V8 looks for buffers that nobody holds only when some 64 MB
// more of them are there, which alone is more than clients may make a program grow by.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes after which what nobody holds is freed. */
const STRETCH = 8 * 1024 * 1024;

let read = 0;
let collect: (() => void) | undefined;

/** So many bytes were read from a client. A few milliseconds every 8 MiB; small requests never come to that. */
export function countRead(bytes: number): void {
  read += bytes;
  if (read < STRETCH) return;
  read = 0;
  if (!collect) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}
