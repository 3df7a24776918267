// SPDX-License-Identifier: BSD-2-Clause
// Capture files as a library; needs no native part: `import { PcapWriter } from 'netvale/capture'`.
export { CaptureError, type CaptureErrorCode } from './error.js';
export { CaptureReader, openCapture, readCapture } from './pcap-reader.js';
export {
  type InterfaceOptions,
  PcapWriter,
  type PcapWriterErrorCode,
  type PcapWriterOptions,
} from './pcap-writer.js';
export * from './types.js';
