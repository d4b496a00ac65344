// Operations on callers' streams that are under watch: from when they are put there until the device has finished them.
#pragma once

#include <deque>
#include <mutex>

#include "nccl/event_pool.h"
#include "nccl/wait.h"

namespace nc::nccl {

// For any thread. Operations finish in the order in which they were put there: each waits for the one before.
class StreamOperations {
public:
    struct Entry {
        std::shared_ptr<Event> finished;
        OperationPatience patience;
        std::uint64_t sequence;
        nc_completion completed; // null: nobody waits for it
        void* context;
    };

    explicit StreamOperations(EventPool& events) : events_(events) {}

    // Returns how many there are now.
    std::size_t add(Entry entry);
    bool is_empty() const;
    // Whether somebody waits for the first one.
    bool is_awaited() const;

    // Whether the first one has finished; it is reported then. Throws Error if it was ended, by an abort, say.
    bool finish_first(const Interruption& interruption);
    // Throws Error if one is late.
    void check_deadlines(Deadline now);
    // Names the operation that is to blame for what was found out: the one that is late, or the first; none if there is
    // none.
    void blame(nc_error& error) const;
    // What the last one ends with; null if there is none.
    std::shared_ptr<Event> last() const;
    // Reports all as failed: the one that the cause, which may be null, names with that, the others as interrupted.
    void fail_all(const nc_error* cause);

private:
    EventPool& events_;
    mutable std::mutex mutex_;
    std::deque<Entry> entries_;
    std::uint64_t late_ = 0; // the operation whose deadline has passed
};

} // namespace nc::nccl
