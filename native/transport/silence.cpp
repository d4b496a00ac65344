#include "transport/silence.h"

#include "base/error.h"
#include "os/socket.h"

namespace nc {

SilenceLimits& silence_limits() {
    static SilenceLimits limits;
    return limits;
}

std::string silence_text(int rank) {
    const double seconds = std::chrono::duration<double>(silence_limits().silence).count();
    return text("rank ", rank, "'s host has not acknowledged anything for ", seconds, " s");
}

void SilenceWatch::schedule(bool pending) {
    pending_ = pending;
    next_look_ = Clock::now() + (pending ? limits_.look : limits_.idle_look);
}

std::optional<int> SilenceWatch::look(std::span<const int> descriptors) {
    if (Clock::now() < next_look_) return std::nullopt;
    std::map<int, State> known;
    std::optional<int> unreachable;
    bool pending = false;
    for (const int descriptor : descriptors) {
        const auto before = states_.find(descriptor);
        State state = before == states_.end() ? State{} : before->second;
        const Finding finding = examine(descriptor, state, before == states_.end());
        state.unanswered = finding.asking ? state.unanswered + 1 : 0;
        pending |= finding.in_flight;
        const bool silent = Clock::now() - state.answered >= limits_.silence;
        if (silent && state.unanswered >= limits_.looks && !unreachable.has_value()) unreachable = descriptor;
        known.emplace(descriptor, state);
    }
    states_ = std::move(known);
    schedule(pending);
    return unreachable;
}

SilenceWatch::Finding SilenceWatch::examine(int descriptor, State& state, bool is_new) {
    const std::optional<TcpFlight> flight = flight_of(descriptor);
    if (!flight.has_value()) return {};
    const bool heard =
        flight->heard.has_value() ? *flight->heard > state.answered + flight_tick : flight->answer != state.answer;
    if (is_new || heard) {
        state.answered = flight->heard.value_or(Clock::now());
        state.answer = flight->answer;
        state.asked = flight->sent_again;
        state.unanswered = 0;
    }
    const bool asked_again = flight->may_count && flight->sent_again > state.asked;
    return {flight->in_flight, asked_again || flight->asks_room};
}

void prepare_connection(const Descriptor& connection) {
    const SilenceLimits& limits = silence_limits();
    send_at_once(connection);
    keep_alive(connection, limits.keep_alive);
    ask_at_least_every(connection, limits.longest_question_interval);
}

} // namespace nc
