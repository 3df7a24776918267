/* SPDX-License-Identifier: BSD-2-Clause */
/* lend.h - objects that lend what they own to another object: told apart from foreign objects, not closed while lent.
 */
#ifndef NETVALE_ADDON_LEND_H
#define NETVALE_ADDON_LEND_H

#include <string>

#include <napi.h>

#include "error.h"

namespace netvale
{

/* A base of classes T that are lent. T has `static constexpr napi_type_tag kTag` and a constructor that calls Mark. */
template <typename T> class Lent
{
  public:
    /* The T behind a JavaScript value; throws a TypeError that names `what`. */
    static T *Of(const Napi::Value &value, const char *what)
    {
        if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&T::kTag))
            throw MakeTypeError(value.Env(), std::string(what) + " is not an object of that kind");
        return T::Unwrap(value.As<Napi::Object>());
    }

    void Lend()
    {
        users_++;
    }
    void Return()
    {
        users_--;
    }

  protected:
    static void Mark(const Napi::CallbackInfo &info)
    {
        info.This().As<Napi::Object>().TypeTag(&T::kTag);
    }

    /* Throws EBUSY: something still runs with it. */
    void CheckReturned(Napi::Env env, const char *what) const
    {
        if (users_ > 0)
            throw MakeError(env, "EBUSY", std::string(what) + " is in use: close what runs with it first");
    }

  private:
    unsigned users_ = 0;
};

} // namespace netvale

#endif
