/* SPDX-License-Identifier: BSD-2-Clause */
/* peer.cc - see peer.h. */
#include "peer.h"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>

#include "arguments.h"
#include "error.h"

namespace netvale
{

Napi::Value SocketPeer(const Napi::CallbackInfo &info)
{
    const int fd = static_cast<int>(Integer(info[0], "fd", 0, INT32_MAX));
    struct ucred peer = {};
    socklen_t size = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        throw MakeError(info.Env(), errno, std::string("SO_PEERCRED: ") + strerror(errno));
    return Napi::Number::New(info.Env(), peer.pid);
}

} // namespace netvale
