// What the system knows of the bytes that a connection has on their way, and how it asks a host that is silent.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "os/descriptor.h"

namespace nc {

struct TcpFlight {
    bool in_flight = false; // bytes have been written that were not acknowledged, or room is asked for
    bool asks_room = false; // the peer has no room, and has not answered whether it has some by now
    bool may_count = false; // bytes that are sent again are a question that the peer has to answer
    std::uint64_t sent_again = 0;
    // When the host was last heard of; none where the system does not tell.
    std::optional<Deadline> heard;
    // Otherwise what changes when it is.
    std::array<std::uint64_t, 3> answer{};
};
// None if this is no TCP connection, or the system tells nothing.
std::optional<TcpFlight> flight_of(int descriptor);
// The system tells times in ticks of this length.
constexpr std::chrono::milliseconds flight_tick{50};

// While nothing is in flight: after so long without a word, at such intervals, so many probes.
struct KeepAlive {
    std::chrono::seconds idle;
    std::chrono::seconds interval;
    int probes;
};
void keep_alive(const Descriptor& connection, const KeepAlive& limits);

// How often a host is asked at least that does not acknowledge or has no room, where the system can be told (Linux
// 6.15); otherwise the questions become ever fewer, up to this interval.
constexpr std::chrono::milliseconds longest_system_interval{120'000};
void ask_at_least_every(const Descriptor& connection, std::chrono::milliseconds interval);

} // namespace nc
