/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_files_test.c - directories that are not safely ours, files of another version, damaged, cut short or in the
 * way: refused in words, nothing changed, nobody harmed.
 */
#include <sys/wait.h>

#include "memory/region.h"
#include "vale/switch.h"
#include "world.h"

/* Opening in directory `dir` fails with this code and a line that holds this text. */
static void refuse_dir(const char *dir, int code, const char *text)
{
    const struct nv_open_options opt = {.dir = dir};
    struct nv_error err = {0};
    refuse_port("vale0:a", &opt, code, text);
    int error = nv_list(dir, NULL, NULL, &err);
    CHECK(error == -code || code == ENOENT, "nv_list: %d, %s", error, err.message);
    error = nv_gc(dir, &err);
    CHECK(error == -code || (code == ENOENT && error == 0), "nv_gc: %d, %s", error, err.message);
}

static void directories(void)
{
    char path[200];
    world_new();
    refuse_dir("relative/path", EINVAL, "absolute");
    snprintf(path, sizeof(path), "%s/link", world_dir);
    CHECK(symlink(world_dir, path) == 0);
    refuse_dir(path, ENOTDIR, "link");
    unlink(path);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    refuse_dir(path, ENOTDIR, "directory");
    unlink(path);
    mode_t modes[] = {0777, 0750, 0701};
    for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        CHECK(mkdir(path, 0700) == 0 && chmod(path, modes[i]) == 0);
        refuse_dir(path, EPERM, "open to other users");
        CHECK(rmdir(path) == 0, "%s", strerror(errno));
    }
    snprintf(path, sizeof(path), "%s/missing/parent", world_dir);
    const struct nv_open_options opt = {.dir = path};
    refuse_port("vale0:a", &opt, ENOENT, path);
    char longer[400];
    memset(longer, 'x', sizeof(longer));
    longer[0] = '/', longer[sizeof(longer) - 1] = 0;
    refuse_dir(longer, ENAMETOOLONG, "too long");
    world_end();
}

static void foreign_directory(void)
{
    char path[200];
    world_new();
    snprintf(path, sizeof(path), "%s/theirs", world_dir);
    CHECK(mkdir(path, 0700) == 0);
    if (geteuid() == 0 && chown(path, 12345, 12345) == 0)
        refuse_dir(path, EPERM, "belongs to user 12345, not to 0");
    else
        printf("# not root: nobody else's directory to try\n");
    rmdir(path);
    world_end();
}

/* A directory that the library made goes with the last port; one that was there stays. */
static void whose_directory(void)
{
    char path[200];
    struct nv_port *port;
    world_new();
    snprintf(path, sizeof(path), "%s/new/", world_dir);
    struct nv_open_options opt = {.dir = path};
    for (int i = 0; i < 2; i++) { /* the second time it is made before */
        CHECK(nv_open("vale0:a", &opt, &port, NULL) == 0 && access(path, F_OK) == 0);
        nv_close(port);
        CHECK((access(path, F_OK) == 0) == (i == 1));
        if (i == 0)
            CHECK(mkdir(path, 0700) == 0);
    }
    CHECK(nv_gc(path, NULL) == 0 && rmdir(path) == 0);
    CHECK(nv_gc(path, NULL) == 0 && access(path, F_OK) < 0, "looking makes nothing");
    world_end();
}

/* ---- files ----------------------------------------------------------------------------------------- */

static char *file_path(const char *name)
{
    static char path[200];
    snprintf(path, sizeof(path), "%s/%s", world_dir, name);
    return path;
}

/* Overwrite `size` bytes at `at`. */
static void patch(const char *name, long at, const void *bytes, size_t size)
{
    int fd = open(file_path(name), O_RDWR);
    CHECK(fd >= 0 && pwrite(fd, bytes, size, at) == (ssize_t)size, "%s: %s", name, strerror(errno));
    close(fd);
}

