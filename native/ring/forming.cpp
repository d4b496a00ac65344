#include "ring/forming.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "os/descriptor.h"
#include "os/poller.h"
#include "os/socket.h"
#include "ring/neighbour_check.h"
#include "ring/slices.h"
#include "transport/silence.h"
#include "transport/tcp_channel.h"

namespace nc::ring {
namespace {

// Many may call at once; whoever finds no place in the queue tries again only a second later.
constexpr int backlog = 128;
constexpr std::chrono::milliseconds first_retry{5};
constexpr std::chrono::milliseconds longest_retry{200};
constexpr std::chrono::milliseconds attempt_limit{5000};
constexpr std::chrono::milliseconds cancel_granularity{50};
// A caller that hung up without a word may have been a stranger. The real neighbour gets this long to show up; after
// that the caller counts as a neighbour that had nothing to say, which MLX's wire allows.
constexpr std::chrono::milliseconds silent_caller_patience{1000};
constexpr std::size_t strangers_named = 8;
// So many callers at one address are kept until it is known which of them is the neighbour.
constexpr std::size_t most_callers = 64;

[[noreturn]] void fail(const std::string& message, int peer = -1, int system_error = 0) {
    throw Error(NC_RENDEZVOUS_FAILED, message, peer, system_error);
}

// A connection that was accepted and may be the left neighbour's.
struct Caller {
    Descriptor connection;
    Address source;
    Pulse pulse = Pulse::Quiet;
    std::optional<Deadline> silent_since; // it hung up without having sent anything
    Password said{};
    std::size_t said_bytes = 0;
};

// One of the own addresses.
struct Door {
    Address address;
    Descriptor listener;
    std::vector<Caller> callers;
};

// The way to one of the right neighbour's addresses.
struct Approach {
    Address address;
    Descriptor connection;
    bool connected = false;
    bool trying = false;
    Deadline next_event{}; // when to try again, or to give an attempt up
    std::chrono::milliseconds retry = first_retry;
    int last_error = 0;
};

class Forming {
public:
    explicit Forming(FormingPlan plan)
        : plan_(std::move(plan)),
          left_rank_(wrap(plan_.rank - 1, plan_.size)),
          right_rank_(wrap(plan_.rank + 1, plan_.size)),
          check_(plan_.left) {
        if (plan_.listeners.empty())
            plan_.listeners = open_listeners(plan_.own, plan_.source, plan_.rank, plan_.also_ipv4);
        for (std::size_t i = 0; i < plan_.own.size(); ++i)
            doors_.push_back({plan_.own[i], std::move(plan_.listeners[i]), {}});
        for (const Address& address : plan_.right) {
            approaches_.emplace_back();
            approaches_.back().address = address;
        }
    }

    Connections run() {
        for (;;) {
            for (Door& door : doors_) tend(door);
            tend_approaches();
            if (complete()) return take();
            const Deadline now = Clock::now();
            if (now >= plan_.deadline) fail(timeout_message(), all_accepted() ? right_rank_ : left_rank_);
            plan_.cancellation.check();
            if (plan_.interruption != nullptr) {
                plan_.interruption->throw_if_aborted();
                plan_.interruption->throw_if_broken();
            }
            wait(now);
        }
    }

private:
    bool expects_password() const { return plan_.own_password.has_value(); }

    // The accepting side.

    void tend(Door& door) {
        for (Descriptor connection = accept_from(door.listener); connection.is_open();
             connection = accept_from(door.listener)) {
            make_room(door);
            const Address source = Address::remote(connection.get());
            // Whoever is turned away, or meets a rank that fails to form, is to see that.
            reset_on_close(connection, true);
            if (!expects_password() && !check_.may_be(source, Address::local(connection.get()))) {
                turn_away(door, source, text("it does not come from rank ", left_rank_));
                continue;
            }
            plan_.log.write(NC_LOG_DEBUG, "[ring] rank ", plan_.rank, ": ", source.text(), " called at ",
                            door.address.text());
            door.callers.push_back({std::move(connection), source, Pulse::Quiet, std::nullopt, {}, 0});
        }
        std::erase_if(door.callers, [&](Caller& caller) { return !still_possible(door, caller); });
        keep_only_the_proven(door);
        // Whoever hung up without a word gives way to somebody who did not.
        if (std::any_of(door.callers.begin(), door.callers.end(),
                        [](const Caller& caller) { return !caller.silent_since.has_value(); })) {
            std::erase_if(door.callers, [&](const Caller& caller) {
                if (caller.silent_since.has_value()) turn_away(door, caller.source, "it hung up without a word");
                return caller.silent_since.has_value();
            });
        }
    }

