/* SPDX-License-Identifier: BSD-2-Clause */
/* file.c - see file.h. */
#include "relay/file.h"

#include <string.h>

static bool put(void *spool, const void *bytes, size_t count)
{
    return nv_spool_put(spool, bytes, count);
}

int relay_file_create(struct relay_file *file, const char *path, const char *const names[], unsigned count,
                      struct nv_error *err)
{
    struct nv_capture_interface interfaces[RELAY_FILE_PORTS] = {{{0}, 0, 0}};
    const struct nv_capture_options options = {
        .format = NV_CAPTURE_PCAPNG, .interfaces = interfaces, .interface_count = count};

    for (unsigned i = 0; i < count; i++) {
        interfaces[i].link_type = NV_CAPTURE_ETHERNET;
        strncpy(interfaces[i].name, names[i], NV_CAPTURE_NAME - 1);
    }
    int error = nv_spool_create(path, &file->spool, err);
    return error ? error : nv_capture_create_put(put, file->spool, path, &options, &file->writer, err);
}

void relay_file_wake(const struct relay_file *file)
{
    if (file->spool)
        nv_spool_wake(file->spool);
}

int relay_file_close(struct relay_file *file, uint64_t *lost, struct nv_error *err)
{
    nv_capture_finish(file->writer, NULL); /* all of it is in the spool */
    file->writer = NULL;
    int error = nv_spool_finish(file->spool, lost, err);
    file->spool = NULL;
    return error;
}
