#include "operation/settings.h"

#include <algorithm>

namespace nc {
namespace {

// "one, two and three"
std::string listed(std::initializer_list<std::string_view> names) {
    std::string list;
    std::size_t left = names.size();
    for (const std::string_view name : names) {
        --left;
        list += text(list.empty() ? "" : left == 0 ? " and " : ", ", name);
    }
    return list;
}

// A long value can be an id that has got into the wrong place: whoever has it can join the group.
std::string shown(const std::string& value) {
    constexpr std::size_t longest = 80;
    return value.size() <= longest ? text("'", value, "'") : text("a text of ", value.size(), " characters");
}

} // namespace

SettingReader::SettingReader(const char* backend, std::initializer_list<std::string_view> known,
                             const nc_setting* settings, std::uint64_t count)
    : settings_(settings), count_(count) {
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::string_view name = settings[i].name;
        if (std::ranges::find(known, name) == known.end())
            throw Error(NC_INVALID_ARGUMENT, text(backend, " has no setting '", name, "'; it knows ", listed(known)));
    }
}

std::optional<std::string> SettingReader::find(std::string_view name, const nc_setting* settings, std::uint64_t count) {
    std::optional<std::string> value;
    for (std::uint64_t i = 0; i < count; ++i) {
        if (settings[i].name == name) value = settings[i].value;
    }
    return value;
}

std::optional<bool> SettingReader::choice(std::string_view name, const char* first, const char* second) const {
    const std::optional<std::string> value = find(name);
    if (!value.has_value()) return std::nullopt;
    if (*value != first && *value != second) throw malformed(name, *value, text(first, " or ", second));
    return *value == first;
}

void SettingReader::allow_one_of(std::initializer_list<std::string_view> names) const {
    const auto given = std::ranges::count_if(names, [this](std::string_view name) { return find(name).has_value(); });
    if (given > 1) throw Error(NC_INVALID_ARGUMENT, text("of the settings ", listed(names), " only one may be given"));
}

Error SettingReader::malformed(std::string_view name, const std::string& value, const std::string& expected) {
    return {NC_INVALID_ARGUMENT, text("the setting ", name, " is ", shown(value), ", but should be ", expected)};
}

} // namespace nc
