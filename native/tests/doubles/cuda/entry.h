// What every exported function does beside its own work: counts the call, does what a fault rule orders, takes the
// lock, turns exceptions into result codes.
#pragma once

#include <exception>
#include <new>
#include <thread>

#include "base/error.h"
#include "doubles/cuda/driver.h"

namespace nc::doubles {

using Lock = std::unique_lock<std::mutex>;

enum class Needs { Nothing, Init };

template <class Body>
CUresult guarded_call(const char* function, Needs needs, const Body& body) noexcept {
    Driver& all = driver();
    try {
        Lock lock(all.mutex);
        if (needs == Needs::Init && !all.initialized) return CUDA_ERROR_NOT_INITIALIZED;
        return body(all, lock);
    } catch (const CudaError& error) {
        return error.code;
    } catch (const Violation& violation) {
        all.violations.report(Violation(text(function, ": ", violation.what())));
        return CUDA_ERROR_INVALID_VALUE;
    } catch (const std::bad_alloc&) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    } catch (const std::exception&) {
        return CUDA_ERROR_UNKNOWN;
    }
}

// A function that puts work on a stream. body(driver, lock, fault): delays are the work's, not the call's.
template <class Body>
CUresult stream_call(const char* function, const Body& body) noexcept {
    Driver& all = driver();
    all.calls.add(function);
    const Fault fault = all.faults.at(function);
    if (fault.kind == Fault::Kind::Kill) die();
    if (fault.kind == Fault::Kind::Return || fault.kind == Fault::Kind::Later) return fault.code;
    return guarded_call(function, Needs::Init, [&](Driver&, Lock& lock) { return body(all, lock, fault); });
}

// Any other function. body(driver, lock) runs after an ordered delay.
template <class Body>
CUresult call(const char* function, Needs needs, const Body& body) noexcept {
    Driver& all = driver();
    all.calls.add(function);
    const std::uint64_t generation = all.faults.generation();
    const Fault fault = all.faults.at(function);
    if (fault.kind == Fault::Kind::Kill) die();
    if (fault.kind == Fault::Kind::Return || fault.kind == Fault::Kind::Later) return fault.code;
    if (fault.kind == Fault::Kind::Delay) std::this_thread::sleep_for(fault.delay);
    if (fault.kind == Fault::Kind::Never) all.faults.wait_until_replaced(generation);
    return guarded_call(function, needs, body);
}

} // namespace nc::doubles
