// Faults that tests order by rules: README.md has the grammar.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nc::doubles {

struct Fault {
    enum class Kind {
        None,
        Return, // the call returns the code and does nothing
        Later,  // what the call began ends with the code
        Delay,  // what the call began takes longer
        Never,  // what the call began does not end
        Kill,   // the process dies
    };
    Kind kind = Kind::None;
    int code = 0;
    std::chrono::milliseconds delay{0};
    std::string text;

    explicit operator bool() const { return kind != Kind::None; }
};

// Ends the process as a crash would: nothing is said to anybody.
[[noreturn]] void die();

class FaultRules {
public:
    // The code of that name, if there is one.
    using CodeOf = std::optional<int> (*)(std::string_view name);

    // Begins with the rules in the environment; ends the process if those cannot be read, since a fault that silently
    // does not happen proves nothing.
    FaultRules(const char* environment_variable, CodeOf code_of);

    // Throws std::invalid_argument and changes nothing if the rules cannot be read.
    void replace(std::string_view rules);

    // Counts an event, such as a function's call, for every rule that is about it; returns what the first that is due
    // now orders. An event without a rank is no event for rules about one rank.
    Fault at(std::string_view point, std::optional<int> rank = std::nullopt);

    // How often the rules have been replaced, and a wait until it is done once more.
    std::uint64_t generation() const;
    void wait_until_replaced(std::uint64_t generation) const;

private:
    struct Rule {
        std::string point;
        std::optional<int> rank;
        std::uint64_t first = 1;
        std::uint64_t last = 1;
        Fault fault;
        std::uint64_t events = 0;
    };
    Rule parse(std::string_view rule) const;
    Fault parse_action(std::string_view action) const;

    const CodeOf code_of_;
    mutable std::mutex mutex_;
    mutable std::condition_variable replaced_;
    std::uint64_t generation_ = 0;
    std::vector<Rule> rules_;
};

} // namespace nc::doubles
