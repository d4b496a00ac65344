#include "softverbs/faults.h"

#include <infiniband/verbs.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <iterator>
#include <stdexcept>

namespace nc::softverbs {
namespace {

struct Name {
    std::string_view name;
    int number;
};

#define NC_NAME(name) \
    { #name, name }
constexpr Name errors[] = {NC_NAME(EPERM),     NC_NAME(ENOENT),   NC_NAME(EIO),    NC_NAME(ENXIO),  NC_NAME(EAGAIN),
                           NC_NAME(ENOMEM),    NC_NAME(EACCES),   NC_NAME(EFAULT), NC_NAME(EBUSY),  NC_NAME(EEXIST),
                           NC_NAME(ENODEV),    NC_NAME(EINVAL),   NC_NAME(EMFILE), NC_NAME(ENOSPC), NC_NAME(EOPNOTSUPP),
                           NC_NAME(ETIMEDOUT), NC_NAME(ENETDOWN), NC_NAME(ENOSYS)};
constexpr Name statuses[] = {
    NC_NAME(IBV_WC_LOC_LEN_ERR),       NC_NAME(IBV_WC_LOC_QP_OP_ERR),    NC_NAME(IBV_WC_LOC_EEC_OP_ERR),
    NC_NAME(IBV_WC_LOC_PROT_ERR),      NC_NAME(IBV_WC_WR_FLUSH_ERR),     NC_NAME(IBV_WC_MW_BIND_ERR),
    NC_NAME(IBV_WC_BAD_RESP_ERR),      NC_NAME(IBV_WC_LOC_ACCESS_ERR),   NC_NAME(IBV_WC_REM_INV_REQ_ERR),
    NC_NAME(IBV_WC_REM_ACCESS_ERR),    NC_NAME(IBV_WC_REM_OP_ERR),       NC_NAME(IBV_WC_RETRY_EXC_ERR),
    NC_NAME(IBV_WC_RNR_RETRY_EXC_ERR), NC_NAME(IBV_WC_LOC_RDD_VIOL_ERR), NC_NAME(IBV_WC_REM_INV_RD_REQ_ERR),
    NC_NAME(IBV_WC_REM_ABORT_ERR),     NC_NAME(IBV_WC_INV_EECN_ERR),     NC_NAME(IBV_WC_INV_EEC_STATE_ERR),
    NC_NAME(IBV_WC_FATAL_ERR),         NC_NAME(IBV_WC_RESP_TIMEOUT_ERR), NC_NAME(IBV_WC_GENERAL_ERR)};
#undef NC_NAME

constexpr std::string_view calls[] = {"get_device_list", "open_device",         "alloc_pd",      "reg_mr",
                                      "create_cq",       "create_comp_channel", "create_qp",     "modify_qp",
                                      "modify_qp:INIT",  "modify_qp:RTR",       "modify_qp:RTS", "modify_qp:ERR",
                                      "modify_qp:RESET", "post_send",           "post_recv",     "poll_cq",
                                      "query_port",      "query_gid",           "req_notify_cq", "query_gid_ex"};

std::string_view trimmed(std::string_view value) {
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    while (!value.empty() && value.back() == ' ') value.remove_suffix(1);
    return value;
}

bool take_prefix(std::string_view& value, std::string_view prefix) {
    if (!value.starts_with(prefix)) return false;
    value.remove_prefix(prefix.size());
    return true;
}

template <class Number>
Number number_in(std::string_view value, const char* what) {
    Number number{};
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || number < 0)
        throw std::invalid_argument(std::string(what) + " is no number");
    return number;
}

template <class Names>
int named(const Names& names, std::string_view value, const char* what) {
    for (const Name& name : names) {
        if (name.name == value) return name.number;
    }
    return number_in<int>(value, what);
}

template <class List>
bool contains(const List& list, std::string_view value) {
    for (const std::string_view element : list) {
        if (element == value) return true;
    }
    return false;
}

} // namespace

Faults& Faults::instance() {
    static auto& faults = *new Faults;
    return faults;
}

int Faults::replace(const char* rules) {
    std::vector<Rule> parsed;
    std::string_view rest = rules != nullptr ? rules : "";
    while (!rest.empty()) {
        const std::size_t end = rest.find(';');
        const std::string_view text = trimmed(rest.substr(0, end));
        try {
            if (!text.empty()) parsed.push_back(parse(text));
        } catch (const std::invalid_argument& failure) {
            std::fprintf(stderr, "softverbs: the fault rule '%.*s' cannot be read: %s\n", static_cast<int>(text.size()),
                         text.data(), failure.what());
            return EINVAL;
        }
        rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    }
    const std::lock_guard lock(mutex_);
    rules_ = std::move(parsed);
    any_ = !rules_.empty();
    return 0;
}

Faults::Rule Faults::parse(std::string_view text) {
    Rule rule;
    for (;;) {
        std::string_view rest = text;
        const bool host = take_prefix(rest, "host=");
        const bool device = !host && take_prefix(rest, "device=");
        const bool queue_pair = !host && !device && take_prefix(rest, "qp=");
        if (!host && !device && !queue_pair) break;
        const std::size_t colon = rest.find(':');
        if (colon == std::string_view::npos) throw std::invalid_argument("a colon is expected behind a filter");
        const std::string_view value = trimmed(rest.substr(0, colon));
        if (host) rule.host = value;
        if (device) rule.device = value;
        if (queue_pair) rule.queue_pair_order = number_in<std::uint64_t>(value, "the queue pair");
        if (queue_pair && rule.queue_pair_order == 0) throw std::invalid_argument("queue pairs are counted from 1");
        text = trimmed(rest.substr(colon + 1));
    }
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) throw std::invalid_argument("<point>[@<which>]=<action> is expected");
    const std::string_view action = trimmed(text.substr(equals + 1));
    std::string_view point = trimmed(text.substr(0, equals));
    const std::size_t at = point.find('@');
    const bool counted = at != std::string_view::npos;
    if (counted) {
        const std::string_view which = trimmed(point.substr(at + 1));
        if (which != "*") {
            const bool onwards = which.ends_with('+');
            rule.first = number_in<std::uint64_t>(onwards ? which.substr(0, which.size() - 1) : which, "which");
            if (rule.first == 0) throw std::invalid_argument("events are counted from 1");
            if (!onwards) rule.last = rule.first;
        }
        point = trimmed(point.substr(0, at));
    }
    rule.point = point;

