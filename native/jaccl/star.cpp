#include "jaccl/star.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "transport/rendezvous.h"
#include "transport/silence.h"

namespace nc::jaccl {
namespace {

class Star final : public SideChannel {
public:
    explicit Star(StarPlan plan) : plan_(std::move(plan)), connections_(meet(plan_)) {}

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
    // Over all connections at once, so that one that breaks is noticed while another is waited for.
    template <class DataOf>
    void move_all(DataOf data_of, std::size_t bytes, bool sends) {
        std::vector<Progress> progress(connections_.size(), Progress{bytes});
        std::vector<int> descriptors;
        for (const Connection& connection : connections_) descriptors.push_back(connection.socket.get());
        SilenceWatch silence;
        silence.expect();
        for (;;) {
            if (const std::optional<int> silent = silence.look(descriptors); silent.has_value()) {
                const auto place = std::find(descriptors.begin(), descriptors.end(), *silent) - descriptors.begin();
                plan_.gave_up(connections_[static_cast<std::size_t>(place)].peer, ETIMEDOUT);
            }
            Poller poller;
            int awaited = -1;
            for (std::size_t i = 0; i < connections_.size(); ++i) {
                const Connection& connection = connections_[i];
                move(connection, data_of(connection.peer), progress[i], sends);
                if (progress[i].done()) {
                    // Who has had its say but will not hear the answer ends this too; rank 0 may leave when it has
                    // given the last one.
                    if (plan_.rank == 0 && !sends) {
                        if (has_gone(connection)) plan_.gave_up(connection.peer, ECONNABORTED);
                        poller.watch(connection.socket.get(), events::peer_ended);
                    }
                    continue;
                }
                if (awaited < 0) awaited = connection.peer;
                poller.watch(connection.socket.get(), sends ? events::writable : events::readable);
            }
            if (awaited < 0) return;
            plan_.check(text(plan_.self(), " waited for rank ", plan_.name(awaited),
                             " to take part in the exchange of connection data"),
                        plan_.name(awaited));
            plan_.patience.wait(poller, silence.next_look());
        }
    }

    void move(const Connection& connection, std::byte* data, Progress& progress, bool sends) const {
        const Transfer transfer =
            sends ? send_some(connection.socket, data, progress) : receive_some(connection.socket, data, progress);
        if (transfer.state == Transfer::State::Ended) plan_.gave_up(connection.peer, ECONNABORTED);
        if (transfer.state == Transfer::State::Failed) plan_.gave_up(connection.peer, transfer.system_error);
    }

    StarPlan plan_;
    std::vector<Connection> connections_;
};

} // namespace

void StarPlan::check(const std::string& what, int peer) const {
    patience.throw_if_ended();
    if (patience.is_over()) fail_rendezvous(text(what, ", in vain for ", patience.timeout_ms, " ms"), peer);
}

void StarPlan::gave_up(int peer, int error) const {
    const int who = name(peer);
    if (error == ETIMEDOUT) fail_rendezvous(text(self(), ": rank ", who, " is lost: ", silence_text(who)), who, error);
    const bool in_order = error == ECONNABORTED;
    fail_rendezvous(text(self(), ": rank ", who, " gave up while the group was formed (",
                         in_order ? "it closed its connection" : system_error_text(error), "); its own error says why"),
                    who, in_order ? 0 : error);
}

bool has_gone(const Connection& connection) {
    const Pulse pulse = probe(connection.socket);
    return pulse == Pulse::Ended || pulse == Pulse::Broken;
}

std::unique_ptr<SideChannel> make_star(StarPlan plan) {
    return std::make_unique<Star>(std::move(plan));
}

} // namespace nc::jaccl
