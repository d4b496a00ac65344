#include "jaccl/engine.h"
#include "operation/group_functions.h"
#include "operation/traits.h"

#include <algorithm>
#include <thread>

namespace nc::jaccl {
namespace {

// How long a rank looks for completions, giving its turn to others in between, before it sleeps.
constexpr auto spinning = std::chrono::microseconds(50);
// Without a channel that tells of completions they are asked for this often.
constexpr auto shortest_pause = std::chrono::microseconds(50);
constexpr auto longest_pause = std::chrono::milliseconds(1);
// A channel that fails to tell of a completion costs no more than this.
constexpr auto longest_sleep = std::chrono::milliseconds(100);
// What a peer sent before it left arrives within this time.
constexpr auto departure_patience = std::chrono::milliseconds(250);
// A failed completion may come before the news of the peer's death.
constexpr auto news_patience = std::chrono::milliseconds(300);

} // namespace

Engine::Engine(std::vector<Link*> links, std::vector<const Device*> devices, const Interruption& interruption,
               const Departures& departures)
    : links_(std::move(links)),
      devices_(std::move(devices)),
      has_channels_(std::all_of(devices_.begin(), devices_.end(),
                                [](const Device* device) { return device->channel() != nullptr; })),
      interruption_(interruption),
      departures_(departures) {}

void Engine::run(std::span<const Flow> flows, nc_operation operation, const nc_call& call) {
    const Deadline deadline = deadline_of(call);
    while (exchanges_.size() < flows.size()) exchanges_.push_back(std::make_unique<Exchange>(scratch_));
    std::size_t running = 0;
    ScratchVector<bool> ended(flows.size(), false, scratch_);
    for (std::size_t i = 0; i < flows.size(); ++i) {
        ended[i] = !begin_next(flows[i], *exchanges_[i]);
        if (!ended[i]) ++running;
    }
    last_progress_ = Clock::now();
    while (running > 0) {
        // Looked at first: what a peer had sent before it gave up counts, and may say why it did.
        const bool has_ended = interruption_.ended();
        if (!poll_links()) {
            if (has_ended) interruption_.throw_if_ended();
            wait(operation, call);
            continue;
        }
        last_progress_ = Clock::now();
        for (std::size_t i = 0; i < flows.size(); ++i) {
            if (ended[i] || !exchanges_[i]->done() || begin_next(flows[i], *exchanges_[i])) continue;
            ended[i] = true;
            --running;
        }
        if (running == 0) break;
        // However steadily messages come.
        if (interruption_.aborted()) interruption_.throw_if_ended();
        if (last_progress_ >= deadline) time_out(operation, call);
    }
}

// False: the flow has ended.
bool Engine::begin_next(Flow flow, Exchange& exchange) const {
    do {
        exchange.reset(smallest_frame);
        if (!flow(exchange)) return false;
        exchange.start();
    } while (exchange.done());
    return true;
}

bool Engine::poll_links() {
    bool found = false;
    const Link* failed_on = nullptr;
    Completion failed{};
    std::array<Completion, 2 * pipeline_depth> completions{};
    for (Link* link : links_) {
        if (!link->is_in_use()) continue;
        const int count = link->poll(completions);
        found = found || count > 0;
        for (int i = 0; i < count; ++i) {
            const Completion& completion = completions[static_cast<std::size_t>(i)];
            if (completion.status == verbs::status_success) {
                take(*link, completion);
            } else if (failed_on == nullptr) {
                failed_on = link;
                failed = completion;
            }
        }
    }
    // After all that went well, which may say why.
    if (failed_on != nullptr) fail(*failed_on, failed);
    return found;
}

void Engine::take(Link& link, const Completion& completion) const {
    if (completion.of_send) {
        if (link.outgoing == nullptr) throw Error(NC_INTERNAL_ERROR, "a send completed that nobody posted");
        link.outgoing->exchange->sent(*link.outgoing, completion.buffer);
        return;
    }
    if (link.incoming == nullptr) throw Error(NC_INTERNAL_ERROR, "a receive completed that nobody posted");
    Exchange& exchange = *link.incoming->exchange;
    // A provider that does not tell the length leaves it zero.
    if (completion.bytes != 0 && completion.bytes != exchange.frame()) {
        throw Error(NC_MISMATCH,
                    text(link.description(), " sent a message of ", completion.bytes, " bytes where this rank expects ",
                         exchange.frame(), ": it issued another operation or count, or uses other frames"),
                    link.peer());
    }
    exchange.arrived(*link.incoming);
}

void Engine::fail(const Link& link, const Completion& completion) const {
    const std::string words = link.device().verbs().explain(completion.status);
    const char* what = completion.of_send ? "a send to " : "a receive from ";
    // No news say more.
    if (completion.status == verbs::status_local_length_error ||
        completion.status == verbs::status_remote_invalid_request) {
        throw Error(NC_MISMATCH,
                    text(what, link.description(), " ended with ", words,
                         ": the two ranks posted messages of different lengths, because they issued different "
                         "operations or counts, or use different frames"),
                    link.peer());
    }
    const Deadline patience = Clock::now() + news_patience;
    do {
        interruption_.throw_if_ended();
        if (departures_.has(link.peer()))
            throw Error(NC_PEER_LOST, text(link.description(), " left the group"), link.peer());
        Poller poller;
        poller.watch(interruption_.descriptor(), events::readable);
        poller.wait(std::min(patience, Clock::now() + std::chrono::milliseconds(20)));
    } while (Clock::now() < patience);
    if (completion.status == verbs::status_retries_exceeded)
        throw Error(NC_PEER_LOST, text(link.description(), " does not answer: ", what, "it ended with ", words),
                    link.peer());
    throw Error(NC_LIBRARY_ERROR, text(what, link.description(), " ended with ", words), link.peer());
}

void Engine::wait(nc_operation operation, const nc_call& call) {
    const Clock::time_point now = Clock::now();
    const Deadline deadline = deadline_of(call);
    if (now >= deadline) time_out(operation, call);
    if (departures_.any()) check_departures();
    if (now - last_progress_ < spinning) {
        std::this_thread::yield();
    } else if (has_channels_ && !armed_) {
        for (Link* link : links_) link->arm();
        // What came before is looked for once more.
        armed_ = true;
    } else {
        sleep(deadline);
    }
}

void Engine::check_departures() const {
    for (const Link* link : links_) {
        if (!link->awaits_peer() || !departures_.has(link->peer())) continue;
        if (Clock::now() - last_progress_ > departure_patience)
            throw Error(NC_PEER_LOST, text(link->description(), " left the group before the operation was complete"),
                        link->peer());
    }
}

void Engine::sleep(Deadline deadline) {
    if (!has_channels_) {
        const auto waited = Clock::now() - last_progress_;
        std::this_thread::sleep_for(std::clamp<Clock::duration>(waited / 8, shortest_pause, longest_pause));
        return;
    }
    poller_.clear();
    for (const Device* device : devices_) poller_.watch(device->channel()->fd, events::readable);
    poller_.watch(interruption_.descriptor(), events::readable);
    if (!poller_.wait(std::min(deadline, Clock::now() + longest_sleep))) return;
    // Each event is to be asked for anew.
    armed_ = false;
    for (const Device* device : devices_) device->take_events();
}

void Engine::time_out(nc_operation operation, const nc_call& call) const {
    std::string awaited;
    int peer = -1;
    for (const Link* link : links_) {
        if (!link->awaits_peer() || link->peer() == peer) continue;
        if (peer < 0) peer = link->peer();
        awaited += text(awaited.empty() ? "" : ", ", link->description());
    }
    throw Error(NC_TIMEOUT,
                text(operation_name(operation), " did not complete within ", call.timeout_ms,
                     " ms; this rank still waits for ", awaited),
                peer);
}

} // namespace nc::jaccl
