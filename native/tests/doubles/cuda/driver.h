// Everything that the double of the driver knows, behind one lock.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "doubles/common/call_counts.h"
#include "doubles/common/faults.h"
#include "doubles/common/handle_table.h"
#include "doubles/common/violation.h"
#include "doubles/cuda/cuda_api.h"
#include "doubles/cuda/memory.h"
#include "doubles/cuda/stream.h"

namespace nc::doubles {

// A device's primary context; there are no others.
struct Context {
    int device;
    std::shared_ptr<Stream> default_stream;
};

struct Event {
    void* context;
    bool timed;
    CompletionPointer recorded; // null until it is recorded for the first time
};

struct Device {
    int retains = 0;
    void* context = nullptr; // while it is retained
};

// A call fails with a result code that is no violation.
struct CudaError {
    CUresult code;
};

class Driver {
public:
    Driver();

    // All of the following expect the lock to be held, throw CudaError and Violation.

    Device& device(CUdevice ordinal);
    // The calling thread's current context.
    Context& current_context();
    void* current_handle() const;
    // A stream by its handle; null and CU_STREAM_LEGACY are the current context's default stream.
    std::shared_ptr<Stream> stream(CUstream handle);

    // Puts work on the stream, behind what a default stream and a blocking one wait for each other for. An ordered
    // delay comes before the work.
    CompletionPointer enqueue(Stream& stream, std::function<void()> work, const Fault& fault = {},
                              std::vector<CompletionPointer> after = {});
    // Everything that a wait for the stream waits for.
    std::vector<CompletionPointer> outstanding(const Stream& stream) const;
    void wait_for(std::unique_lock<std::mutex>& lock, const CompletionPointer& completion);
    // Waits for everything that is on any stream of the current context.
    void wait_for_context(std::unique_lock<std::mutex>& lock);

    void retain(CUdevice ordinal, CUcontext* context);
    void release(CUdevice ordinal);

    std::mutex mutex;
    std::condition_variable finished; // some completion
    bool initialized = false;
    std::vector<Device> devices;
    HandleTable<Context> contexts{"context", 1};
    HandleTable<Stream> streams{"stream", 2}; // default streams too
    HandleTable<Event> events{"event", 3};
    Memory memory;

    // With locks of their own.
    Violations violations{"cuda"};
    FaultRules faults;
    CallCounts calls;
};

// Lives as long as the process: streams' threads may outlive everything else.
Driver& driver();

// The contexts that the calling thread has made current, the last one last.
std::vector<void*>& context_stack();

} // namespace nc::doubles
