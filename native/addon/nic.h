/* SPDX-License-Identifier: BSD-2-Clause */
/* nic.h - network interfaces of the kernel for JavaScript: what they can do, and switching what they do. */
#ifndef NETVALE_ADDON_NIC_H
#define NETVALE_ADDON_NIC_H

#include <napi.h>

namespace netvale
{

/* {ask, setFeature} */
Napi::Object NicFunctions(Napi::Env env);

} // namespace netvale

#endif
