// SPDX-License-Identifier: BSD-2-Clause
// seed.ts: properties are tested on the same cases in every run; NETVALE_SEED=N gives others.
import fc from 'fast-check';

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env.NETVALE_SEED ?? 1) });
