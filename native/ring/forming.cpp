#include "ring/forming.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <span>

#include "os/poller.h"
#include "ring/neighbour_check.h"
#include "ring/slices.h"
#include "transport/acceptor.h"
#include "transport/connector.h"
#include "transport/rendezvous.h"
#include "transport/tcp_endpoint.h"

namespace nc::ring {
namespace {

constexpr Backoff backoff{std::chrono::milliseconds{5}, std::chrono::milliseconds{200}};
constexpr std::size_t strangers_named = 8;

// One of the own addresses, and those who have called there.
struct Listener {
    Address address;
    Acceptor acceptor;
};

std::vector<std::byte> bytes_of(const Password& password) {
    const auto bytes = std::as_bytes(std::span(password));
    return {bytes.begin(), bytes.end()};
}

class Forming {
public:
    explicit Forming(FormingPlan plan)
        : plan_(std::move(plan)),
          left_rank_(wrap(plan_.rank - 1, plan_.size)),
          right_rank_(wrap(plan_.rank + 1, plan_.size)),
          check_(plan_.left) {
        if (plan_.listeners.empty()) {
            for (const Address& address : plan_.own)
                plan_.listeners.push_back(
                    listen_at(address, text(plan_.source, ": rank ", plan_.rank), plan_.also_ipv4));
        }
        const Acceptor::Greeting password{sizeof(Password), "the password", true};
        // Who has ended its connection without a word may have said its last one on another, or, of two ranks, have
        // left where it was called.
        const Acceptor::Greeting nothing{0, "a word", true, plan_.own.size() > 1 || plan_.size == 2};
        for (std::size_t i = 0; i < plan_.own.size(); ++i) {
            listeners_.push_back({plan_.own[i],
                                  {std::move(plan_.listeners[i]), expects_password() ? password : nothing,
                                   [this, i](const Acceptor::Caller& caller, const std::string& why) {
                                       turn_away(plan_.own[i], caller, why);
                                   }}});
        }
        for (const Address& address : plan_.right) {
            connectors_.emplace_back(
                address, backoff,
                plan_.right_password.has_value() ? bytes_of(*plan_.right_password) : std::vector<std::byte>{});
        }
    }

    Connections run() {
        for (;;) {
            for (Listener& listener : listeners_) tend(listener);
            tend_connectors();
            if (complete()) return take();
            if (plan_.patience.is_over()) fail_rendezvous(timeout_message(), all_accepted() ? right_rank_ : left_rank_);
            plan_.patience.throw_if_ended();
            wait();
        }
    }

private:
    bool expects_password() const { return plan_.own_password.has_value(); }

    // The accepting side.

    void tend(Listener& listener) {
        const auto stranger = [&](const Acceptor::Caller& caller) -> std::string {
            if (!expects_password() && !check_.may_be(caller.source, Address::local(caller.connection.get())))
                return text("it does not come from rank ", left_rank_);
            plan_.log.write(NC_LOG_DEBUG, "[ring] rank ", plan_.rank, ": ", caller.source.text(), " called at ",
                            listener.address.text());
            return {};
        };
        const auto greeted = [this](const Acceptor::Caller& caller) -> std::string {
            return caller.said == bytes_of(*plan_.own_password) ? "" : "it does not know the password";
        };
        listener.acceptor.tend(stranger, greeted);
        if (expects_password()) keep_only_the_proven(listener);
    }

    // Whoever says the password first is the neighbour. Others may say nothing for as long as they like.
    void keep_only_the_proven(Listener& listener) {
        std::list<Acceptor::Caller>& callers = listener.acceptor.callers();
        const auto proven = std::ranges::find(callers, true, &Acceptor::Caller::has_greeted);
        if (proven == callers.end()) return;
        callers.splice(callers.begin(), callers, proven);
        while (callers.size() > 1)
            listener.acceptor.turn_away(std::prev(callers.end()),
                                        text("another connection proved to be rank ", left_rank_));
    }

    void turn_away(const Address& own, const Acceptor::Caller& caller, const std::string& why) {
        if (plan_.neighbours_listen && caller.has_greeted && caller.pulse == Pulse::Broken) {
            neighbour_gave_up(left_rank_,
                              text("closed its connection from ", caller.source.text(), " to ", own.text()));
        }
        plan_.log.write(NC_LOG_WARNING, "[ring] rank ", plan_.rank, ": turned away a connection from ",
                        caller.source.text(), " to ", own.text(), ": ", why);
        strangers_.note(text(caller.source.text(), " at ", own.text(), " (", why, ")"));
    }

    bool accepted(const Listener& listener) const {
        const std::list<Acceptor::Caller>& callers = listener.acceptor.callers();
        if (callers.empty() || !std::ranges::all_of(callers, &Acceptor::Caller::has_greeted)) return false;
        return callers.front().pulse != Pulse::Ended || expects_password() || neighbour_has_spoken() ||
               neighbour_has_left();
    }

    // On some connection: then one that was ended without a word may be the neighbour's too.
    bool neighbour_has_spoken() const {
        return std::ranges::any_of(listeners_, [](const Listener& listener) {
            return std::ranges::any_of(listener.acceptor.callers(),
                                       [](const Acceptor::Caller& caller) { return caller.pulse == Pulse::Speaking; });
        });
    }

