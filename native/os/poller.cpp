#include "os/poller.h"

namespace nc {

void Poller::watch(int descriptor, short events) {
    for (Entry& entry : entries_) {
        if (entry.descriptor == descriptor) {
            entry.wanted = static_cast<short>(entry.wanted | events);
            return;
        }
    }
    entries_.push_back({descriptor, events, 0});
}

short Poller::events(int descriptor) const {
    for (const Entry& entry : entries_) {
        if (entry.descriptor == descriptor) return entry.happened;
    }
    return 0;
}

} // namespace nc
