// Faults that tests order by rules: README.md has the grammar.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nc::softverbs {

// What an event is about.
struct Subject {
    std::string_view host;
    std::string_view device;
    // Tells queue pairs apart for ever, as their numbers do not. 0: no queue pair.
    std::uint64_t queue_pair = 0;
};

class Faults {
public:
    static Faults& instance();

    // 0, or EINVAL for rules that cannot be read, which change nothing. Null stands for none.
    int replace(const char* rules);

    // Counts the event for every rule about it. Returns the number of the first that is due now, such as an errno or a
    // status.
    std::optional<int> at(std::string_view point, const Subject& subject);
    // The number of the first rule about a state: nothing is counted.
    std::optional<int> state(std::string_view point, const Subject& subject) const;

    void queue_pair_created(const Subject& subject);

private:
    struct Rule {
        std::string host;
        std::string device;
        std::uint64_t queue_pair_order = 0;
        std::uint64_t queue_pairs = 0;
        std::uint64_t queue_pair = 0;
        std::string point;
        std::uint64_t first = 1;
        std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
        int number = 0;
        bool kill = false;
        std::uint64_t events = 0;

        bool fits_device(const Subject& subject) const;
        bool fits(const Subject& subject) const;
    };
    static Rule parse(std::string_view text);

    std::atomic<bool> any_ = false;
    mutable std::mutex mutex_;
    std::vector<Rule> rules_;
};

// Actions of the points "link", "list" and "mapped_gid" that are no errno, status or number.
namespace fault {
constexpr int lose = 1;
constexpr int missing = 1;
constexpr int down = 1;
constexpr int none = -1;
} // namespace fault

} // namespace nc::softverbs
