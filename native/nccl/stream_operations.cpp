#include "nccl/stream_operations.h"

#include <algorithm>

namespace nc::nccl {

std::size_t StreamOperations::add(Entry entry) {
    const std::lock_guard lock(mutex_);
    entries_.push_back(std::move(entry));
    return entries_.size();
}

bool StreamOperations::is_empty() const {
    const std::lock_guard lock(mutex_);
    return entries_.empty();
}

bool StreamOperations::is_awaited() const {
    const std::lock_guard lock(mutex_);
    return !entries_.empty() && entries_.front().completed != nullptr;
}

bool StreamOperations::finish_first(const Interruption& interruption) {
    Entry first{};
    {
        const std::lock_guard lock(mutex_);
        if (entries_.empty() || !entries_.front().finished->passed()) return false;
        // An abort ends kernels too, without a result.
        interruption.throw_if_aborted();
        first = std::move(entries_.front());
        entries_.pop_front();
    }
    events_.give_back(std::move(first.finished));
    if (first.completed != nullptr) first.completed(first.context, nullptr);
    return true;
}

void StreamOperations::check_deadlines(Deadline now) {
    const std::lock_guard lock(mutex_);
    for (const Entry& each : entries_) {
        if (now < each.patience.deadline) continue;
        late_ = each.sequence;
        each.patience.check();
    }
}

void StreamOperations::blame(nc_error& error) const {
    const std::lock_guard lock(mutex_);
    if (entries_.empty()) return;
    const auto late = std::ranges::find(entries_, late_, &Entry::sequence);
    const Entry& blamed = late != entries_.end() ? *late : entries_.front();
    error.operation = blamed.patience.operation;
    error.sequence = blamed.sequence;
}

std::shared_ptr<Event> StreamOperations::last() const {
    const std::lock_guard lock(mutex_);
    return entries_.empty() ? nullptr : entries_.back().finished;
}

void StreamOperations::fail_all(const nc_error* cause) {
    for (;;) {
        Entry failed{};
        {
            const std::lock_guard lock(mutex_);
            if (entries_.empty()) return;
            failed = std::move(entries_.front());
            entries_.pop_front();
        }
        if (failed.completed == nullptr) continue;
        nc_error error = empty_error();
        fill(&error, NC_ABORTED, interruption_text);
        error.operation = failed.patience.operation;
        error.sequence = failed.sequence;
        failed.completed(failed.context, cause != nullptr && cause->sequence == failed.sequence ? cause : &error);
    }
}

} // namespace nc::nccl
