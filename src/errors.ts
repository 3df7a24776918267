// SPDX-License-Identifier: BSD-2-Clause
// errors.ts: errors with a stable `code`, as the native part throws them and as this side adds to them.

/** An Error whose `code` is the name of an errno value ("EINVAL", "ENOENT") or one of the library's own ("ECLOSED", "ERULE"). */
export interface NetvaleError extends Error {
  code: string;
}

/** Make one. */
export function netvaleError(code: string, message: string): NetvaleError {
  return Object.assign(new Error(message), { code });
}

/** For an argument of the wrong type. */
export function argumentError(message: string): TypeError & NetvaleError {
  return Object.assign(new TypeError(message), { code: 'EINVAL' });
}

/** For an index or a length beyond what there is. */
export function rangeError(message: string): RangeError & NetvaleError {
  return Object.assign(new RangeError(message), { code: 'ERANGE' });
}

/** Whether something thrown has a code: all that this library throws has, RuleError and CaptureError too. */
export function isNetvaleError(error: unknown): error is NetvaleError {
  return error instanceof Error && typeof (error as NetvaleError).code === 'string';
}
