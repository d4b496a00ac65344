#include "jaccl/side_channel.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "base/cancellation.h"
#include "os/descriptor.h"
#include "os/poller.h"
#include "os/random.h"
#include "os/socket.h"
#include "transport/acceptor.h"
#include "transport/connector.h"
#include "transport/silence.h"

namespace nc::jaccl {
namespace {

constexpr int backlog = 64;
constexpr Backoff backoff{std::chrono::milliseconds{20}, std::chrono::milliseconds{500}};
// How soon the cancellation flag is noticed.
constexpr auto cancel_granularity = std::chrono::milliseconds(20);
constexpr std::size_t strangers_named = 4;
constexpr auto patience_with_the_rest = std::chrono::seconds(3);

[[noreturn]] void fail(const std::string& message, int peer = -1, int system_error = 0) {
    throw Error(NC_RENDEZVOUS_FAILED, message, peer, system_error);
}

Descriptor listen_at(const Address& address, const std::string& source) {
    try {
        return listen_on(address, backlog);
    } catch (const Error& error) {
        const char* hint = error.system_error == EADDRINUSE ? "the port is in use"
                           : error.system_error == EADDRNOTAVAIL
                               ? "the address is not one of this machine, on which rank 0 runs"
                               : "it cannot be listened on";
        fail(text(source, ": ", address.text(), ": ", hint, " (", error.what(), ")"), -1, error.system_error);
    }
}

// Bytes that are on their way in one direction.
struct Progress {
    std::size_t moved = 0;
    std::size_t bytes = 0;
    bool done() const { return moved == bytes; }
};

// Moves what can be moved now. Returns 0, or the errno of a broken connection; ECONNABORTED if the peer ended it.
int move_some(const Descriptor& socket, std::byte* data, Progress& progress, bool sends) {
    while (!progress.done()) {
        const std::size_t left = progress.bytes - progress.moved;
        const Transfer transfer =
            sends ? send_to(socket, data + progress.moved, left) : receive_from(socket, data + progress.moved, left);
        if (transfer.state == Transfer::State::Blocked) return 0;
        if (transfer.state == Transfer::State::Ended) return ECONNABORTED;
        if (transfer.state == Transfer::State::Failed) return transfer.system_error;
        progress.moved += transfer.bytes;
    }
    return 0;
}

class Star final : public SideChannel {
public:
    explicit Star(StarPlan plan) : plan_(std::move(plan)) {
        if (plan_.rank == 0) {
            gather_ranks();
        } else {
            if (plan_.coordinator.length() == 0)
                fail(text(self(), ": rank ", name(0), " gave no address at which it can be called"), name(0));
            call_coordinator();
        }
    }

    void exchange(const void* own, std::size_t bytes, void* all) override {
        const auto n = static_cast<std::size_t>(plan_.size);
        auto* table = static_cast<std::byte*>(all);
        std::memcpy(table + static_cast<std::size_t>(plan_.rank) * bytes, own, bytes);
        if (plan_.rank != 0) {
            std::vector<std::byte> copy(bytes);
            std::memcpy(copy.data(), own, bytes);
            move_all([&](int) { return copy.data(); }, bytes, true);
            move_all([&](int) { return table; }, n * bytes, false);
            return;
        }
        move_all([&](int peer) { return table + static_cast<std::size_t>(peer) * bytes; }, bytes, false);
        move_all([&](int) { return table; }, n * bytes, true);
    }

    std::optional<Address> own_address() const override { return Address::local(connections_.front().socket.get()); }
    std::vector<Connection> take_connections() override { return std::move(connections_); }

private:
    std::size_t hello_bytes() const { return (plan_.token.has_value() ? sizeof(Token) : 0) + sizeof(std::int32_t); }

    int name(int rank) const { return rank + plan_.first; }
    std::string self() const { return text(plan_.source, ": rank ", name(plan_.rank), " of ", name(plan_.size)); }

    // Over all connections at once, so that one that breaks is noticed while another is waited for.
    template <class DataOf>
    void move_all(DataOf data_of, std::size_t bytes, bool sends) {
        std::vector<Progress> progress(connections_.size(), Progress{0, bytes});
        std::vector<int> descriptors;
        for (const Connection& connection : connections_) descriptors.push_back(connection.socket.get());
        SilenceWatch silence;
        silence.expect();
        for (;;) {
            if (const std::optional<int> silent = silence.look(descriptors); silent.has_value()) {
                const auto place = std::find(descriptors.begin(), descriptors.end(), *silent) - descriptors.begin();
                gave_up(connections_[static_cast<std::size_t>(place)].peer, ETIMEDOUT);
            }
            Poller poller;
            int awaited = -1;
            for (std::size_t i = 0; i < connections_.size(); ++i) {
                const Connection& connection = connections_[i];
                if (const int error = move_some(connection.socket, data_of(connection.peer), progress[i], sends);
                    error != 0)
                    gave_up(connection.peer, error);
                if (progress[i].done()) {
                    // Who has had its say but will not hear the answer ends this too; rank 0 may leave when it has
                    // given the last one.
                    if (plan_.rank == 0 && !sends) {
                        if (has_gone(connection)) gave_up(connection.peer, ECONNABORTED);
                        poller.watch(connection.socket.get(), events::peer_ended);
                    }
                    continue;
                }
                if (awaited < 0) awaited = connection.peer;
                poller.watch(connection.socket.get(), sends ? events::writable : events::readable);
            }
            if (awaited < 0) return;
            plan_.patience.check(
                text(self(), " waited for rank ", name(awaited), " to take part in the exchange of connection data"),
                name(awaited));
            wait(poller, silence.next_look());
        }
    }