/* All files of the directory with their sizes and times, to see that nothing was touched. */
static uint64_t digest(void)
{
    uint64_t sum = 0;
    DIR *d = opendir(world_dir);
    for (struct dirent *f; d && (f = readdir(d)) != NULL;) {
        struct stat st;
        if (f->d_name[0] != '.' && fstatat(dirfd(d), f->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            sum += (uint64_t)st.st_size + st.st_ino * 31 + (uint64_t)st.st_mode;
    }
    closedir(d);
    return sum;
}

static void remove_all(void)
{
    DIR *d = opendir(world_dir);
    for (struct dirent *f; d && (f = readdir(d)) != NULL;)
        unlinkat(dirfd(d), f->d_name, 0);
    closedir(d);
}

/* A world that a process left behind when it was killed, in the state `spoil` makes of it. */
static void spoilt_world(void (*spoil)(void))
{
    world_new();
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct nv_port *port;
        _exit(nv_open("vale0:a@7", NULL, &port, NULL) != 0);
    }
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    spoil();
}

static void other_layout(void)
{
    patch("table", offsetof(struct nv_table, layout), &(uint32_t){77}, 4);
}
static void table_garbage(void)
{
    patch("table", 0, "this is no table at all, is it?", 32);
}
static void table_cut(void)
{
    CHECK(truncate(file_path("table"), 8192) == 0);
}
static void table_empty(void)
{
    CHECK(truncate(file_path("table"), 0) == 0);
}
static void table_link(void)
{
    unlink(file_path("table"));
    CHECK(symlink("/etc/passwd", file_path("table")) == 0);
}
static void table_fifo(void)
{
    unlink(file_path("table"));
    CHECK(mkfifo(file_path("table"), 0600) == 0);
}

/* Nobody uses it any more: an open goes on without it. Where it is of no use it is set aside, and nothing is lost. */
static void comes_right(void (*spoil)(void), bool aside)
{
    spoilt_world(spoil);
    struct stat before = {0}, after = {0};
    CHECK(lstat(file_path("table"), &before) == 0);
    nv_close(open_port("vale0:a@7"));
    bool is_there = lstat(file_path("damaged.table"), &after) == 0;
    CHECK(is_there == aside && (!aside || after.st_ino == before.st_ino));
    remove_all();
    world_end();
}

/* Looking alone changes nothing. */
static void looked_at(void (*spoil)(void), int code)
{
    spoilt_world(spoil);
    uint64_t before = digest();
    struct nv_error err = {0};
    CHECK(nv_list(world_dir, NULL, NULL, &err) == -code, "%s", err.message);
    CHECK(nv_gc(world_dir, &err) == -code, "%s", err.message);
    CHECK(digest() == before, "something was changed");
    remove_all();
    world_end();
}

/* What is not a file of our making at all is left where it is. */
static void refused(void (*spoil)(void), int code, const char *text)
{
    spoilt_world(spoil);
    uint64_t before = digest();
    refuse_dir(world_dir, code, text);
    CHECK(digest() == before, "something was changed");
    remove_all();
    world_end();
}

static void tables(void)
{
    comes_right(other_layout, true);
    comes_right(table_garbage, false);
    comes_right(table_cut, true);
    comes_right(table_empty, true);
    comes_right(table_fifo, true);
    looked_at(other_layout, EPROTO);
    looked_at(table_cut, EPROTO);
    looked_at(table_empty, EPERM);
    refused(table_link, ELOOP, "table");
}

/* ---- a region or a switch, while its port is open --------------------------------------------------- */

static void control_layout(void)
{
    patch("region.7.control", offsetof(struct nv_control, layout), &(uint32_t){78}, 4);
}
static void control_garbage(void)
{
    patch("region.7.control", 0, "no control file", 15);
}
static void control_offset(void)
{
    patch("region.7.control", offsetof(struct nv_control, ctl_at), &(uint64_t){1ull << 40}, 8);
}
static void control_geometry(void)
{
    patch("region.7.control", offsetof(struct nv_control, geometry.buf_total), &(uint32_t){0x7fffffff}, 4);
}
static void control_longer(void)
{
    struct stat st;
    CHECK(stat(file_path("region.7.control"), &st) == 0);
    CHECK(truncate(file_path("region.7.control"), st.st_size + 4096) == 0);
}
static void data_longer(void)
{
    struct stat st;
    CHECK(stat(file_path("region.7.data"), &st) == 0 && truncate(file_path("region.7.data"), st.st_size + 1) == 0);
}
static void data_gone(void)
{
    unlink(file_path("region.7.data"));
}
static void switch_layout(void)
{
    patch("switch.vale0", offsetof(struct nv_switch, layout), &(uint32_t){79}, 4);
}
static void switch_longer(void)
{
    CHECK(truncate(file_path("switch.vale0"), 1 << 20) == 0);
}

/* The first page and the size of these files, to put things right again. */
static const char *const kept[] = {"region.7.control", "region.7.data", "switch.vale0"};
static struct {
    char page[4096];
    off_t size;
    int fd;
} keep[3];

static void keep_files(void)
{
    for (int i = 0; i < 3; i++) {
        keep[i].fd = open(file_path(kept[i]), O_RDWR);
        CHECK(pread(keep[i].fd, keep[i].page, 4096, 0) == 4096);
        keep[i].size = lseek(keep[i].fd, 0, SEEK_END);
    }
}

static void restore_files(void)
{
    for (int i = 0; i < 3; i++) {
        CHECK(pwrite(keep[i].fd, keep[i].page, 4096, 0) == 4096 && ftruncate(keep[i].fd, keep[i].size) == 0);
        close(keep[i].fd);
    }
}

/*
 * One process has vale0:a@7 open while a file is spoilt. Another's opening of vale0:b@7 is refused, and leaves
 * nothing; ports elsewhere open; the first one closes as usual, and nothing is left.
 */
static void others_are_refused(void (*spoil)(void), int code, const char *text)
{
    world_new();
    struct nv_port *a = open_port("vale0:a@7");
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) { /* a process that has mapped none of it yet */
        nv_close(a);
        check_failed = 0;
        keep_files();
        spoil();
        int files = world_files();
        refuse_port("vale0:b@7", NULL, code, text);
        CHECK(world_files() == files, "%d files, then %d", files, world_files());
        nv_close(open_port("vale5:c"));
        CHECK(world_files() == files, "%d files, then %d", files, world_files());
        restore_files();
        _exit(check_failed != 0);
    }
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0, "%#x", (unsigned)status);
    nv_close(a);
    world_end();
}

