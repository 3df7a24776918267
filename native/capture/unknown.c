/* SPDX-License-Identifier: BSD-2-Clause */
/* unknown.c - what a file is that begins like no capture file that is read; src/capture/not-capture.ts has the same. */
#include <string.h>

#include "capture/reader.h"

struct beginning {
    const char *name, *bytes;
    bool compressed;
};

static const struct beginning beginnings[] = {
    {"gzip", "\x1f\x8b", true},
    {"compress", "\x1f\x9d", true},
    {"zstd", "\x28\xb5\x2f\xfd", true},
    {"xz",
     "\xfd"
     "7zX",
     true},
    {"bzip2", "BZh", true},
    {"lz4", "\x04\x22\x4d\x18", true},
    {"lzip", "LZIP", true},
    {"zip", "PK\x03\x04", true},
    {"7z", "7z\xbc\xaf", true},
    {"snoop", "snoo", false},
    {"btsnoop", "btsn", false},
    {"Network Monitor", "GMBU", false},
    {"Network Monitor 1", "RTSS", false},
    {"Sniffer", "TRSN", false},
};

int reader_unknown(const struct capture_source *source, struct nv_error *err)
{
    const uint8_t *p = source->buffer + source->at;
    for (unsigned i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
        const struct beginning *known = &beginnings[i];
        if (memcmp(p, known->bytes, strlen(known->bytes)) != 0)
            continue;
        if (known->compressed)
            return source_wrong(source, 0, err,
                                "it is compressed (%s): unpack it first: expected a pcap or pcapng file", known->name);
        return source_wrong(source, 0, err,
                            "it is a capture of the format %s: editcap -F pcap makes one that can be read: expected a "
                            "pcap or pcapng file",
                            known->name);
    }
    return source_wrong(source, 0, err, "it begins with %08x: expected a pcap or pcapng file", nv_get_be32(p));
}
