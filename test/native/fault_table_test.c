/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_table_test.c - rubbish in the table and in a switch: what cannot be right is struck off, put right or set aside
 * by the next open, and nobody has to clear anything away by hand.
 */
#include "memory/table.h"
#include "port/mend.h"
#include "vale/switch.h"

#include "crash.h"

static uint8_t mac_a[6], mac_b[6];

/* A file of the directory, mapped. */
static void *map_file(const char *name, size_t size)
{
    char path[200];
    snprintf(path, sizeof(path), "%s/%s", world_dir, name);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    void *map = fd < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(map != MAP_FAILED, "%s: %s", name, strerror(errno));
    if (fd >= 0)
        close(fd);
    return map == MAP_FAILED ? NULL : map;
}

static void works(const char *from, const char *to)
{
    struct nv_port *a = open_port(from), *b = open_port(to);
    CHECK(put_packet(a, 0, 100, mac_b, mac_a, 7) && nv_txsync(a, 0) == 0);
    CHECK(nv_rxsync(b, 0) == 0 && get_packet(b, 0, NULL) == 7);
    nv_close(a), nv_close(b);
}

static void header(void)
{
    world_new();
    struct nv_port *stays = open_port("vale1:s");
    struct nv_table *t = map_file("table", sizeof(*t));
    t->magic = 0x1234567890abcdef;
    t->layout = 99;
    works("vale0:a", "vale0:b");
    CHECK(t->magic == NV_TABLE_MAGIC && t->layout == NV_LAYOUT);
    struct nv_switch *sw = map_file("switch.vale1", sizeof(*sw));
    sw->magic = 1;
    sw->layout = 77;
    works("vale1:a", "vale1:b");
    munmap(t, sizeof(*t)), munmap(sw, sizeof(*sw));
    nv_close(stays);
    world_end();
}

/* Each word of the entry of a port in turn. */
static void entries(void)
{
    static const uint32_t values[] = {0xffffffff, 0x7fffffff, 0, 0x10001};
    world_new();
    struct nv_port *stays = open_port("vale1:s");
    struct nv_table *t = map_file("table", sizeof(*t));
    for (size_t word = 0; word < sizeof(t->port[0]) / 4 && !check_failed; word++)
        for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
            fflush(stdout);
            pid_t child = fork();
            if (child == 0) { /* its port is spoilt, and it dies of that or not */
                struct nv_port *port = open_port("vale0:x");
                for (uint32_t i = 0; i < NV_MAX_PORTS; i++)
                    if (t->port[i].token && !strcmp(t->port[i].name, "vale0:x"))
                        __atomic_store_n((uint32_t *)(void *)&t->port[i] + word, values[v], __ATOMIC_RELAXED);
                (void)port;
                _exit(0);
            }
            int status = 0;
            CHECK(waitpid(child, &status, 0) == child && status == 0);
            works("vale0:a", "vale0:b");
            CHECK(put_packet(stays, 0, 60, mac_b, mac_a, 1) && nv_txsync(stays, 0) == 0);
        }
    munmap(t, sizeof(*t));
    nv_close(stays);
    world_end();
}

static void useless(void)
{
    char path[200];
    world_new();
    snprintf(path, sizeof(path), "%s/table", world_dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && ftruncate(fd, 12345) == 0);
    close(fd);
    works("vale0:a", "vale0:b");
    snprintf(path, sizeof(path), "%s/" NV_DAMAGED_TABLE, world_dir);
    CHECK(unlink(path) == 0, "it was not set aside");
    world_end();
}

/* Another version's table is left alone while somebody uses it. */
static void other_version(void)
{
    world_new();
    struct nv_port *stays = open_port("vale1:s");
    struct nv_table *t = map_file("table", sizeof(*t));
    t->layout = NV_LAYOUT + 1;
    refuse_port("vale0:a", NULL, EPROTO, "a different version");
    t->layout = NV_LAYOUT;
    munmap(t, sizeof(*t));
    nv_close(stays);
    world_end();
}

int main(int argc, char **argv)
{
    mac_number(mac_a, 1), mac_number(mac_b, 2);
    static const struct check_test tests[] = {
        {"table: its first words", header},
        {"table: each word of an entry", entries},
        {"table: a file that is no table", useless},
        {"table: another version's", other_version},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
