#include "transport/orderly_close.h"

#include <array>
#include <chrono>
#include <memory>

#include "base/error.h"
#include "os/poller.h"
#include "os/thread.h"

namespace nc {
namespace {

// A peer may go on sending: more than this is left to the thread.
constexpr std::size_t dropped_at_once = std::size_t{16} << 20;
constexpr std::chrono::seconds longest_stay{30};
constexpr std::chrono::milliseconds between_looks{50};

// Drops what has arrived; false once there will be no more.
bool drop_input(const Descriptor& connection) {
    std::array<char, 16 * 1024> dropped{};
    for (std::size_t bytes = 0; bytes < dropped_at_once;) {
        const Transfer transfer = receive_from(connection, dropped.data(), dropped.size());
        if (transfer.state == Transfer::State::Blocked) return true;
        if (transfer.state != Transfer::State::Moved) return false;
        bytes += transfer.bytes;
    }
    return true;
}

void stay(const Descriptor& connection) {
    const Deadline until = Clock::now() + longest_stay;
    while (drop_input(connection) && has_unsent(connection) && Clock::now() < until) {
        Poller poller;
        poller.watch(connection.get(), events::readable);
        poller.wait(Clock::now() + between_looks);
    }
}

} // namespace

void close_in_order(Descriptor connection) {
    end_sending(connection);
    if (!drop_input(connection) || !has_unsent(connection)) return;
    // Where no thread can be had, the system does what it can.
    (void)guarded(nullptr, [&] {
        auto kept = std::make_shared<Descriptor>(std::move(connection));
        start_thread("nc closing", [kept] { (void)guarded(nullptr, [&] { stay(*kept); }); }).detach();
    });
}

} // namespace nc