    // The caller that has waited longest without a proof gives way, if there are too many.
    void make_room(Door& door) {
        if (door.callers.size() < most_callers) return;
        turn_away(door, door.callers.front().source, "it was one of too many");
        door.callers.erase(door.callers.begin());
    }

    // Whoever says the password first is the neighbour. Others may say nothing for as long as they like.
    void keep_only_the_proven(Door& door) {
        if (!expects_password()) return;
        const auto proven = std::find_if(door.callers.begin(), door.callers.end(),
                                         [this](const Caller& caller) { return knows_password(caller); });
        if (proven == door.callers.end()) return;
        std::iter_swap(door.callers.begin(), proven);
        for (; door.callers.size() > 1; door.callers.pop_back()) {
            turn_away(door, door.callers.back().source, text("another connection proved to be rank ", left_rank_));
        }
    }

    bool still_possible(const Door& door, Caller& caller) {
        if (expects_password() && caller.said_bytes < caller.said.size() && !listen_to(door, caller)) return false;
        if (caller.pulse == Pulse::Ended) {
            // It may still be reset; that it has ended is known.
            if (probe(caller.connection) != Pulse::Broken) return true;
            caller.pulse = Pulse::Broken;
        } else {
            caller.pulse = probe(caller.connection);
        }
        if (caller.pulse == Pulse::Broken) {
            if (plan_.neighbours_listen && knows_password(caller)) {
                neighbour_gave_up(
                    left_rank_, text("closed its connection from ", caller.source.text(), " to ", door.address.text()));
            }
            turn_away(door, caller.source, "its connection broke");
            return false;
        }
        if (caller.pulse != Pulse::Ended) return true;
        if (!knows_password(caller)) {
            turn_away(door, caller.source, "it hung up without the password");
            return false;
        }
        if (!expects_password()) caller.silent_since = Clock::now();
        return true;
    }

    bool knows_password(const Caller& caller) const {
        return !expects_password() || caller.said_bytes == caller.said.size();
    }

    // Reads what there is of the password; false if it is wrong.
    bool listen_to(const Door& door, Caller& caller) {
        caller.said_bytes += receive_from(caller.connection, caller.said.data() + caller.said_bytes,
                                          caller.said.size() - caller.said_bytes)
                                 .bytes;
        if (caller.said_bytes < caller.said.size() || caller.said == *plan_.own_password) return true;
        turn_away(door, caller.source, "it does not know the password");
        return false;
    }

    void turn_away(const Door& door, const Address& source, const std::string& why) {
        plan_.log.write(NC_LOG_WARNING, "[ring] rank ", plan_.rank, ": turned away a connection from ", source.text(),
                        " to ", door.address.text(), ": ", why);
        if (strangers_.size() < strangers_named)
            strangers_.push_back(text(source.text(), " at ", door.address.text(), " (", why, ")"));
    }

    bool accepted(const Door& door) const {
        if (door.callers.empty()) return false;
        return std::all_of(door.callers.begin(), door.callers.end(), [&](const Caller& caller) {
            return knows_password(caller) &&
                   (!caller.silent_since.has_value() || Clock::now() >= *caller.silent_since + silent_caller_patience);
        });
    }

    bool all_accepted() const {
        return std::all_of(doors_.begin(), doors_.end(), [&](const Door& door) { return accepted(door); });
    }

    // The connecting side: one address after the other, as the neighbour may open them one by one.

