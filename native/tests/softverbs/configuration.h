// What the environment and the control functions say.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nc::softverbs {

// The end of a cable.
struct Socket {
    std::string host;
    std::string device;
    bool operator==(const Socket&) const = default;
};

std::vector<std::string_view> split(std::string_view text, char separator);

// What is asked for while messages travel is atomic; the rest is guarded by a lock of its own.
class Configuration {
public:
    static Configuration& instance();

    // Reads the environment the first time.
    void read_environment();
    void reset();

    const std::string& host() const { return host_; }
    // Empty: a fabric within this process only.
    const std::string& fabric() const { return fabric_; }
    std::vector<std::string> devices() const;
    // An unknown end is joined to nothing, if there are cables.
    bool joined(const Socket& one, const std::optional<Socket>& other) const;

    bool completes_when_posted() const { return completes_when_posted_; }
    bool uc_drops() const { return uc_drops_; }
    bool is_infiniband() const { return is_infiniband_; }
    bool no_channel() const { return no_channel_; }
    bool no_peer_memory() const { return no_peer_memory_; }

    // 0, or EINVAL.
    int set_devices(const char* value);
    int set_cables(const char* value);
    int set_completion(const char* value);
    int set_uc(const char* value);
    int set_link_layer(const char* value);
    int set_no_channel(const char* value);
    int set_no_peer_memory(const char* value);

private:
    struct Cable {
        Socket one, other;
    };
    std::optional<Cable> parse_cable(std::string_view text) const;
    int set_flag(std::atomic<bool>& flag, const char* name, const char* value);
    int set_word(std::atomic<bool>& flag, const char* name, const char* value, std::string_view no,
                 std::string_view yes);

    bool read_ = false;
    std::mutex reading_;
    std::string host_;
    std::string fabric_;

    mutable std::mutex mutex_;
    std::vector<std::string> devices_;
    std::optional<std::vector<Cable>> cables_;
    std::atomic<bool> completes_when_posted_ = false;
    std::atomic<bool> uc_drops_ = false;
    std::atomic<bool> is_infiniband_ = false;
    std::atomic<bool> no_channel_ = false;
    std::atomic<bool> no_peer_memory_ = false;
};

} // namespace nc::softverbs
