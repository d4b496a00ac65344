#include "doubles/common/faults.h"

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <stdexcept>

#include <unistd.h>

#include "base/error.h"

namespace nc::doubles {
namespace {

constexpr std::uint64_t for_ever = std::numeric_limits<std::uint64_t>::max();

std::string_view trimmed(std::string_view value) {
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    while (!value.empty() && value.back() == ' ') value.remove_suffix(1);
    return value;
}

[[noreturn]] void reject(std::string_view rule, std::string_view why) {
    throw std::invalid_argument(text("the fault rule '", rule, "' cannot be read: ", why));
}

template <class Number>
std::optional<Number> number_in(std::string_view value) {
    Number number{};
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size()) return std::nullopt;
    return number;
}

bool take_prefix(std::string_view& value, std::string_view prefix) {
    if (!value.starts_with(prefix)) return false;
    value.remove_prefix(prefix.size());
    return true;
}

} // namespace

void die() {
    ::kill(::getpid(), SIGKILL);
    for (;;) ::pause();
}

FaultRules::FaultRules(const char* environment_variable, CodeOf code_of) : code_of_(code_of) {
    const char* rules = std::getenv(environment_variable);
    if (rules == nullptr) return;
    try {
        replace(rules);
    } catch (const std::invalid_argument& failure) {
        std::fprintf(stderr, "%s: %s\n", environment_variable, failure.what());
        std::abort();
    }
}

void FaultRules::replace(std::string_view rules) {
    std::vector<Rule> parsed;
    while (!rules.empty()) {
        const std::size_t end = rules.find(';');
        const std::string_view rule = trimmed(rules.substr(0, end));
        if (!rule.empty()) parsed.push_back(parse(rule));
        rules = end == std::string_view::npos ? std::string_view() : rules.substr(end + 1);
    }
    const std::lock_guard lock(mutex_);
    rules_ = std::move(parsed);
    ++generation_;
    replaced_.notify_all();
}

FaultRules::Rule FaultRules::parse(std::string_view rule) const {
    Rule parsed;
    std::string_view rest = rule;
    if (take_prefix(rest, "rank=")) {
        const std::size_t colon = rest.find(':');
        if (colon == std::string_view::npos) reject(rule, "a colon is expected behind the rank");
        parsed.rank = number_in<int>(trimmed(rest.substr(0, colon)));
        if (!parsed.rank) reject(rule, "the rank is no number");
        rest = trimmed(rest.substr(colon + 1));
    }
    const std::size_t at = rest.find('@');
    const std::size_t equals = rest.find('=');
    if (at == std::string_view::npos || equals == std::string_view::npos || equals < at || at == 0)
        reject(rule, "<point>@<which>=<action> is expected");
    parsed.point = trimmed(rest.substr(0, at));

    const std::string_view which = trimmed(rest.substr(at + 1, equals - at - 1));
    if (which == "*") {
        parsed.last = for_ever;
    } else {
        const bool onwards = which.ends_with('+');
        const auto first = number_in<std::uint64_t>(onwards ? which.substr(0, which.size() - 1) : which);
        if (!first || *first == 0) reject(rule, "which event is neither '*' nor k nor k+, with k from 1");
        parsed.first = *first;
        parsed.last = onwards ? for_ever : *first;
    }
    try {
        parsed.fault = parse_action(trimmed(rest.substr(equals + 1)));
    } catch (const std::invalid_argument& failure) {
        reject(rule, failure.what());
    }
    return parsed;
}

Fault FaultRules::parse_action(std::string_view action) const {
    Fault fault;
    if (action.ends_with(')')) {
        const std::size_t open = action.find('(');
        if (open == std::string_view::npos) throw std::invalid_argument("a parenthesis is closed that was not opened");
        fault.text = action.substr(open + 1, action.size() - open - 2);
        action = trimmed(action.substr(0, open));
    }
    if (action == "never") {
        fault.kind = Fault::Kind::Never;
    } else if (action == "kill") {
        fault.kind = Fault::Kind::Kill;
    } else if (take_prefix(action, "delay:")) {
        const auto milliseconds = number_in<std::int32_t>(action);
        if (!milliseconds || *milliseconds < 0) throw std::invalid_argument("the delay is no number of milliseconds");
        fault.kind = Fault::Kind::Delay;
        fault.delay = std::chrono::milliseconds(*milliseconds);
    } else {
        fault.kind = take_prefix(action, "later:") ? Fault::Kind::Later : Fault::Kind::Return;
        auto code = number_in<int>(action);
        if (!code) code = code_of_(action);
        if (!code)
            throw std::invalid_argument(
                text('\'', action, "' is no result code, nor never, kill, delay:<ms> or later:<code>"));
        fault.code = *code;
    }
    return fault;
}

Fault FaultRules::at(std::string_view point, std::optional<int> rank) {
    const std::lock_guard lock(mutex_);
    Fault due;
    for (Rule& rule : rules_) {
        if (rule.point != point || (rule.rank && rule.rank != rank)) continue;
        ++rule.events;
        if (!due && rule.events >= rule.first && rule.events <= rule.last) due = rule.fault;
    }
    return due;
}

std::uint64_t FaultRules::generation() const {
    const std::lock_guard lock(mutex_);
    return generation_;
}

void FaultRules::wait_until_replaced(std::uint64_t generation) const {
    std::unique_lock lock(mutex_);
    replaced_.wait(lock, [&] { return generation_ != generation; });
}

} // namespace nc::doubles