    void tend_approaches() {
        for (Approach& approach : approaches_) {
            if (approach.connected) {
                if (probe(approach.connection) != Pulse::Broken) continue;
                if (plan_.neighbours_listen) {
                    neighbour_gave_up(right_rank_,
                                      text("closed the connection to its address ", approach.address.text()));
                }
                plan_.log.write(NC_LOG_INFORMATION, "[ring] rank ", plan_.rank, ": rank ", right_rank_, " at ",
                                approach.address.text(), " broke the connection, trying again");
                retry_later(approach, take_error(approach.connection.get()));
            }
            if (approach.trying) check_attempt(approach);
            if (!approach.connected && !approach.trying && Clock::now() >= approach.next_event) start_attempt(approach);
            if (!approach.connected) return;
        }
    }

    void start_attempt(Approach& approach) {
        approach.connection = open_socket(approach.address.family());
        reset_on_close(approach.connection, true);
        const int error = connect_to(approach.connection, approach.address);
        if (error == 0) {
            established(approach);
        } else if (error == EINPROGRESS) {
            approach.trying = true;
            approach.next_event = Clock::now() + attempt_limit;
        } else {
            retry_later(approach, error);
        }
    }

    void check_attempt(Approach& approach) {
        Poller poller;
        poller.watch(approach.connection.get(), events::writable);
        if (poller.wait(Clock::now())) {
            const int error = take_error(approach.connection.get());
            if (error == 0) {
                established(approach);
            } else {
                retry_later(approach, error);
            }
        } else if (Clock::now() >= approach.next_event) {
            retry_later(approach, ETIMEDOUT);
        }
    }

    void established(Approach& approach) {
        if (is_connected_to_itself(approach.connection)) return retry_later(approach, ECONNREFUSED);
        prepare_connection(approach.connection);
        if (plan_.right_password.has_value()) {
            // A new connection takes these few bytes at once.
            const std::span said(*plan_.right_password);
            if (send_to(approach.connection, said.data(), said.size()).bytes != said.size())
                return retry_later(approach, ECONNRESET);
        }
        approach.connected = true;
        approach.trying = false;
        approach.retry = first_retry;
        plan_.log.write(NC_LOG_DEBUG, "[ring] rank ", plan_.rank, ": connected to rank ", right_rank_, " at ",
                        approach.address.text());
    }

    // Where everybody listened before anybody called, who is gone does not come back.
    [[noreturn]] void neighbour_gave_up(int neighbour, const std::string& how, int system_error = 0) const {
        fail(text(plan_.source, ": rank ", plan_.rank, " of ", plan_.size, " could not join the ring, because rank ",
                  neighbour, " gave it up: it ", how),
             neighbour, system_error);
    }

    void retry_later(Approach& approach, int error) {
        if (plan_.neighbours_listen && (error == ECONNREFUSED || error == ECONNRESET)) {
            neighbour_gave_up(right_rank_,
                              text("did not accept the connection to its address ", approach.address.text(), " (",
                                   system_error_text(error), ")"),
                              error);
        }
        if (error != approach.last_error) {
            plan_.log.write(NC_LOG_INFORMATION, "[ring] rank ", plan_.rank, ": rank ", right_rank_, " at ",
                            approach.address.text(), " is not there yet: ", system_error_text(error));
        }
        approach.last_error = error;
        approach.connection.close();
        approach.connected = false;
        approach.trying = false;
        approach.next_event = Clock::now() + approach.retry;
        approach.retry = std::min(approach.retry * 2, longest_retry);
    }

    // Both.

    bool all_connected() const {
        return std::all_of(approaches_.begin(), approaches_.end(),
                           [](const Approach& approach) { return approach.connected; });
    }

    bool complete() const { return all_connected() && all_accepted(); }

