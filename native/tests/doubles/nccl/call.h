// What every exported function does beside its own work.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "doubles/nccl/communicator.h"

namespace nc::doubles {

// What the fault rules order for a call that happens now. A process that is to die does so here.
Fault fault_of_call(const char* function, std::optional<int> rank);

// For functions that leave nothing to be done in the background: waits if that is ordered, throws NcclError if a
// failure is.
void obey_at_once(const char* function, std::optional<int> rank);

// The failure that a rule orders of a call. Throws NcclError.
void obey_failure(const Fault& fault);

// Marks that the calling thread is inside a call with the communicator. Throws Violation if another one is.
class Inside {
public:
    Inside(std::shared_ptr<Communicator> communicator, const char* function);
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;
    ~Inside() { communicator_->caller = nullptr; }

private:
    std::shared_ptr<Communicator> communicator_;
};

// Throw Violation for a communicator on which only the asking for its state is allowed now; require_ready also for a
// finalized one, and NcclError for one that has failed.
void require_settled(const Communicator& communicator);
void require_ready(const Communicator& communicator);

// Throws Violation for what is none, or no longer one.
std::shared_ptr<Communicator> find_communicator(ncclComm_t handle);

// The explanation of the calling thread's last failure.
std::string& last_error_of_thread();

template <class Body>
ncclResult_t call(const char* function, const Body& body) noexcept {
    library().calls.add(function);
    try {
        return body();
    } catch (const NcclError& failure) {
        last_error_of_thread() = text(function, ": ", failure.what());
        return failure.code;
    } catch (const Violation& violation) {
        const std::string message = text(function, ": ", violation.what());
        library().violations.report(Violation(message));
        last_error_of_thread() = message;
        return ncclInvalidUsage;
    } catch (const std::exception& failure) {
        last_error_of_thread() = text(function, ": ", failure.what());
        return ncclInternalError;
    }
}

// A call with a communicator, whose failures it remembers. body(communicator).
template <class Body>
ncclResult_t communicator_call(const char* function, ncclComm_t handle, const Body& body) noexcept {
    return call(function, [&] {
        const std::shared_ptr<Communicator> communicator = find_communicator(handle);
        const Inside inside(communicator, function);
        try {
            return body(communicator);
        } catch (const std::exception& failure) {
            communicator->note_error(text(function, ": ", failure.what()));
            throw;
        }
    });
}

} // namespace nc::doubles
