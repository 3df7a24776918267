// SPDX-License-Identifier: BSD-2-Clause
// behind.ts: a program for tests: COMMAND ARGS behind a link that delays by $DELAY milliseconds each way. Name servers are
// those of $RESOLVERS ("ADDRESS:PORT,..."), if set. Says on standard error, when $SAY is set, what the link's ends are.
import { runBehindLink } from '../../src/emulation/namespace.js';
import type { Resolver } from '../../src/emulation/resolv-conf.js';
import { pump } from './pump.js';

const { DELAY = '0', RESOLVERS, SAY } = process.env;

const resolvers = RESOLVERS?.split(',').map((one): Resolver => {
  const [address = '', port] = one.split(':');
  return { address, port: Number(port) };
});

try {
  const result = await runBehindLink({
    argv: process.argv.slice(2),
    ...(resolvers === undefined ? {} : { resolvers }),
    link: (ends) => {
      if (SAY !== undefined) console.error(JSON.stringify(ends));
      return pump(ends, Number(DELAY));
    },
  });
  if (result.error !== undefined) console.error(result.error);
  process.exitCode = result.status;
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
