#include "doubles/cuda/driver.h"

#include <cstdlib>
#include <thread>

#include "base/error.h"
#include "doubles/common/thread_owned.h"
#include "doubles/cuda/error_names.h"
#include "doubles/cuda/variant.h"

namespace nc::doubles {
namespace {

std::size_t device_count() {
    constexpr std::size_t usual = 2;
    if (!has_devices) return 0;
    const char* value = std::getenv("NC_DOUBLE_DEVICES");
    return value != nullptr ? static_cast<std::size_t>(std::max(0, std::atoi(value))) : usual;
}

void wait_as_ordered(const Fault& fault, const FaultRules& faults, std::uint64_t generation) {
    if (fault.kind == Fault::Kind::Delay) std::this_thread::sleep_for(fault.delay);
    if (fault.kind == Fault::Kind::Never) faults.wait_until_replaced(generation);
}

} // namespace

Driver::Driver() : devices(device_count()), faults("NC_DOUBLE_CUDA_FAULTS", cuda_error_code) {}

Driver& driver() {
    static Driver* const only = new Driver;
    return *only;
}

std::vector<void*>& context_stack() {
    static const auto* const stacks = new ThreadOwned<std::vector<void*>>;
    return stacks->get();
}

Device& Driver::device(CUdevice ordinal) {
    const auto index = static_cast<std::size_t>(ordinal);
    if (index >= devices.size()) throw CudaError{CUDA_ERROR_INVALID_DEVICE};
    return devices[index];
}

void* Driver::current_handle() const {
    return context_stack().empty() ? nullptr : context_stack().back();
}

Context& Driver::current_context() {
    void* const handle = current_handle();
    if (handle == nullptr) throw CudaError{CUDA_ERROR_INVALID_CONTEXT};
    const auto context = contexts.find(handle);
    if (context == nullptr) throw CudaError{CUDA_ERROR_CONTEXT_IS_DESTROYED};
    return *context;
}

std::shared_ptr<Stream> Driver::stream(CUstream handle) {
    if (handle == nullptr || handle == CU_STREAM_LEGACY) return current_context().default_stream;
    return streams.get(handle);
}

std::vector<CompletionPointer> Driver::outstanding(const Stream& stream) const {
    std::vector<CompletionPointer> found;
    if (!stream.idle()) found.push_back(stream.tail());
    if (stream.kind != Stream::Kind::Legacy) return found;
    for (const auto& [handle, other] : streams) {
        if (other->context == stream.context && other->kind == Stream::Kind::Blocking && !other->idle())
            found.push_back(other->tail());
    }
    return found;
}

CompletionPointer Driver::enqueue(Stream& stream, std::function<void()> work, const Fault& fault,
                                  std::vector<CompletionPointer> after) {
    if (stream.kind == Stream::Kind::Legacy) {
        for (CompletionPointer& completion : outstanding(stream)) after.push_back(std::move(completion));
    } else if (stream.kind == Stream::Kind::Blocking) {
        const Stream& first = *contexts.get(stream.context)->default_stream;
        if (!first.idle()) after.push_back(first.tail());
    }
    if (fault) {
        work = [this, fault, generation = faults.generation(), work = std::move(work)] {
            wait_as_ordered(fault, faults, generation);
            if (work) work();
        };
    }
    return stream.enqueue({std::move(after), std::move(work)});
}

void Driver::wait_for(std::unique_lock<std::mutex>& lock, const CompletionPointer& completion) {
    finished.wait(lock, [&] { return completion->done; });
}

void Driver::wait_for_context(std::unique_lock<std::mutex>& lock) {
    std::vector<CompletionPointer> before;
    for (const auto& [handle, stream] : streams) {
        if (stream->context == current_handle() && !stream->idle()) before.push_back(stream->tail());
    }
    for (const CompletionPointer& completion : before) wait_for(lock, completion);
}

void Driver::retain(CUdevice ordinal, CUcontext* context) {
    Device& chosen = device(ordinal);
    if (chosen.retains == 0) {
        auto made = std::make_shared<Context>(Context{ordinal, nullptr});
        chosen.context = contexts.add(made);
        made->default_stream = std::make_shared<Stream>(chosen.context, ordinal, Stream::Kind::Legacy);
        made->default_stream->handle = streams.add(made->default_stream);
    }
    ++chosen.retains;
    *context = chosen.context;
}

void Driver::release(CUdevice ordinal) {
    Device& chosen = device(ordinal);
    if (chosen.retains == 0) throw CudaError{CUDA_ERROR_INVALID_CONTEXT};
    if (--chosen.retains > 0) return;
    const auto context = contexts.take(chosen.context);
    context->default_stream->close();
    streams.take(context->default_stream->handle);

    // The real driver frees what is left, and its owner finds it gone: that nobody was told is a mistake of whoever
    // released the context.
    std::vector<void*> left_streams;
    for (const auto& [handle, stream] : streams) {
        if (stream->context == chosen.context) left_streams.push_back(stream->handle);
    }
    std::size_t left_events = 0;
    for (const auto& [handle, event] : events) left_events += event->context == chosen.context;
    for (void* const handle : left_streams) streams.take(handle)->close();
    const std::size_t left_memory = memory.free_all(ordinal);
    chosen.context = nullptr;
    if (left_streams.size() + left_events + left_memory > 0)
        throw Violation(text("the primary context of device ", ordinal, " is released for good while it has ",
                             left_streams.size(), " streams, ", left_events, " events and ", left_memory,
                             " allocations"));
}

} // namespace nc::doubles
