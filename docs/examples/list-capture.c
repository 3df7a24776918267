/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * list-capture.c - list the packets of capture files: time, bytes captured and on the wire, link type, direction,
 * comment, and the bytes themselves. Status 1 when a file is damaged; what is before the damage is listed.
 */
#include <inttypes.h>
#include <stdio.h>

#include "capture/capture.h"

static void list(const struct nv_capture_packet *packet, const struct nv_capture_interface *interface)
{
    static const char *const ways[] = {"-", "in", "out"};
    printf("%" PRIu64 " %u %u %u %s ", packet->time_ns, packet->length, packet->wire, interface->link_type,
           ways[packet->direction]);
    for (uint32_t i = 0; i < packet->length; i++)
        printf("%02x", packet->data[i]);
    printf(" %.*s\n", (int)packet->comment_length, packet->comment_length ? packet->comment : "");
}

/* 0, or 1 when the file could not be read to its end. */
static int list_file(const char *path)
{
    struct nv_capture_packet packets[64];
    struct nv_capture *capture;
    struct nv_error err = {0};
    unsigned interfaces;
    int count = nv_capture_open(path, &capture, &err);
    if (count < 0) {
        printf("error %s\n", err.message);
        return 1;
    }
    while ((count = nv_capture_read(capture, packets, 64, &err)) > 0) {
        const struct nv_capture_interface *all = nv_capture_interfaces(capture, &interfaces);
        for (int i = 0; i < count; i++)
            list(&packets[i], &all[packets[i].interface]);
    }
    if (count < 0)
        printf("error %s\n", err.message);
    if (nv_capture_overlong(capture))
        printf("%" PRIu64 " were longer than on the wire\n", nv_capture_overlong(capture));
    nv_capture_close(capture);
    return count < 0;
}

int main(int argc, char **argv)
{
    int status = 0;
    for (int i = 1; i < argc; i++) {
        printf("file %s\n", argv[i]);
        status |= list_file(argv[i]);
    }
    return status;
}
