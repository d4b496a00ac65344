// The functions about streams and events.
#include "doubles/cuda/entry.h"

using namespace nc::doubles;

namespace {

CUresult result_of(const std::vector<CompletionPointer>& outstanding) {
    return outstanding.empty() ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}

} // namespace

CUresult cuStreamCreate(CUstream* stream, unsigned flags) {
    return call("cuStreamCreate", Needs::Init, [&](Driver& all, Lock&) {
        const Context& context = all.current_context();
        if (stream == nullptr || (flags & ~CU_STREAM_NON_BLOCKING) != 0) return CUDA_ERROR_INVALID_VALUE;
        const auto kind = flags == CU_STREAM_NON_BLOCKING ? Stream::Kind::NonBlocking : Stream::Kind::Blocking;
        auto made = std::make_shared<Stream>(all.current_handle(), context.device, kind);
        made->handle = all.streams.add(made);
        *stream = made->handle;
        return CUDA_SUCCESS;
    });
}

CUresult cuStreamDestroy_v2(CUstream stream) {
    return call("cuStreamDestroy_v2", Needs::Init, [&](Driver& all, Lock&) {
        if (all.streams.get(stream)->kind == Stream::Kind::Legacy) throw Violation("a default stream is destroyed");
        all.streams.take(stream)->close();
        return CUDA_SUCCESS;
    });
}

CUresult cuStreamQuery(CUstream stream) {
    return call("cuStreamQuery", Needs::Init,
                [&](Driver& all, Lock&) { return result_of(all.outstanding(*all.stream(stream))); });
}

CUresult cuStreamSynchronize(CUstream stream) {
    return call("cuStreamSynchronize", Needs::Init, [&](Driver& all, Lock& lock) {
        for (const CompletionPointer& completion : all.outstanding(*all.stream(stream))) all.wait_for(lock, completion);
        return CUDA_SUCCESS;
    });
}

CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned flags) {
    return stream_call("cuStreamWaitEvent", [&](Driver& all, Lock&, const Fault& fault) {
        if (flags != 0) return CUDA_ERROR_INVALID_VALUE;
        const auto found = all.events.get(event);
        const auto waiting = all.stream(stream);
        // An event that was never recorded stands for nothing to wait for.
        if (found->recorded == nullptr) return CUDA_SUCCESS;
        all.enqueue(*waiting, nullptr, fault, {found->recorded});
        return CUDA_SUCCESS;
    });
}

CUresult cuEventCreate(CUevent* event, unsigned flags) {
    return call("cuEventCreate", Needs::Init, [&](Driver& all, Lock&) {
        static_cast<void>(all.current_context());
        if (event == nullptr || (flags & ~(CU_EVENT_BLOCKING_SYNC | CU_EVENT_DISABLE_TIMING)) != 0)
            return CUDA_ERROR_INVALID_VALUE;
        *event = all.events.add(
            std::make_shared<Event>(Event{all.current_handle(), (flags & CU_EVENT_DISABLE_TIMING) == 0, nullptr}));
        return CUDA_SUCCESS;
    });
}

CUresult cuEventDestroy_v2(CUevent event) {
    return call("cuEventDestroy_v2", Needs::Init, [&](Driver& all, Lock&) {
        all.events.take(event);
        return CUDA_SUCCESS;
    });
}

CUresult cuEventRecord(CUevent event, CUstream stream) {
    return stream_call("cuEventRecord", [&](Driver& all, Lock&, const Fault& fault) {
        const auto found = all.events.get(event);
        const auto recorded_on = all.stream(stream);
        if (found->context != recorded_on->context)
            throw Violation("the event and the stream belong to different contexts");
        found->recorded = all.enqueue(*recorded_on, nullptr, fault);
        return CUDA_SUCCESS;
    });
}

CUresult cuEventQuery(CUevent event) {
    return call("cuEventQuery", Needs::Init, [&](Driver& all, Lock&) {
        const auto found = all.events.get(event);
        return found->recorded == nullptr || found->recorded->done ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
    });
}

CUresult cuEventSynchronize(CUevent event) {
    return call("cuEventSynchronize", Needs::Init, [&](Driver& all, Lock& lock) {
        if (const CompletionPointer recorded = all.events.get(event)->recorded) all.wait_for(lock, recorded);
        return CUDA_SUCCESS;
    });
}

CUresult cuEventElapsedTime(float* milliseconds, CUevent start, CUevent end) {
    return call("cuEventElapsedTime", Needs::Init, [&](Driver& all, Lock&) {
        const auto first = all.events.get(start);
        const auto last = all.events.get(end);
        if (milliseconds == nullptr) return CUDA_ERROR_INVALID_VALUE;
        if (!first->timed || !last->timed || first->recorded == nullptr || last->recorded == nullptr)
            return CUDA_ERROR_INVALID_HANDLE;
        if (!first->recorded->done || !last->recorded->done) return CUDA_ERROR_NOT_READY;
        *milliseconds = std::chrono::duration<float, std::milli>(last->recorded->when - first->recorded->when).count();
        return CUDA_SUCCESS;
    });
}
