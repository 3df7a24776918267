/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mend.c - a table that somebody wrote rubbish into.
 *
 * Every program that opens a port has the table mapped for writing, so one wild pointer can reach it. The layout's
 * number is trusted as long as the magic number before it stands; with both gone it was no other version of this
 * library that wrote there. Entries with impossible numbers are struck off; their ports are gone, those of the others
 * stay.
 */
#include "port/mend.h"
#include "memory/dir.h"
#include "port/kind.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define MOST_SLOTS 4096u

bool nv_table_mend_header(struct nv_table *t, size_t size)
{
    if (size != sizeof(*t))
        return false;
    if (t->magic != NV_TABLE_MAGIC) {
        t->magic = NV_TABLE_MAGIC;
        t->layout = NV_LAYOUT;
    }
    t->size = sizeof(*t);
    return t->layout == NV_LAYOUT;
}

static bool is_text(const char *text)
{
    return memchr(text, 0, NETMAP_REQ_IFNAMSIZ) != NULL;
}

/* Numbers of a port that the rest of the library follows without looking again. */
static bool port_can_be(const struct nv_port_entry *e, uint32_t index)
{
    const struct nv_kind *kind = nv_kind_of(e->kind);
    return nv_token_index(e->token) == index && kind && kind->ops && e->tx_rings && e->tx_rings <= NV_MAX_RINGS &&
           e->rx_rings && e->rx_rings <= NV_MAX_RINGS && e->tx_slots >= 2 && e->tx_slots <= MOST_SLOTS &&
           e->rx_slots >= 2 && e->rx_slots <= MOST_SLOTS && e->first_tx < 65536 && e->first_rx < 65536 &&
           (e->peer < NV_MAX_PORTS || e->peer == NV_NO_INDEX) &&
           (!(kind->flags & NV_KIND_SWITCH) || e->switch_port < NV_SWITCH_PORTS) && is_text(e->name) &&
           is_text(e->switch_name) && !strchr(e->switch_name, '/');
}

int nv_table_mend(struct nv_table *t)
{
    int struck = 0;
    for (uint32_t i = 0; i < NV_MAX_PORTS; i++) {
        struct nv_port_entry *e = &t->port[i];
        if (!e->token || port_can_be(e, i))
            continue;
        nv_store(e->token, 0);
        nv_store(e->kind, 0);
        nv_store(e->peer, NV_NO_INDEX);
        e->name[0] = 0;
        e->switch_name[0] = 0;
        struck++;
    }
    for (uint32_t d = 0; d < NV_MAX_DESCS; d++)
        if (t->desc[d].live > 1)
            nv_store(t->desc[d].live, 1); /* whether it lives its FIFO tells */
    return struck;
}

bool nv_dir_in_use(int lockfd)
{
    int fd = openat(lockfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    bool used = false;
    if (!dir && fd >= 0)
        close(fd);
    for (struct dirent *f; dir && !used && (f = readdir(dir)) != NULL;) {
        unsigned n;
        if (!nv_file_number(f->d_name, "wait.", &n, NULL))
            continue;
        int fifo = openat(lockfd, f->d_name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
        used = fifo >= 0 && flock(fifo, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
        if (fifo >= 0)
            close(fifo);
    }
    if (dir)
        closedir(dir);
    return used;
}
