#include "doubles/nccl/call.h"

#include <thread>

#include "doubles/common/thread_owned.h"

namespace nc::doubles {

Fault fault_of_call(const char* function, std::optional<int> rank) {
    Fault fault = library().faults.at(function, rank);
    if (fault.kind == Fault::Kind::Kill) die();
    return fault;
}

void obey_failure(const Fault& fault) {
    if (fault.kind == Fault::Kind::Return) throw NcclError(static_cast<ncclResult_t>(fault.code), fault_text(fault));
}

void obey_at_once(const char* function, std::optional<int> rank) {
    const std::uint64_t generation = library().faults.generation();
    const Fault fault = fault_of_call(function, rank);
    if (fault.kind == Fault::Kind::Delay) std::this_thread::sleep_for(fault.delay);
    if (fault.kind == Fault::Kind::Never) library().faults.wait_until_replaced(generation);
    if (fault.kind == Fault::Kind::Later) throw NcclError(static_cast<ncclResult_t>(fault.code), fault_text(fault));
    obey_failure(fault);
}

Inside::Inside(std::shared_ptr<Communicator> communicator, const char* function)
    : communicator_(std::move(communicator)) {
    const char* other = nullptr;
    if (!communicator_->caller.compare_exchange_strong(other, function))
        throw Violation(text("another thread is inside ", other, " with the same communicator"));
}

void require_settled(const Communicator& communicator) {
    if (communicator.state() == ncclInProgress)
        throw Violation("the communicator is in progress: its state has to be asked for until it is ready");
}

void require_ready(const Communicator& communicator) {
    require_settled(communicator);
    const ncclResult_t state = communicator.state();
    if (state != ncclSuccess) throw NcclError(state, text("the communicator has failed: ", communicator.last_error()));
    if (communicator.is_finalized()) throw Violation("the communicator has been finalized");
}

std::shared_ptr<Communicator> find_communicator(ncclComm_t handle) {
    const std::lock_guard lock(library().mutex);
    return library().communicators.get(handle);
}

std::string& last_error_of_thread() {
    static const auto* const messages = new ThreadOwned<std::string>;
    return messages->get();
}

} // namespace nc::doubles
