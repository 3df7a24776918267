// SPDX-License-Identifier: BSD-2-Clause
// name.ts: the name this program was started by. dnctl is ipfw for pipes, queues and schedulers alone, as in FreeBSD.
import path from 'node:path';

export const PROGRAM: 'ipfw' | 'dnctl' = /^dnctl(\.[jt]s)?$/.test(path.basename(process.argv[1] ?? ''))
  ? 'dnctl'
  : 'ipfw';
