#include "softverbs/configuration.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "softverbs/faults.h"
#include "softverbs/record.h"
#include "softverbs/violation.h"

namespace nc::softverbs {
namespace {

constexpr const char* default_device = "soft0";

int unreadable(const char* name, std::string_view value) {
    std::fprintf(stderr, "softverbs: %s cannot be read: '%.*s'\n", name, static_cast<int>(value.size()), value.data());
    return EINVAL;
}

} // namespace

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const std::size_t end = text.find(separator);
        const std::string_view part = text.substr(0, end);
        if (!part.empty()) parts.push_back(part);
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

Configuration& Configuration::instance() {
    static auto& configuration = *new Configuration;
    return configuration;
}

void Configuration::read_environment() {
    const std::lock_guard lock(reading_);
    if (read_) return;
    read_ = true;
    const char* host = std::getenv("NC_SOFTVERBS_HOST");
    host_ = host != nullptr && *host != '\0' ? host : std::to_string(::getpid());
    if (const char* fabric = std::getenv("NC_SOFTVERBS_FABRIC")) fabric_ = fabric;
    // A setting that silently does not take effect proves nothing.
    const int failure = set_devices(nullptr) | set_cables(std::getenv("NC_SOFTVERBS_CABLES")) |
                        set_completion(nullptr) | set_uc(nullptr) | set_link_layer(nullptr) | set_no_channel(nullptr) |
                        set_no_peer_memory(nullptr) | Faults::instance().replace(std::getenv("NC_SOFTVERBS_FAULTS")) |
                        Record::instance().open(std::getenv("NC_SOFTVERBS_RECORD"));
    if (failure != 0) std::abort();
}

void Configuration::reset() {
    read_environment();
    set_devices(nullptr);
    set_cables(std::getenv("NC_SOFTVERBS_CABLES"));
    set_completion(nullptr);
    set_uc(nullptr);
    set_link_layer(nullptr);
    set_no_channel(nullptr);
    set_no_peer_memory(nullptr);
    Faults::instance().replace(std::getenv("NC_SOFTVERBS_FAULTS"));
    Record::instance().open(std::getenv("NC_SOFTVERBS_RECORD"));
    Violations::instance().clear();
}

std::vector<std::string> Configuration::devices() const {
    const std::lock_guard lock(mutex_);
    return devices_;
}

int Configuration::set_devices(const char* value) {
    if (value == nullptr) value = std::getenv("NC_SOFTVERBS_DEVICES");
    if (value == nullptr) value = default_device;
    std::vector<std::string> devices;
    for (const std::string_view name : split(value, ',')) {
        if (name.size() >= 64 || name.find_first_of(":- /") != std::string_view::npos)
            return unreadable("NC_SOFTVERBS_DEVICES", value);
        devices.emplace_back(name);
    }
    const std::lock_guard lock(mutex_);
    devices_ = std::move(devices);
    return 0;
}

// Host names may have a '-', device names have none.
std::optional<Configuration::Cable> Configuration::parse_cable(std::string_view text) const {
    const auto whole = [this](std::string_view host, std::string_view device) {
        return Socket{std::string(host), std::string(device)};
    };
    const std::size_t first_colon = text.find(':');
    const std::size_t dash = text.find('-', first_colon == std::string_view::npos ? 0 : first_colon);
    if (dash == std::string_view::npos || dash + 1 == text.size() || dash == 0) return std::nullopt;
    const std::string_view other = text.substr(dash + 1);
    if (first_colon == std::string_view::npos) return Cable{whole(host_, text.substr(0, dash)), whole(host_, other)};
    const std::size_t second_colon = other.find(':');
    if (second_colon == std::string_view::npos) return std::nullopt;
    return Cable{whole(text.substr(0, first_colon), text.substr(first_colon + 1, dash - first_colon - 1)),
                 whole(other.substr(0, second_colon), other.substr(second_colon + 1))};
}

int Configuration::set_cables(const char* value) {
    std::optional<std::vector<Cable>> cables;
    if (value != nullptr) {
        cables.emplace();
        for (const std::string_view text : split(value, ',')) {
            auto cable = parse_cable(text);
            if (!cable) return unreadable("NC_SOFTVERBS_CABLES", value);
            cables->push_back(std::move(*cable));
        }
    }
    const std::lock_guard lock(mutex_);
    cables_ = std::move(cables);
    return 0;
}

bool Configuration::joined(const Socket& one, const std::optional<Socket>& other) const {
    const std::lock_guard lock(mutex_);
    if (!cables_) return true;
    for (const Cable& cable : *cables_) {
        if ((cable.one == one && cable.other == other) || (cable.one == other && cable.other == one)) return true;
    }
    return false;
}

int Configuration::set_word(std::atomic<bool>& flag, const char* name, const char* value, std::string_view no,
                            std::string_view yes) {
    if (value == nullptr) value = std::getenv(name);
    if (value == nullptr) value = "";
    if (value != yes && value != no && *value != '\0') return unreadable(name, value);
    flag = value == yes;
    return 0;
}

int Configuration::set_flag(std::atomic<bool>& flag, const char* name, const char* value) {
    return set_word(flag, name, value, "0", "1");
}

int Configuration::set_completion(const char* value) {
    return set_word(completes_when_posted_, "NC_SOFTVERBS_COMPLETION", value, "matched", "posted");
}
int Configuration::set_uc(const char* value) {
    return set_word(uc_drops_, "NC_SOFTVERBS_UC", value, "queue", "drop");
}

int Configuration::set_link_layer(const char* value) {
    return set_word(is_infiniband_, "NC_SOFTVERBS_LINK_LAYER", value, "ethernet", "infiniband");
}
int Configuration::set_no_channel(const char* value) {
    return set_flag(no_channel_, "NC_SOFTVERBS_NO_CHANNEL", value);
}
int Configuration::set_no_peer_memory(const char* value) {
    return set_flag(no_peer_memory_, "NC_SOFTVERBS_NO_PEER_MEMORY", value);
}

} // namespace nc::softverbs
