#include <algorithm>
#include <cerrno>
#include <cstring>

#include "jaccl/star.h"
#include "transport/acceptor.h"
#include "transport/connector.h"
#include "transport/rendezvous.h"
#include "transport/silence.h"

namespace nc::jaccl {
namespace {

constexpr Backoff backoff{std::chrono::milliseconds{20}, std::chrono::milliseconds{500}};
constexpr std::size_t strangers_named = 4;
constexpr auto patience_with_the_rest = std::chrono::seconds(3);

std::size_t token_bytes(const StarPlan& plan) {
    return plan.token.has_value() ? sizeof(Token) : 0;
}

// What a rank says first: the token, if there is one, and its number.
std::vector<std::byte> hello_of(const StarPlan& plan) {
    const std::int32_t rank = plan.rank;
    std::vector<std::byte> hello(token_bytes(plan) + sizeof rank);
    if (plan.token.has_value()) std::memcpy(hello.data(), plan.token->data(), sizeof(Token));
    std::memcpy(hello.data() + token_bytes(plan), &rank, sizeof rank);
    return hello;
}

// Rank 0's part.
class Gathering {
public:
    explicit Gathering(StarPlan& plan)
        : plan_(plan),
          acceptor_(
              plan.listener.is_open() ? std::move(plan.listener) : listen_for_ranks(plan.coordinator, plan.source),
              {hello_of(plan).size(), "a rank", false},
              [this](const Acceptor::Caller& caller, const std::string& why) { turn_away(caller, why); }) {}

    std::vector<Connection> run() {
        for (;;) {
            acceptor_.tend([](const Acceptor::Caller&) { return std::string(); },
                           [this](const Acceptor::Caller& caller) { return objection_to(caller); });
            take_ranks();
            note_who_has_gone();
            if (static_cast<int>(connections_.size()) == plan_.size - 1) break;
            if (gone_ >= 0 && Clock::now() >= give_up_at_) plan_.gave_up(gone_, ECONNABORTED);
            plan_.check(
                text(plan_.self(), " waited at ", plan_.coordinator.text(), " for ", absent(), strangers_.text()),
                plan_.name(first_absent()));
            Poller poller;
            acceptor_.watch(poller);
            // Bytes may be waiting there, of ranks that are further on.
            if (gone_ < 0) {
                for (const Connection& connection : connections_)
                    poller.watch(connection.socket.get(), events::peer_ended);
            }
            plan_.patience.wait(poller, give_up_at_);
        }
        if (gone_ >= 0) plan_.gave_up(gone_, ECONNABORTED);
        std::ranges::sort(connections_, {}, &Connection::peer);
        return std::move(connections_);
    }

private:
    // Whoever has named itself and goes has failed to join. The others are to be heard for a while: who finds rank 0
    // gone would wait for it.
    void note_who_has_gone() {
        if (gone_ >= 0) return;
        const auto gone = std::ranges::find_if(connections_, has_gone);
        if (gone == connections_.end()) return;
        gone_ = gone->peer;
        give_up_at_ = Clock::now() + patience_with_the_rest;
    }

    int rank_of(const Acceptor::Caller& caller) const {
        std::int32_t rank = 0;
        std::memcpy(&rank, caller.said.data() + token_bytes(plan_), sizeof rank);
        return rank;
    }

    // Why a caller that has said its hello is none of the ranks.
    std::string objection_to(const Acceptor::Caller& caller) const {
        if (plan_.token.has_value() && std::memcmp(caller.said.data(), plan_.token->data(), sizeof(Token)) != 0)
            return "it does not know the token";
        const int rank = rank_of(caller);
        if (rank >= 1 && rank < plan_.size) return {};
        return text("it calls itself rank ", rank, ", but those that are to call are 1 to ", plan_.size - 1);
    }

    void take_ranks() {
        std::list<Acceptor::Caller>& callers = acceptor_.callers();
        for (auto caller = callers.begin(); caller != callers.end();) {
            const auto one = caller++;
            if (!one->has_greeted) continue;
            join(*one);
            callers.erase(one);
        }
    }