    // The only other rank: it has ended in order where this one called it, as it does once it has formed, and listens
    // no more.
    bool neighbour_has_left() const {
        return plan_.size == 2 && std::ranges::any_of(connectors_, [](const Connector& connector) {
                   return connector.is_connected() && !connector.is_settled();
               });
    }

    bool all_accepted() const {
        return std::all_of(listeners_.begin(), listeners_.end(),
                           [&](const Listener& listener) { return accepted(listener); });
    }

    // The connecting side: one address after the other, as the neighbour may open them one by one.

    void tend_connectors() {
        for (Connector& connector : connectors_) {
            if (connector.is_settled()) look_at(connector);
            if (!connector.is_settled()) {
                if (const int error = connector.step(); error != 0) note_failure(connector, error);
                if (connector.is_settled())
                    plan_.log.write(NC_LOG_DEBUG, "[ring] rank ", plan_.rank, ": connected to rank ", right_rank_,
                                    " at ", connector.address().text());
            }
            if (!connector.is_connected()) return;
        }
    }

    void look_at(Connector& connector) {
        const Pulse pulse = connector.look();
        if (pulse == Pulse::Ended && !plan_.neighbours_listen) connector.doubt();
        if (pulse != Pulse::Broken) return;
        if (plan_.neighbours_listen)
            neighbour_gave_up(right_rank_, text("closed the connection to its address ", connector.address().text()));
        plan_.log.write(NC_LOG_INFORMATION, "[ring] rank ", plan_.rank, ": rank ", right_rank_, " at ",
                        connector.address().text(), " broke the connection, trying again");
        connector.lose(take_error(connector.connection().get()));
    }

    void note_failure(const Connector& connector, int error) {
        if (plan_.neighbours_listen && (error == ECONNREFUSED || error == ECONNRESET)) {
            neighbour_gave_up(right_rank_,
                              text("did not accept the connection to its address ", connector.address().text(), " (",
                                   system_error_text(error), ")"),
                              error);
        }
        if (connector.fails_anew()) {
            plan_.log.write(NC_LOG_INFORMATION, "[ring] rank ", plan_.rank, ": rank ", right_rank_, " at ",
                            connector.address().text(), " is not there yet: ", system_error_text(error));
        }
    }

    // Where everybody listened before anybody called, who is gone does not come back.
    [[noreturn]] void neighbour_gave_up(int neighbour, const std::string& how, int system_error = 0) const {
        fail_rendezvous(text(plan_.source, ": rank ", plan_.rank, " of ", plan_.size,
                             " could not join the ring, because rank ", neighbour, " gave it up: it ", how),
                        neighbour, system_error);
    }

    // Both.

    bool all_connected() const { return std::ranges::all_of(connectors_, &Connector::is_connected); }

    bool complete() const { return all_connected() && all_accepted(); }

    Connections take() {
        Connections connections;
        for (Listener& listener : listeners_) {
            std::list<Acceptor::Caller>& callers = listener.acceptor.callers();
            if (callers.size() > 1) {
                std::string sources;
                for (const Acceptor::Caller& caller : callers)
                    sources += text(sources.empty() ? "" : " and ", caller.source.text());
                fail_rendezvous(text(plan_.source, ": rank ", plan_.rank,
                                     " cannot tell which of several connections to its address ",
                                     listener.address.text(), " is rank ", left_rank_, ": ", sources),
                                left_rank_);
            }
            connections.left.push_back(
                std::make_unique<Link>(make_tcp_endpoint(std::move(callers.front().connection)), left_rank_));
        }
        for (Connector& connector : connectors_)
            connections.right.push_back(std::make_unique<Link>(make_tcp_endpoint(connector.take()), right_rank_));
        return connections;
    }

    void wait() {
        Deadline until = Deadline::max();
        Poller poller;
        for (const Listener& listener : listeners_) listener.acceptor.watch(poller);
        for (const Connector& connector : connectors_) {
            connector.watch(poller);
            until = std::min(until, connector.next_step());
            if (!connector.is_connected()) break;
        }
        plan_.patience.wait(poller, until);
    }

    std::string timeout_message() const {
        std::ostringstream message;
        message << plan_.source << ": rank " << plan_.rank << " of " << plan_.size << " could not join the ring within "
                << plan_.patience.timeout_ms << " ms";
        for (const Listener& listener : listeners_) {
            if (!accepted(listener))
                message << "; rank " << left_rank_ << " did not connect to this rank's address "
                        << listener.address.text();
        }
        for (const Connector& connector : connectors_) {
            if (connector.is_connected()) continue;
            message << "; rank " << right_rank_ << " did not answer at " << connector.address().text();
            if (connector.last_error() != 0) message << " (" << system_error_text(connector.last_error()) << ')';
            break;
        }
        return message.str() + strangers_.text();
    }

    FormingPlan plan_;
    const int left_rank_;
    const int right_rank_;
    const NeighbourCheck check_;
    std::vector<Listener> listeners_;
    std::vector<Connector> connectors_;
    Strangers strangers_{strangers_named, " "};
};

} // namespace

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
