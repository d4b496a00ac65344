#include "net/silence.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#ifdef __linux__
#include <linux/sockios.h>
#endif

#include "backend/error.h"

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

#if defined(__linux__)

// A peer without room looks like this: nothing is unacknowledged, and each question for room, which come ever less
// often, is answered at once, so that none is counted. If the peer took its room back, bytes are unacknowledged and
// sent again, but the system does not count that as retransmissions, and they are answered too.
SilenceWatch::Finding SilenceWatch::examine(int descriptor, State& state, bool is_new) {
    // Times come in the system's ticks.
    constexpr std::chrono::milliseconds tick{50};
    tcp_info info{};
    socklen_t length = sizeof info;
    if (::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return {};
    int queued = 0;
    (void)::ioctl(descriptor, SIOCOUTQ, &queued);
    const Deadline answered = Clock::now() - std::chrono::milliseconds(info.tcpi_last_ack_recv);
    if (is_new || answered > state.answered + tick) {
        state.answered = answered;
        state.asked = info.tcpi_retransmits;
        state.unanswered = 0;
    }
    const bool sent_again = info.tcpi_unacked > 0 && info.tcpi_retransmits > state.asked;
    return {queued > 0 || info.tcpi_unacked > 0 || info.tcpi_probes > 0, sent_again || info.tcpi_probes > 0};
}

#elif defined(TCP_CONNECTION_INFO)

// Here the system does not tell when the last acknowledgement came: whatever shows that one did is followed. A peer
// without room is not judged, since its answers change nothing that can be seen.
SilenceWatch::Finding SilenceWatch::examine(int descriptor, State& state, bool is_new) {
    tcp_connection_info info{};
    socklen_t length = sizeof info;
    if (::getsockopt(descriptor, IPPROTO_TCP, TCP_CONNECTION_INFO, &info, &length) != 0) return {};
    const std::array<std::uint64_t, 3> answer{info.tcpi_rxpackets, info.tcpi_snd_sbbytes, info.tcpi_snd_wnd};
    if (is_new || answer != state.answer) {
        state.answered = Clock::now();
        state.answer = answer;
        state.asked = info.tcpi_txretransmitpackets;
        state.unanswered = 0;
    }
    const bool in_flight = info.tcpi_snd_sbbytes > 0;
    return {in_flight, in_flight && info.tcpi_snd_wnd > 0 && info.tcpi_txretransmitpackets > state.asked};
}

#else

SilenceWatch::Finding SilenceWatch::examine(int, State&, bool) {
    return {};
}

#endif

} // namespace nc
