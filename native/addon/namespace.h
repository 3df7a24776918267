/* SPDX-License-Identifier: BSD-2-Clause */
/* namespace.h - a command behind a link, for JavaScript; see native/namespace/command.h. */
#ifndef NETVALE_ADDON_NAMESPACE_H
#define NETVALE_ADDON_NAMESPACE_H

#include <napi.h>

namespace netvale
{

/* startCommand, reapCommand, terminalForeground, terminalRestore. */
Napi::Object NamespaceFunctions(Napi::Env env);

} // namespace netvale

#endif
