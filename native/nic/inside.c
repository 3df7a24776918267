/* SPDX-License-Identifier: BSD-2-Clause */
/* inside.c - setns(2) changes the namespace of one thread only, so it is done on one that ends afterwards. */
#include "nic/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

struct call {
    const char *netns;
    nv_inside_fn *fn;
    void *arg;
    struct nv_error *err;
    int result;
};

static void *run(void *arg)
{
    struct call *call = arg;
    int fd = open(call->netns, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || setns(fd, CLONE_NEWNET))
        call->result =
            nv_fail(call->err, errno, "%s: cannot enter this network namespace: %s", call->netns, strerror(errno));
    else
        call->result = call->fn(call->arg, call->err);
    if (fd >= 0)
        close(fd);
    return NULL;
}

int nv_inside(const char *netns, nv_inside_fn *fn, void *arg, struct nv_error *err)
{
    struct call call = {.netns = netns, .fn = fn, .arg = arg, .err = err};
    pthread_t thread;

    if (!netns || !netns[0])
        return fn(arg, err);
    int error = pthread_create(&thread, NULL, run, &call);
    if (error)
        return nv_fail(err, error, "cannot start a thread: %s", strerror(error));
    pthread_join(thread, NULL);
    return call.result;
}