    [[noreturn]] void gave_up(int peer, int error) const {
        const int rank = name(peer);
        if (error == ETIMEDOUT) fail(text(self(), ": rank ", rank, " is lost: ", silence_text(rank)), rank, error);
        fail(text(self(), ": rank ", name(peer), " gave up while the group was formed (",
                  error == ECONNABORTED ? "it closed its connection" : system_error_text(error),
                  "); its own error says why"),
             name(peer), error == ECONNABORTED ? 0 : error);
    }

    void wait(Poller& poller, Deadline until = Deadline::max()) const {
        if (plan_.patience.interruption != nullptr)
            poller.watch(plan_.patience.interruption->descriptor(), events::readable);
        until = std::min(until, plan_.patience.next_look());
        poller.wait(gone_ < 0 ? until : std::min(give_up_at_, until));
    }

    // Rank 0.

    void gather_ranks() {
        if (!plan_.listener.is_open()) plan_.listener = listen_at(plan_.coordinator, plan_.source);
        Acceptor acceptor(std::move(plan_.listener), {hello_bytes(), "a rank", false},
                          [this](const Acceptor::Caller& caller, const std::string& why) { turn_away(caller, why); });
        while (static_cast<int>(connections_.size()) < plan_.size - 1) {
            acceptor.tend([](const Acceptor::Caller&) { return std::string(); },
                          [this](const Acceptor::Caller& caller) { return objection_to(caller); });
            take_ranks(acceptor);
            note_who_has_gone();
            if (static_cast<int>(connections_.size()) == plan_.size - 1) break;
            if (gone_ >= 0 && Clock::now() >= give_up_at_) gave_up(gone_, ECONNABORTED);
            plan_.patience.check(text(self(), " waited at ", plan_.coordinator.text(), " for ", absent(), strangers()),
                                 name(first_absent()));
            Poller poller;
            acceptor.watch(poller);
            // Bytes may be waiting there, of ranks that are further on.
            if (gone_ < 0) {
                for (const Connection& connection : connections_)
                    poller.watch(connection.socket.get(), events::peer_ended);
            }
            wait(poller);
        }
        if (gone_ >= 0) gave_up(gone_, ECONNABORTED);
        std::sort(connections_.begin(), connections_.end(),
                  [](const Connection& a, const Connection& b) { return a.peer < b.peer; });
    }

    // Whoever has named itself and goes has failed to join. The others are to be heard for a while: who finds rank 0
    // gone would wait for it.
    void note_who_has_gone() {
        if (gone_ >= 0) return;
        const auto gone = std::find_if(connections_.begin(), connections_.end(), has_gone);
        if (gone == connections_.end()) return;
        gone_ = gone->peer;
        give_up_at_ = Clock::now() + patience_with_the_rest;
    }

