/* SPDX-License-Identifier: BSD-2-Clause */
/* error.h - failures of the library as JavaScript errors with a stable code. */
#ifndef NETVALE_ADDON_ERROR_H
#define NETVALE_ADDON_ERROR_H

#include <string>

#include <napi.h>

#include <netvale.h>

namespace netvale
{

/* An Error whose `code` is the errno's name ("EINVAL"); `error` is the positive errno value. */
Napi::Error MakeError(Napi::Env env, int error, const std::string &message);

/* An Error with a code of the addon's own ("ECLOSED"). */
Napi::Error MakeError(Napi::Env env, const char *code, const std::string &message);

/* A TypeError with the code EINVAL, for an argument of the wrong type. */
Napi::Error MakeTypeError(Napi::Env env, const std::string &message);

/* A RangeError with the code ERANGE, for an index or a length beyond what there is. */
Napi::Error MakeRangeError(Napi::Env env, const std::string &message);

/* What the library said; `result` (-errno) counts when it said nothing. */
Napi::Error MakeError(Napi::Env env, int result, const struct nv_error &error);

} // namespace netvale

#endif
