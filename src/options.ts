// SPDX-License-Identifier: BSD-2-Clause
// options.ts: objects of options that callers hand in: one whose name is not known is an error, not ignored.
import { argumentError, netvaleError } from './errors.js';

/** Every option of T by its name: a list that the compiler keeps complete. */
export type OptionNames<T> = { [Name in keyof Required<T>]: true };

/** Throws a TypeError when `options` is no object, EINVAL with the name of an option that does not exist. */
export function checkOptions<T>(what: string, options: T, names: OptionNames<T>): void {
  if (typeof options !== 'object' || options === null)
    throw argumentError(`${what} must be an object, not ${options === null ? 'null' : typeof options}`);
  for (const name of Object.keys(options))
    if (!Object.hasOwn(names, name))
      throw netvaleError(
        'EINVAL',
        `${what}: unknown option "${name}": expected ${Object.keys(names).join(', ')}`,
      );
}
