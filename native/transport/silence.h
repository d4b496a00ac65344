// Notices hosts that have vanished while bytes are on their way to them.
//
// Keep-alive probes go out only while nothing is in flight. With bytes in flight the system sends them again and
// again, for a quarter of an hour. A host that is there acknowledges them at once, also where its program does not
// read: then it says that there is no room. So a host is unreachable if the system has asked it (has sent bytes again,
// or has asked for room), and nothing at all has come back.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "base/clock.h"
#include "os/descriptor.h"
#include "os/tcp_flight.h"

namespace nc {

// When a silent host counts as unreachable. Not settings: tests make them shorter.
struct SilenceLimits {
    // Nothing was acknowledged for this long ...
    std::chrono::milliseconds silence{20'000};
    // ... and so often in a row, at intervals of look, a question was found unanswered. A machine that was suspended
    // finds old times when it wakes up; its peers get time to answer.
    int looks = 10;
    std::chrono::milliseconds look{1'000};
    // How often to look while nothing is in flight.
    std::chrono::milliseconds idle_look{5'000};

    // While nothing is in flight.
    KeepAlive keep_alive{std::chrono::seconds{10}, std::chrono::seconds{3}, 3};
    // The system asks at least this often, where it can be told. Otherwise a peer that does not read is asked ever less
    // often, up to every two minutes, and that its host has vanished is noticed as late.
    std::chrono::milliseconds longest_question_interval{10'000};
};

// What new connections and watches go by.
SilenceLimits& silence_limits();

// "rank 2's host has not acknowledged anything for 20 s": what ETIMEDOUT of a connection means, whoever found it out.
std::string silence_text(int rank);

// What every connection of a group is set to: no delay of small messages, and probes, so that a host that vanished is
// noticed.
void prepare_connection(const Descriptor& connection);

// Looks at connections from time to time. Of one thread.
class SilenceWatch {
public:
    // When to look next.
    Deadline next_look() const { return next_look_; }
    // Whether bytes were in flight at the last look.
    bool is_pending() const { return pending_; }
    // Bytes have been sent: look soon.
    void expect() { schedule(true); }
    // Looks at the connections if it is time to. The first one whose host is unreachable; other descriptors than those
    // of TCP connections never are.
    std::optional<int> look(std::span<const int> descriptors);

private:
    // What is known of a connection.
    struct State {
        Deadline answered{};     // when the host was last heard of
        std::uint64_t asked = 0; // bytes had been sent again so often then
        int unanswered = 0;      // looks in a row that found a question without an answer
        // What changes when the host is heard of, on systems that do not tell the time.
        std::array<std::uint64_t, 3> answer{};
    };
    struct Finding {
        bool in_flight = false;
        bool asking = false;
    };
    static Finding examine(int descriptor, State& state, bool is_new);
    void schedule(bool pending);

    SilenceLimits limits_ = silence_limits();
    std::map<int, State> states_;
    Deadline next_look_ = Clock::now() + limits_.idle_look;
    bool pending_ = false;
};

} // namespace nc