    if (contains(calls, point)) {
        if (action == "kill") {
            rule.kill = true;
        } else {
            rule.number = named(errors, action, "the action");
            if (rule.number == 0) throw std::invalid_argument("0 is no error");
        }
    } else if (point == "send" || point == "recv") {
        rule.number = named(statuses, action, "the action");
        if (rule.number == 0) throw std::invalid_argument("0 is no error");
    } else if (point == "link") {
        if (action != "down" && action != "lose") throw std::invalid_argument("a link can be down or lose");
        if (action == "down") rule.last = std::numeric_limits<std::uint64_t>::max();
        rule.number = fault::lose;
    } else {
        if (counted) throw std::invalid_argument("states are not counted");
        if (point == "list" && action == "missing") {
            rule.number = fault::missing;
        } else if (point == "port" && action == "down") {
            rule.number = fault::down;
        } else if (point == "mapped_gid" && action == "none") {
            rule.number = fault::none;
        } else if (point == "mapped_gid" || point == "mapped_gid_v1" || point == "active_mtu" ||
                   point == "queue_pairs" || point == "queue_pairs:RTR" || point == "slow" || point == "reorder") {
            rule.number = number_in<int>(action, "the action");
            if (point.starts_with("mapped_gid") && rule.number > 7)
                throw std::invalid_argument("the GID table has the entries 0 to 7");
        } else {
            throw std::invalid_argument("there is no such point, or the point has no such action");
        }
    }
    return rule;
}

bool Faults::Rule::fits_device(const Subject& subject) const {
    return (host.empty() || host == subject.host) && (device.empty() || device == subject.device);
}

bool Faults::Rule::fits(const Subject& subject) const {
    return fits_device(subject) && (queue_pair_order == 0 || (queue_pair != 0 && queue_pair == subject.queue_pair));
}

std::optional<int> Faults::at(std::string_view point, const Subject& subject) {
    if (!any_) return std::nullopt;
    const std::lock_guard lock(mutex_);
    std::optional<int> due;
    for (Rule& rule : rules_) {
        if (rule.point != point || !rule.fits(subject)) continue;
        ++rule.events;
        if (due || rule.events < rule.first || rule.events > rule.last) continue;
        if (rule.kill) ::kill(::getpid(), SIGKILL);
        due = rule.number;
    }
    return due;
}

std::optional<int> Faults::state(std::string_view point, const Subject& subject) const {
    if (!any_) return std::nullopt;
    const std::lock_guard lock(mutex_);
    for (const Rule& rule : rules_) {
        if (rule.point == point && rule.fits(subject)) return rule.number;
    }
    return std::nullopt;
}

void Faults::queue_pair_created(const Subject& subject) {
    if (!any_) return;
    const std::lock_guard lock(mutex_);
    for (Rule& rule : rules_) {
        if (rule.queue_pair_order != 0 && rule.fits_device(subject) && ++rule.queue_pairs == rule.queue_pair_order)
            rule.queue_pair = subject.queue_pair;
    }
}

} // namespace nc::softverbs
