// What the printed table is made of: a call through words, and the role of each word.
#pragma once
#include <cstdint>
#include <cstring>
#include <type_traits>

enum Role { HANDLE, HANDLE_POINTER, POINTER, STRING, CALLBACK, ENUM, NUMBER };

struct Parameter {
    Role role;
    int64_t first;  // HANDLE, HANDLE_POINTER: the kind; ENUM: the smallest value; NUMBER: 1 for a time-out
    int64_t second; // POINTER: bytes it points to; ENUM: the largest value; NUMBER: bytes
    const char *name;
};

struct Function {
    const char *name;
    int returns_error;
    int made; // the kind of handle it returns, or -1
    int count;
    uint64_t (*call)(const uint64_t *words);
    Parameter parameters[20];
};

template <typename T> T as(uint64_t word)
{
    if constexpr (std::is_pointer_v<T>) {
        return (T)word;
    } else if constexpr (std::is_floating_point_v<T>) {
        return (T)(int64_t)word;
    } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
        return (T)word;
    } else {
        T value;
        uint64_t words[16];
        for (uint64_t &each : words) each = word;
        static_assert(sizeof value <= sizeof words, "a larger struct by value");
        memcpy(&value, words, sizeof value);
        return value;
    }
}

template <typename T> uint64_t word(T value)
{
    if constexpr (std::is_pointer_v<T>) {
        return (uint64_t)value;
    } else {
        return (uint64_t)(int64_t)value;
    }
}

// How much a pointer points to; 1 where the type does not say.
template <typename T> struct Pointee { using type = std::remove_pointer_t<T>; };
template <> struct Pointee<void *> { using type = char; };
template <> struct Pointee<const void *> { using type = char; };
template <typename T> using pointee = typename Pointee<T>::type;
