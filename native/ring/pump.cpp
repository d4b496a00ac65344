#include "ring/pump.h"
#include "operation/traits.h"

#include <algorithm>
#include <set>
#include <thread>

namespace nc::ring {
namespace {

// How long a waiting rank keeps looking, yielding its core each time, before it sleeps: about what going to sleep and
// waking up costs.
constexpr auto spin_time = std::chrono::microseconds(50);

// A yield that takes so long has let others run: the core is shared.
constexpr auto shared_core_yield = std::chrono::microseconds(3);

// A rank that only yields stays on its core for ever, even if another one is free. Where the core is shared, it sleeps
// this often all the same: waking up, it is put where there is room.
constexpr auto longest_stay = std::chrono::milliseconds(5);

// How often connections are told what to expect: Linux forgets it 40 ms after the last time.
constexpr auto exchange_memory = std::chrono::milliseconds(20);

// A neighbour that goes away this shortly before the own deadline has most likely met its own: all ranks wait for the
// same one that does not answer.
constexpr std::int64_t deadline_skew_ms = 1000;

bool step(Lanes lanes) {
    bool moved = false;
    for (const auto& lane : lanes) {
        if (!lane->done()) moved |= lane->progress();
    }
    return moved;
}

bool is_blocked(Lanes lanes) {
    return std::ranges::any_of(lanes, [](const auto& lane) { return lane->wants_to_write(); });
}

bool all_done(Lanes lanes) {
    return std::ranges::all_of(lanes, [](const auto& lane) { return lane->done(); });
}

Error timed_out(Lanes lanes, std::span<Link* const> read_ahead, const nc_request& request, const nc_call& call) {
    std::set<int> waited_for;
    for (const auto& lane : lanes) {
        if (lane->done()) continue;
        waited_for.insert(lane->wants_to_read() ? lane->in().peer() : lane->out().peer());
    }
    std::ostringstream message;
    message << operation_name(request.operation) << " did not complete within " << call.timeout_ms << " ms";
    const char* separator = "; still waiting for rank ";
    for (const int peer : waited_for) {
        message << separator << peer;
        separator = " and rank ";
    }
    for (const Link* link : read_ahead) {
        if (!link->is_full()) continue;
        message << "; rank " << link->peer() << " has sent more than the " << (read_ahead_limit >> 20)
                << " MiB that are held until this rank receives them: send and receive in one batch, or let one of "
                   "two ranks that send to each other receive first";
        break;
    }
    return {NC_TIMEOUT, message.str(), waited_for.size() == 1 ? *waited_for.begin() : -1};
}

// A lost peer, or what it really means shortly before the deadline.
Error explained(const Error& lost, const nc_call& call) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_of(call) - Clock::now()).count();
    if (lost.status != NC_PEER_LOST || left > std::min(deadline_skew_ms, call.timeout_ms / 4)) return lost;
    const std::int64_t passed = call.timeout_ms - std::max<std::int64_t>(left, 0);
    return {NC_TIMEOUT,
            text("no end after ", passed, " of ", call.timeout_ms, " ms, when a peer gave up: ", lost.what()),
            lost.peer, lost.system_error};
}

bool is_gone(const Error& error) {
    return error.status == NC_PEER_LOST || error.status == NC_TIMEOUT;
}

} // namespace

void Pump::prepare_exchange(Lanes lanes) {
    const Deadline now = Clock::now();
    if (now - exchange_expected_ < exchange_memory) return;
    exchange_expected_ = now;
    for (const auto& lane : lanes) {
        if (lane->wants_to_read() && !lane->sending_done()) lane->in().endpoint().expect_exchange();
    }
}

bool Pump::may_yield(Deadline now) {
    if (!shares_core_ || now - last_sleep_ < longest_stay) return true;
    shares_core_ = false;
    last_sleep_ = now;
    return false;
}

void Pump::watch(Lanes lanes, const Interruption& interruption) {
    poller_.clear();
    poller_.watch(interruption.descriptor(), events::readable);
    for (const auto& lane : lanes) {
        if (lane->wants_to_read()) poller_.watch(lane->in().endpoint().descriptor(), events::readable);
        if (!lane->sending_done())
            poller_.watch(lane->out().endpoint().descriptor(), lane->wants_to_write() ? events::writable : 0);
    }
}

bool Pump::wait(Lanes lanes, Deadline until) {
    const bool happened = poller_.wait(until);
    for (const auto& lane : lanes) {
        // A connection that has failed says so when it is written to.
        const short events = poller_.events(lane->out().endpoint().descriptor());
        if ((events & ~(events::readable | events::peer_ended)) != 0) lane->out().unblock();
    }
    return happened;
}

bool Pump::take_in(std::span<Link* const> read_ahead) {
    bool taken_in = false;
    for (Link* link : read_ahead) {
        const Transfer::State state = link->read_ahead().state;
        taken_in |= state == Transfer::State::Moved;
        // One that has ended has nothing more to say, and would be reported for ever.
        if (state == Transfer::State::Blocked && !link->is_full())
            poller_.watch(link->endpoint().descriptor(), events::readable);
    }
    return taken_in;
}

void Pump::rest(Lanes lanes, std::span<Link* const> read_ahead, const Interruption& interruption, Deadline now,
                Deadline until) {
    if (idle_since_ == Deadline{}) idle_since_ = now;
    const bool stays = now - idle_since_ < spin_time && may_yield(now);
    // Only the system knows when there is room again.
    if (!stays || is_blocked(lanes)) watch(lanes, interruption);
    if (stays) {
        if (is_blocked(lanes) && wait(lanes, now)) return;
        std::this_thread::yield();
        shares_core_ |= Clock::now() - now > shared_core_yield;
        return;
    }
    for (const auto& lane : lanes) {
        // A receiver that has left without having read everything is no fault of the group's, but of who still has
        // something to send to it.
        if (lane->sending_done()) continue;
        if (const int failure = lane->out().endpoint().failure(); failure != 0) throw lane->out().lost(failure);
    }
    if (!take_in(read_ahead)) (void)wait(lanes, until);
}

void Pump::run(Lanes lanes, std::span<Link* const> read_ahead, const nc_request& request, const nc_call& call,
               const Interruption& interruption, const Suspicion& suspicion) {
    const Deadline deadline = deadline_of(call);
    Deadline next_look = std::min(deadline, suspicion.when);
    prepare_exchange(lanes);
    idle_since_ = {};
    for (const auto& lane : lanes) lane->out().unblock();
    try {
        for (;;) {
            const bool moved = step(lanes);
            if (all_done(lanes)) return;
            interruption.throw_if_aborted();
            const Deadline now = Clock::now();
            if (now >= deadline) throw timed_out(lanes, read_ahead, request, call);
            if (now >= next_look) {
                next_look = deadline;
                suspicion.voice(nullptr);
            }
            if (!moved) {
                interruption.throw_if_lost();
                rest(lanes, read_ahead, interruption, now, next_look);
                continue;
            }
            idle_since_ = {};
            // What comes next depends on others, and one of them waits for this core.
            if (shares_core_) std::this_thread::yield();
        }
    } catch (const Error& error) {
        const Error failure = explained(error, call);
        if (is_gone(failure)) {
            // What the neighbours had said before may be the reason.
            for (const auto& lane : lanes) lane->look_at_header();
            if (suspicion.voice) suspicion.voice(&failure);
        }
        throw failure;
    }
}

} // namespace nc::ring
