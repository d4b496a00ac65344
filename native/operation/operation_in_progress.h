// An operation in progress, whatever backend runs it: the request, this rank's place, and memory.
#pragma once

#include "operation/backend.h"
#include "operation/data_type.h"
#include "operation/scratch.h"
#include "operation/traits.h"

namespace nc {

// What the ranks have told each other of an operation before it begins.
enum class Announced {
    Nothing,
    InBatch, // that it comes, but not what lengths its uneven blocks have
    AsPart,  // everything: it is a part of another
};

class OperationInProgress {
public:
    OperationInProgress(const nc_request& request, const nc_call& call, int rank, int size, Scratch& scratch,
                        Announced announced = Announced::Nothing)
        : request(request),
          call(call),
          rank(rank),
          size(size),
          item(data_type_size(request.data_type)),
          announced(announced),
          scratch_(scratch) {}

    const nc_request& request;
    const nc_call& call;
    const int rank;
    const int size;
    const std::size_t item; // bytes of an element
    const Announced announced;

    const std::byte* input() const { return static_cast<const std::byte*>(request.send_buffer); }
    std::byte* output() const { return static_cast<std::byte*>(request.receive_buffer); }
    std::size_t bytes() const { return request.count * item; }
    bool is_root() const { return request.peer == rank; }
    bool is_part() const { return announced == Announced::AsPart; }
    bool is_uneven() const { return (request.flags & NC_REQUEST_UNEVEN) != 0; }
    bool averages() const { return traits_of(request.operation).reduces && request.reduce_op == NC_AVERAGE; }

    // Memory until the end of the operation.
    Scratch& scratch() const { return scratch_; }

private:
    Scratch& scratch_;
};

} // namespace nc
