/* SPDX-License-Identifier: BSD-2-Clause */
/* error.cc - see error.h. */
#include "error.h"

#include <cstring>

namespace netvale
{

Napi::Error MakeError(Napi::Env env, const char *code, const std::string &message)
{
    Napi::Error error = Napi::Error::New(env, message);
    error.Set("code", Napi::String::New(env, code));
    return error;
}

Napi::Error MakeTypeError(Napi::Env env, const std::string &message)
{
    Napi::Error error = Napi::TypeError::New(env, message);
    error.Set("code", Napi::String::New(env, "EINVAL"));
    return error;
}

Napi::Error MakeRangeError(Napi::Env env, const std::string &message)
{
    Napi::Error error = Napi::RangeError::New(env, message);
    error.Set("code", Napi::String::New(env, "ERANGE"));
    return error;
}

Napi::Error MakeError(Napi::Env env, int error, const std::string &message)
{
    const char *name = strerrorname_np(error);
    return MakeError(env, name != nullptr ? name : "EUNKNOWN", message);
}

Napi::Error MakeError(Napi::Env env, int result, const struct nv_error &error)
{
    const std::string message = error.message[0] != '\0' ? error.message : strerror(-result);
    return MakeError(env, -result, message);
}

} // namespace netvale
