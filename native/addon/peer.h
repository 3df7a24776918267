/* SPDX-License-Identifier: BSD-2-Clause */
/* peer.h - who is at the other end of a Unix socket. */
#ifndef NETVALE_ADDON_PEER_H
#define NETVALE_ADDON_PEER_H

#include <napi.h>

namespace netvale
{

/* socketPeer(fd): process id of the one that listened (0: of another pid namespace). Throws what the kernel says. */
Napi::Value SocketPeer(const Napi::CallbackInfo &info);

} // namespace netvale

#endif