    Connections take() {
        Connections connections;
        for (Door& door : doors_) {
            if (door.callers.size() > 1) {
                std::string sources;
                for (const Caller& caller : door.callers)
                    sources += text(sources.empty() ? "" : " and ", caller.source.text());
                fail(text(plan_.source, ": rank ", plan_.rank,
                          " cannot tell which of several connections to its address ", door.address.text(), " is rank ",
                          left_rank_, ": ", sources),
                     left_rank_);
            }
            connections.left.push_back(
                std::make_unique<Link>(make_tcp_channel(std::move(door.callers.front().connection)), left_rank_));
        }
        for (Approach& approach : approaches_) {
            connections.right.push_back(
                std::make_unique<Link>(make_tcp_channel(std::move(approach.connection)), right_rank_));
        }
        return connections;
    }

    void wait(Deadline now) {
        Deadline until = plan_.deadline;
        if (plan_.cancellation.can_come()) until = std::min(until, now + cancel_granularity);
        Poller poller;
        if (plan_.interruption != nullptr) poller.watch(plan_.interruption->descriptor(), events::readable);
        for (const Door& door : doors_) {
            poller.watch(door.listener.get(), events::readable);
            for (const Caller& caller : door.callers) {
                const bool listening = expects_password() && !knows_password(caller);
                // An end that is known already would be reported again and again.
                poller.watch(caller.connection.get(),
                             static_cast<short>((listening ? events::readable : 0) |
                                                (caller.pulse == Pulse::Quiet ? events::peer_ended : 0)));
                if (caller.silent_since.has_value() && *caller.silent_since + silent_caller_patience > now)
                    until = std::min(until, *caller.silent_since + silent_caller_patience);
            }
        }
        for (const Approach& approach : approaches_) {
            if (approach.connected) {
                poller.watch(approach.connection.get(), 0);
                continue;
            }
            if (approach.trying) poller.watch(approach.connection.get(), events::writable);
            until = std::min(until, std::max(approach.next_event, now));
            break;
        }
        poller.wait(until);
    }

    std::string timeout_message() const {
        std::ostringstream message;
        message << plan_.source << ": rank " << plan_.rank << " of " << plan_.size << " could not join the ring within "
                << plan_.timeout_ms << " ms";
        for (const Door& door : doors_) {
            if (!accepted(door))
                message << "; rank " << left_rank_ << " did not connect to this rank's address " << door.address.text();
        }
        for (const Approach& approach : approaches_) {
            if (approach.connected) continue;
            message << "; rank " << right_rank_ << " did not answer at " << approach.address.text();
            if (approach.last_error != 0) message << " (" << system_error_text(approach.last_error) << ')';
            break;
        }
        if (!strangers_.empty()) {
            message << "; turned away";
            for (const std::string& stranger : strangers_) message << ' ' << stranger;
        }
        return message.str();
    }

    FormingPlan plan_;
    const int left_rank_;
    const int right_rank_;
    const NeighbourCheck check_;
    std::vector<Door> doors_;
    std::vector<Approach> approaches_;
    std::vector<std::string> strangers_;
};

} // namespace

std::vector<Descriptor> open_listeners(const std::vector<Address>& addresses, const std::string& source, int rank,
                                       bool also_ipv4) {
    std::vector<Descriptor> listeners;
    for (const Address& address : addresses) {
        try {
            listeners.push_back(listen_on(address, backlog, also_ipv4));
        } catch (const Error& error) {
            const char* hint = error.system_error == EADDRINUSE      ? "the port is in use"
                               : error.system_error == EADDRNOTAVAIL ? "the address is not one of this machine"
                                                                     : "it cannot be listened on";
            fail(text(source, ": rank ", rank, ": ", address.text(), ": ", hint, " (", error.what(), ")"), -1,
                 error.system_error);
        }
    }
    return listeners;
}

Connections form_ring(FormingPlan plan) {
    plan.log.write(NC_LOG_INFORMATION, "[ring] rank ", plan.rank, " of ", plan.size, ": forming, ", plan.own.size(),
                   " connection(s) to each neighbour");
    const int rank = plan.rank;
    const Log log = plan.log;
    const Deadline begin = Clock::now();
    Connections connections = Forming(std::move(plan)).run();
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count();
    log.write(NC_LOG_INFORMATION, "[ring] rank ", rank, ": formed in ", took, " ms");
    return connections;
}

} // namespace nc::ring