static void regions(void)
{
    char both[60];
    snprintf(both, sizeof(both), "has layout 78, this library has %u", NV_LAYOUT);
    others_are_refused(control_layout, EPROTO, both);
    others_are_refused(control_garbage, EPROTO, "region 7 has layout");
    others_are_refused(control_offset, EPROTO, "impossible");
    others_are_refused(control_geometry, EPROTO, "impossible");
    others_are_refused(control_longer, EPROTO, "impossible");
    others_are_refused(data_longer, EPROTO, "impossible");
    others_are_refused(data_gone, ENOENT, "region.7.data");
}

/* A switch whose first words are wrong is put right: the table, which is of this version, tells of it. */
static void mended_switch(void)
{
    world_new();
    struct nv_port *a = open_port("vale0:a@7");
    switch_layout();
    struct nv_port *b = open_port("vale0:b@7");
    nv_close(a), nv_close(b);
    world_end();
}

static void switches(void)
{
    mended_switch();
    others_are_refused(switch_longer, EPROTO, "switch vale0");
}

/* Files that are not ours stay; ours, and what looks like a half-made one of ours, go. */
static void strange_files(void)
{
    static const char *const theirs[] = {"notes.txt", "region", "waiting", "wait.x", "region.7.backup", "tmpfile"};
    static const char *const ours[] = {"wait.17", "region.9.data", "region.9.control", "switch.vale7", "tmp.table"};
    world_new();
    for (unsigned i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++)
        close(open(file_path(theirs[i]), O_CREAT | O_WRONLY, 0600));
    for (unsigned i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        close(open(file_path(ours[i]), O_CREAT | O_WRONLY, 0600));
    nv_close(open_port("vale0:a"));
    CHECK(world_files() == sizeof(theirs) / sizeof(theirs[0]), "%d files", world_files());
    for (unsigned i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++)
        CHECK(unlink(file_path(theirs[i])) == 0, "%s", theirs[i]);
    world_end();
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"files: directories", directories},
        {"files: somebody else's directory", foreign_directory},
        {"files: whose directory", whose_directory},
        {"files: tables", tables},
        {"files: regions", regions},
        {"files: switches", switches},
        {"files: strange ones", strange_files},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
