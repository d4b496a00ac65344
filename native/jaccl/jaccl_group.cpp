#include "jaccl/jaccl_group.h"

#include <cerrno>

#include "jaccl/message.h"
#include "jaccl/split.h"
#include "os/poller.h"
#include "os/thread.h"

namespace nc::jaccl {
namespace {

template <class T, class Owned>
std::vector<T*> pointers(const std::vector<std::unique_ptr<Owned>>& owned) {
    std::vector<T*> result;
    for (const auto& one : owned) result.push_back(one.get());
    return result;
}

std::vector<Connection> marked(std::vector<Connection> lifeline, const Fabric& fabric) {
    for (Connection& connection : lifeline)
        connection.is_ours = fabric.is_ours[static_cast<std::size_t>(connection.peer)];
    return lifeline;
}

std::optional<Address> own_address(const std::vector<Connection>& lifeline) {
    if (lifeline.empty()) return std::nullopt;
    return Address::local(lifeline.front().socket.get());
}

const char* words_of(Fate fate) {
    switch (fate) {
        case Fate::GaveUp:
            return " gave the group up";
        case Fate::Lost:
            return " is lost";
        case Fate::Left:
            return " has left";
        case Fate::Mismatched:
            return " found that the ranks issued different operations; its own error says more";
    }
    return "";
}

} // namespace

JacclGroup::JacclGroup(int rank, DeviceMatrix matrix, Settings settings, Fabric fabric,
                       std::vector<Connection> lifelines, const nc_backend_options& options)
    : rank_(rank),
      matrix_(std::move(matrix)),
      settings_(std::move(settings)),
      log_(options.log, options.log_context),
      fault_(options.fault),
      fault_context_(options.fault_context),
      fabric_(std::move(fabric)),
      links_(pointers<Link>(fabric_.links)),
      address_(own_address(lifelines)),
      engine_(links_, pointers<const Device>(fabric_.devices), interruption_, departures_),
      lifeline_(marked(std::move(lifelines), fabric_), matrix_.size()) {
    watcher_ = start_thread("nc jaccl watch", [this] {
        nc_error error = empty_error();
        if (guarded(&error, [this] { watch(); }) == NC_OK) return;
        // Without its watcher the group cannot keep its promises.
        fault_(fault_context_, &error);
        interruption_.abort();
        lifeline_.end(Fate::GaveUp, rank_);
    });
}

JacclGroup::~JacclGroup() {
    closing_.store(true);
    wake_.raise();
    watcher_.join();
    lifeline_.close();
}

void JacclGroup::abort() {
    interruption_.abort();
    wake_.raise();
}

void JacclGroup::watch() {
    for (;;) {
        Poller poller;
        poller.watch(wake_.descriptor(), events::readable);
        lifeline_.watch(poller);
        // Nothing is waited for here: the loop lives as long as the group, and the signal ends it.
        poller.wait(lifeline_.next_look());
        const std::vector<News> all = lifeline_.read(poller);
        if (interruption_.aborted()) {
            const int culprit = culprit_.load();
            const Fate own = mismatched_.load() ? Fate::Mismatched : Fate::GaveUp;
            lifeline_.end(culprit >= 0 ? Fate::Lost : own, culprit >= 0 ? culprit : rank_);
            return;
        }
        if (closing_.load()) return;
        for (const News& news : all) {
            if (news.fate != Fate::Left) {
                // The others first: they may not have noticed.
                lifeline_.end(news.fate, news.rank);
                return lose(news);
            }
            if (!departures_.note(news.rank)) continue;
            log_.write(NC_LOG_DEBUG, "[jaccl] rank ", rank_, ": rank ", news.rank, words_of(news.fate));
            if (rank_ == 0) lifeline_.tell(Fate::Left, news.rank);
        }
    }
}

void JacclGroup::lose(const News& news) {
    const bool is_lost = news.fate == Fate::Lost;
    std::string reason = is_lost ? ": its connection was reset" : "";
    if (news.system_error == ETIMEDOUT) reason = ": " + silence_text(news.rank);
    if (news.messenger != news.rank) reason = text(", as rank ", news.messenger, " reports");
    // Who found a mismatch says it for all: they may not have heard the one that differs.
    const nc_status status = news.fate == Fate::Mismatched ? NC_MISMATCH : NC_PEER_LOST;
    const Error lost(status, text("rank ", news.rank, words_of(news.fate), reason), news.rank);
    interruption_.lose(lost);
    // A running operation reports the loss itself.
    const std::lock_guard lock(operation_mutex_);
    if (interruption_.aborted() || failure_reported_) return;
    nc_error error = empty_error();
    fill(&error, lost.status, lost.what(), lost.peer, lost.system_error);
    fault_(fault_context_, &error);
}

template <class Body>
void JacclGroup::run(Body&& body) {
    const std::lock_guard lock(operation_mutex_);
    interruption_.throw_if_ended();
    engine_.scratch().clear();
    try {
        body();
    } catch (const Error& error) {
        // The core ends the group for it, unless the ranks are still in step.
        failure_reported_ = error.standing != NC_IN_STEP;
        if (error.status == NC_PEER_LOST) culprit_.store(error.peer);
        if (error.status == NC_MISMATCH && failure_reported_) mismatched_.store(true);
        throw;
    } catch (...) {
        failure_reported_ = true;
        throw;
    }
}

void JacclGroup::execute(const nc_request& request, const nc_call& call) {
    run([&] { Operation(*this, request, call).run(); });
}

void JacclGroup::execute_batch(std::span<const nc_request> requests, const nc_call& call) {
    run([&] { run_batch(*this, requests, call); });
}

void JacclGroup::require_supported(const nc_request& request) const {
    jaccl::require_supported(*this, request);
}

nc_backend_group JacclGroup::split(const nc_request& request, const nc_call& call, const nc_backend_options& options) {
    nc_backend_group part{};
    run([&] {
        Operation operation(*this, request, call);
        part = split_group(operation, options);
    });
    return part;
}

} // namespace nc::jaccl
