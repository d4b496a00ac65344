#include "nccl/reclaimer.h"

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "os/thread.h"

namespace nc::nccl {
namespace {

// Drops errors: the memory is gone then, or the device is.
void free_now(const Device& device, MemoryKind kind, CudaAddress address) {
    if (kind == MemoryKind::Device) {
        (void)device.api().MemFree(address);
    } else {
        (void)device.api().MemFreeHost(reinterpret_cast<void*>(address));
    }
}

// Of one device. Its thread lives as long as there is something to give back, and keeps the context meanwhile.
class Reclaimer {
public:
    void add(const Device& device, MemoryKind kind, CudaAddress address) {
        const std::lock_guard lock(mutex_);
        pending_.push_back({kind, address});
        if (running_) return;
        try {
            auto own = std::make_shared<const Device>(device.cuda(), device.ordinal());
            start_thread("nc cuda free", [this, own = std::move(own)] { run(*own); }).detach();
            running_ = true;
        } catch (...) {
            pending_.pop_back();
            throw;
        }
    }

    bool wait(Deadline deadline) {
        std::unique_lock lock(mutex_);
        const std::uint64_t last = freed_ + pending_.size();
        return changed_.wait_until(lock, deadline, [&] { return freed_ >= last; });
    }

private:
    struct Memory {
        MemoryKind kind;
        CudaAddress address;
    };

    void run(const Device& device) {
        const nc_status status = guarded(nullptr, [&] {
            const Device::Scope scope(device);
            give_back([&](const Memory& memory) { free_now(device, memory.kind, memory.address); });
        });
        // Without a current context nothing can be given back.
        if (status != NC_OK) give_back([](const Memory&) {});
    }

    template <class Free>
    void give_back(Free&& free) {
        std::unique_lock lock(mutex_);
        while (!pending_.empty()) {
            const Memory memory = pending_.front();
            lock.unlock();
            free(memory);
            lock.lock();
            pending_.pop_front();
            ++freed_;
            changed_.notify_all();
        }
        running_ = false;
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Memory> pending_; // the first is being given back
    std::uint64_t freed_ = 0;
    bool running_ = false;
};

Reclaimer& reclaimer_of(const Device& device) {
    struct All {
        std::mutex mutex;
        std::map<std::pair<const CudaLibrary*, int>, std::unique_ptr<Reclaimer>> by_device;
    };
    // Never destroyed: memory may be given back as late as in the process's last moments.
    static auto* const all = new All;
    const std::lock_guard lock(all->mutex);
    std::unique_ptr<Reclaimer>& reclaimer = all->by_device[{&device.cuda(), device.ordinal()}];
    if (reclaimer == nullptr) reclaimer = std::make_unique<Reclaimer>();
    return *reclaimer;
}

} // namespace

void reclaim(const Device& device, MemoryKind kind, CudaAddress address) noexcept {
    if (guarded(nullptr, [&] { reclaimer_of(device).add(device, kind, address); }) == NC_OK) return;
    // There is no memory or no thread to be had.
    (void)guarded(nullptr, [&] {
        const Device::Scope scope(device);
        free_now(device, kind, address);
    });
}

bool reclaimed(const Device& device, Deadline deadline) {
    return reclaimer_of(device).wait(deadline);
}

} // namespace nc::nccl
