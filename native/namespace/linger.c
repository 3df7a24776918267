/* SPDX-License-Identifier: BSD-2-Clause */
/* linger.c - the last segments of a namespace's connections: its processes are gone, what they said is on its way. */
#include "namespace/inside.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 10

/* States of /proc/net/tcp in which our end of the connection was sent and is not acknowledged yet (net/tcp_states.h).
 */
static bool unfinished(const char *state)
{
    return !memcmp(state, "04", 2) || !memcmp(state, "09", 2) || !memcmp(state, "0B", 2);
}

/* Is the fourth word of any line an unfinished state? Reads without buffers of the C library; see inside.h. */
static bool any_unfinished(const char *path)
{
    char bytes[4096], state[2] = "";
    unsigned word = 0, at = 0;
    bool in_word = false, found = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    for (ssize_t n; !found && fd >= 0 && (n = read(fd, bytes, sizeof(bytes))) > 0;)
        for (ssize_t i = 0; i < n; i++) {
            bool space = bytes[i] == ' ';
            if (bytes[i] == '\n') {
                word = 0, in_word = false;
                continue;
            }
            if (!space && !in_word)
                word++, at = 0;
            in_word = !space;
            if (in_word && word == 4 && at < 2) {
                state[at++] = bytes[i];
                found |= at == 2 && unfinished(state);
            }
        }
    if (fd >= 0)
        close(fd);
    return found;
}

void nv_inside_linger(unsigned most_ms)
{
    const struct timespec moment = {.tv_nsec = LOOK_MS * 1000000};
    for (unsigned ms = 0; ms < most_ms; ms += LOOK_MS) {
        if (!any_unfinished("/proc/self/net/tcp") && !any_unfinished("/proc/self/net/tcp6"))
            return;
        nanosleep(&moment, NULL);
    }
}
