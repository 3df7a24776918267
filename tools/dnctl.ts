#!/usr/bin/env node
// SPDX-License-Identifier: BSD-2-Clause
// dnctl: pipes, queues and schedulers of a running program or of a file, as ipfw has them. Manual page: docs/ipfw.md.
import './ipfw.js';
