/* SPDX-License-Identifier: BSD-2-Clause */
/* arguments.h - checks on what JavaScript hands in; each throws a TypeError that names the argument. */
#ifndef NETVALE_ADDON_ARGUMENTS_H
#define NETVALE_ADDON_ARGUMENTS_H

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include <napi.h>

#include "error.h"

namespace netvale
{

/* A whole number in [low, high], both at most 2^53 in size. */
inline int64_t Integer(const Napi::Value &value, const char *what, int64_t low, int64_t high)
{
    const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
    if (!(number >= static_cast<double>(low) && number <= static_cast<double>(high)) || number != std::floor(number))
        throw MakeTypeError(value.Env(), std::string(what) + " must be a whole number from " + std::to_string(low) +
                                             " to " + std::to_string(high));
    return static_cast<int64_t>(number);
}

/* The same from a member of an object, if it is there. */
template <typename T> void Take(const Napi::Object &from, const char *name, T *into, int64_t low, int64_t high)
{
    const Napi::Value value = from.Get(name);
    if (!value.IsUndefined())
        *into = static_cast<T>(Integer(value, name, low, high));
}

inline std::string Text(const Napi::Value &value, const char *what)
{
    if (!value.IsString())
        throw MakeTypeError(value.Env(), std::string(what) + " must be a string");
    std::string text = value.As<Napi::String>().Utf8Value();
    if (text.find('\0') != std::string::npos)
        throw MakeTypeError(value.Env(), std::string(what) + " must not contain a NUL character");
    return text;
}

inline Napi::Object Record(const Napi::Value &value, const char *what)
{
    if (!value.IsObject())
        throw MakeTypeError(value.Env(), std::string(what) + " must be an object");
    return value.As<Napi::Object>();
}

/* The elements of a typed array: a view, valid as long as JavaScript holds the array. */
template <typename T> struct Span {
    T *data;
    size_t length;
};

/* A typed array of the given kind (napi_uint8_array, ...). */
template <typename T> Span<T> Elements(const Napi::Value &value, napi_typedarray_type type, const char *what)
{
    if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type)
        throw MakeTypeError(value.Env(), std::string(what) + " must be a typed array of the documented kind");
    auto array = value.As<Napi::TypedArrayOf<T>>();
    return {array.Data(), array.ElementLength()};
}

} // namespace netvale

#endif