    void join(Acceptor::Caller& caller) {
        const int rank = rank_of(caller);
        const int name = plan_.name(rank);
        const auto same = std::ranges::find(connections_, rank, &Connection::peer);
        if (same != connections_.end())
            fail_rendezvous(text(plan_.self(), ": two processes call themselves rank ", name, ": one from ",
                                 Address::remote(same->socket.get()).text(), " and one from ", caller.source.text()),
                            name);
        prepare_connection(caller.connection);
        plan_.log.write(NC_LOG_DEBUG, "[jaccl] rank ", plan_.name(0), ": rank ", name, " called from ",
                        caller.source.text());
        connections_.push_back({rank, std::move(caller.connection)});
    }

    void turn_away(const Acceptor::Caller& caller, const std::string& why) {
        plan_.log.write(NC_LOG_WARNING, "[jaccl] rank ", plan_.name(0), ": turned away a connection from ",
                        caller.source.text(), ": ", why);
        strangers_.note(text(caller.source.text(), " (", why, ")"));
    }

    bool has(int rank) const { return std::ranges::find(connections_, rank, &Connection::peer) != connections_.end(); }
    int first_absent() const {
        int rank = 1;
        while (has(rank)) ++rank;
        return rank;
    }
    std::string absent() const {
        std::string ranks;
        for (int rank = 1; rank < plan_.size; ++rank) {
            if (!has(rank)) ranks += text(ranks.empty() ? "rank " : ", ", plan_.name(rank));
        }
        return ranks;
    }

    StarPlan& plan_;
    Acceptor acceptor_;
    std::vector<Connection> connections_;
    Strangers strangers_{strangers_named, ", "};
    int gone_ = -1; // the first rank that called and went
    Deadline give_up_at_ = Deadline::max();
};

void note_failure(const StarPlan& plan, const Connector& connector) {
    const int error = connector.last_error();
    // Who names its token has listened since before it told its address, and only stops when it has failed.
    if (error == ECONNREFUSED && plan.token.has_value()) {
        fail_rendezvous(
            text(plan.self(), ": rank ", plan.name(0), " gave up while the group was formed (nobody listens at ",
                 plan.coordinator.text(), " any more); its own error says why"),
            plan.name(0), error);
    }
    if (connector.fails_anew())
        plan.log.write(NC_LOG_INFORMATION, "[jaccl] rank ", plan.name(plan.rank), ": rank ", plan.name(0),
                       " is not there yet at ", plan.coordinator.text(), ": ", system_error_text(error));
}

// The other ranks' part.
Descriptor call_coordinator(const StarPlan& plan) {
    if (plan.coordinator.length() == 0)
        fail_rendezvous(text(plan.self(), ": rank ", plan.name(0), " gave no address at which it can be called"),
                        plan.name(0));
    Connector connector(plan.coordinator, backoff, hello_of(plan));
    for (;;) {
        const int error = connector.step();
        if (connector.is_connected()) return connector.take();
        if (error != 0) note_failure(plan, connector);
        plan.check(text(plan.self(), " waited for rank ", plan.name(0), " to listen at ", plan.coordinator.text(),
                        connector.last_error() != 0 ? " (" + system_error_text(connector.last_error()) + ")" : ""),
                   plan.name(0));
        Poller poller;
        connector.watch(poller);
        plan.patience.wait(poller, connector.next_step());
    }
}

} // namespace

Descriptor listen_for_ranks(const Address& address, const std::string& source) {
    return listen_at(address, source, false, "this machine, on which rank 0 runs");
}

std::vector<Connection> meet(StarPlan& plan) {
    if (plan.rank == 0) return Gathering(plan).run();
    std::vector<Connection> connections;
    connections.push_back({0, call_coordinator(plan)});
    return connections;
}

} // namespace nc::jaccl
