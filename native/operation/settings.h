// Settings as a backend is given them: texts with names.
#pragma once

#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "native_collectives.h"

namespace nc {

class SettingReader {
public:
    // backend: its name in messages. known: the names of its settings; any other is an error.
    SettingReader(const char* backend, std::initializer_list<std::string_view> known, const nc_setting* settings,
                  std::uint64_t count);

    // All of these throw Error(NC_INVALID_ARGUMENT), which names the setting, its value and what was expected.

    // None if it was not given; of several the last counts.
    std::optional<std::string> find(std::string_view name) const { return find(name, settings_, count_); }
    static std::optional<std::string> find(std::string_view name, const nc_setting* settings, std::uint64_t count);
    // Whether it is the first of two words; none if it was not given.
    std::optional<bool> choice(std::string_view name, const char* first, const char* second) const;
    template <class Number>
    std::optional<Number> number(std::string_view name, Number least, Number most, const char* expected) const {
        const std::optional<std::string> value = find(name);
        if (!value.has_value()) return std::nullopt;
        Number parsed{};
        const char* end = value->data() + value->size();
        const auto [stopped, error] = std::from_chars(value->data(), end, parsed);
        if (error != std::errc{} || stopped != end || parsed < least || parsed > most)
            throw malformed(name, *value, expected);
        return parsed;
    }
    // Of these at most one may be given.
    void allow_one_of(std::initializer_list<std::string_view> names) const;

    static Error malformed(std::string_view name, const std::string& value, const std::string& expected);

private:
    const nc_setting* settings_;
    std::uint64_t count_;
};

} // namespace nc
