#include "core/self_group.h"

#include <cstring>

#include "base/error.h"
#include "operation/data_type.h"

namespace nc {

void execute_alone(const nc_request& request) {
    // There is nobody before the only rank.
    if (request.operation == NC_BARRIER || request.operation == NC_EXCLUSIVE_SCAN) return;
    if (request.operation == NC_BROADCAST && request.receive_buffer == nullptr) return;
    std::uint64_t count = request.count;
    if (request.operation == NC_ALL_TO_ALL && (request.flags & NC_REQUEST_UNEVEN) != 0) {
        count = request.send_counts[0];
        if (count != request.receive_counts[0]) {
            throw Error(NC_INVALID_ARGUMENT,
                        text("rank 0 sends itself ", count, " elements, but expects ", request.receive_counts[0]));
        }
    }
    const std::size_t bytes = count * data_type_size(request.data_type);
    if (bytes > 0 && request.send_buffer != request.receive_buffer)
        std::memcpy(request.receive_buffer, request.send_buffer, bytes);
}

} // namespace nc
