// What users write as JSON: in a setting, or in a small file.
#pragma once

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace nc {

using Json = nlohmann::json;

// Throws Error(NC_RENDEZVOUS_FAILED) that names the source, also for what is nested deeper than anything that
// configures a group: it is refused before it can exhaust the stack.
inline Json parse_json(const std::string& content, const std::string& source) {
    // A launcher's hostfile, which is to be recognised, has five levels.
    constexpr int deepest = 8;
    const auto refuse_deep = [&](int depth, Json::parse_event_t, Json&) {
        if (depth > deepest) fail_rendezvous(text(source, " is nested too deeply"));
        return true;
    };
    try {
        return Json::parse(content, refuse_deep);
    } catch (const Json::exception& error) {
        fail_rendezvous(text(source, " is not JSON: ", error.what()));
    }
}

} // namespace nc