    int rank_of(const Acceptor::Caller& caller) const {
        std::int32_t rank = 0;
        std::memcpy(&rank, caller.said.data() + hello_bytes() - sizeof rank, sizeof rank);
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

    void take_ranks(Acceptor& acceptor) {
        std::list<Acceptor::Caller>& callers = acceptor.callers();
        for (auto caller = callers.begin(); caller != callers.end();) {
            const auto one = caller++;
            if (!one->has_greeted) continue;
            join(*one);
            callers.erase(one);
        }
    }

    void join(Acceptor::Caller& caller) {
        const int rank = rank_of(caller);
        const auto same = std::ranges::find(connections_, rank, &Connection::peer);
        if (same != connections_.end())
            fail(text(self(), ": two processes call themselves rank ", name(rank), ": one from ",
                      Address::remote(same->socket.get()).text(), " and one from ", caller.source.text()),
                 name(rank));
        prepare_connection(caller.connection);
        plan_.log.write(NC_LOG_DEBUG, "[jaccl] rank ", name(0), ": rank ", name(rank), " called from ",
                        caller.source.text());
        connections_.push_back({rank, std::move(caller.connection)});
    }

    static bool has_gone(const Connection& connection) {
        const Pulse pulse = probe(connection.socket);
        return pulse == Pulse::Ended || pulse == Pulse::Broken;
    }

    void turn_away(const Acceptor::Caller& caller, const std::string& why) {
        plan_.log.write(NC_LOG_WARNING, "[jaccl] rank ", name(0), ": turned away a connection from ",
                        caller.source.text(), ": ", why);
        if (strangers_.size() < strangers_named) strangers_.push_back(text(caller.source.text(), " (", why, ")"));
    }

    bool has(int rank) const {
        return std::any_of(connections_.begin(), connections_.end(),
                           [rank](const Connection& connection) { return connection.peer == rank; });
    }
    int first_absent() const {
        int rank = 1;
        while (has(rank)) ++rank;
        return rank;
    }
    std::string absent() const {
        std::string ranks;
        for (int rank = 1; rank < plan_.size; ++rank) {
            if (!has(rank)) ranks += text(ranks.empty() ? "rank " : ", ", name(rank));
        }
        return ranks;
    }
    std::string strangers() const {
        std::string named;
        for (const std::string& stranger : strangers_) named += text(named.empty() ? "; turned away " : ", ", stranger);
        return named;
    }

    // The other ranks.

    void call_coordinator() {
        Connector connector(plan_.coordinator, backoff, hello());
        for (;;) {
            const int before = connector.last_error();
            const int error = connector.step();
            if (connector.is_connected()) break;
            if (error != 0) note_failure(error, before);
            plan_.patience.check(
                text(self(), " waited for rank ", name(0), " to listen at ", plan_.coordinator.text(),
                     connector.last_error() != 0 ? " (" + system_error_text(connector.last_error()) + ")" : ""),
                name(0));
            Poller poller;
            connector.watch(poller);
            wait(poller, connector.next_step());
        }
        connections_.push_back({0, connector.take()});
    }

    void note_failure(int error, int before) const {
        // Who names its token has listened since before it told its address, and only stops when it has failed.
        if (error == ECONNREFUSED && plan_.token.has_value()) {
            fail(text(self(), ": rank ", name(0), " gave up while the group was formed (nobody listens at ",
                      plan_.coordinator.text(), " any more); its own error says why"),
                 name(0), error);
        }
        if (error != before)
            plan_.log.write(NC_LOG_INFORMATION, "[jaccl] rank ", name(plan_.rank), ": rank ", name(0),
                            " is not there yet at ", plan_.coordinator.text(), ": ", system_error_text(error));
    }

    std::vector<std::byte> hello() const {
        std::vector<std::byte> hello(hello_bytes());
        const std::int32_t rank = plan_.rank;
        if (plan_.token.has_value()) std::memcpy(hello.data(), plan_.token->data(), sizeof(Token));
        std::memcpy(hello.data() + hello_bytes() - sizeof rank, &rank, sizeof rank);
        return hello;
    }

    StarPlan plan_;
    std::vector<Connection> connections_;
    std::vector<std::string> strangers_;
    int gone_ = -1; // the first rank that called and went
    Deadline give_up_at_{};
};

class CustomChannel final : public SideChannel {
public:
    CustomChannel(const nc_backend_options& options, int size, Deadline deadline)
        : options_(options), size_(size), deadline_(deadline) {}

    void exchange(const void* own, std::size_t bytes, void* all) override {
        Cancellation(options_.cancel).check();
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
        nc_error error = empty_error();
        const nc_status status = options_.side_channel(options_.side_channel_context, options_.rank, size_, own, bytes,
                                                       all, std::max<std::int64_t>(left, 1), &error);
        if (status != NC_OK)
            throw Error(status, error.message[0] != '\0' ? error.message : "the side channel failed without a reason",
                        error.peer, error.system_error);
    }

private:
    const nc_backend_options options_;
    const int size_;
    const Deadline deadline_;
};

} // namespace

void Patience::check(const std::string& what, int peer) const {
    cancellation.check();
    if (interruption != nullptr) interruption->throw_if_ended();
    if (Clock::now() >= deadline) fail(text(what, ", in vain for ", timeout_ms, " ms"), peer);
}

Deadline Patience::next_look() const {
    return cancellation.can_come() ? std::min(deadline, Clock::now() + cancel_granularity) : deadline;
}

bool Door::can_be_called() const {
    return address().length() > 0;
}

Address Door::address() const {
    return is_open == 1 ? nc::Address::told(storage, address_bytes) : nc::Address();
}

OwnDoor open_door(Address host, const std::string& source) {
    OwnDoor own;
    try {
        fill_random(own.door.token);
        host.set_port(0);
        own.listener = listen_at(host, source);
        const Address address = Address::local(own.listener.get());
        own.door.is_open = 1;
        own.door.address_bytes = static_cast<std::int32_t>(address.length());
        own.door.storage = address.storage();
    } catch (const Error& error) {
        own.failure = error;
    }
    return own;
}

std::unique_ptr<SideChannel> make_star(StarPlan plan) {
    return std::make_unique<Star>(std::move(plan));
}

std::unique_ptr<SideChannel> make_custom_channel(const nc_backend_options& options, int size, Deadline deadline) {
    return std::make_unique<CustomChannel>(options, size, deadline);
}

} // namespace nc::jaccl
