// Everything that the double of NCCL knows beside its communicators' own state.
#pragma once

#include <mutex>
#include <string>

#include "doubles/common/call_counts.h"
#include "doubles/common/faults.h"
#include "doubles/common/handle_table.h"
#include "doubles/common/violation.h"
#include "doubles/nccl/nccl_api.h"

namespace nc::doubles {

class Communicator;

// A call fails with a result code that is no violation.
class NcclError : public std::runtime_error {
public:
    NcclError(ncclResult_t code, const std::string& message) : std::runtime_error(message), code(code) {}
    ncclResult_t code;
};

struct Library {
    Library();

    std::mutex mutex; // guards the table
    HandleTable<Communicator> communicators{"communicator", 4};

    // With locks of their own.
    Violations violations{"nccl"};
    FaultRules faults;
    CallCounts calls;
};

// Lives as long as the process.
Library& library();

const char* result_name(ncclResult_t result);

// What a fault rule's error says when the rule has no text of its own.
std::string fault_text(const Fault& fault);

} // namespace nc::doubles
