// Events of a device, to be used again.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "nccl/device.h"

namespace nc::nccl {

// For any thread.
class EventPool {
public:
    explicit EventPool(const Device& device) : device_(device) {}

    std::shared_ptr<Event> take() {
        {
            const std::lock_guard lock(mutex_);
            if (!events_.empty()) {
                std::shared_ptr<Event> event = std::move(events_.back());
                events_.pop_back();
                return event;
            }
        }
        return std::make_shared<Event>(device_);
    }
    // Unless somebody else has it too, who is to give it back then. May be null.
    void give_back(std::shared_ptr<Event> event) {
        if (event == nullptr || event.use_count() > 1) return;
        const std::lock_guard lock(mutex_);
        events_.push_back(std::move(event));
    }
    void clear() {
        const std::lock_guard lock(mutex_);
        events_.clear();
    }

private:
    const Device& device_;
    std::mutex mutex_;
    std::vector<std::shared_ptr<Event>> events_;
};

} // namespace nc::nccl
