#include "doubles/nccl/request.h"

#include <iterator>

#include "base/error.h"
#include "doubles/nccl/data_type.h"
#include "doubles/nccl/library.h"
#include "operation/data_type.h"
#include "operation/reduction.h"

namespace nc::doubles {
namespace {

constexpr const char* function_names[] = {"ncclAllReduce",     "ncclReduce",   "ncclBroadcast", "ncclAllGather",
                                          "ncclReduceScatter", "ncclAlltoAll", "ncclGather",    "ncclScatter",
                                          "ncclSend",          "ncclRecv"};

const char* place_text(int place) {
    switch (place) {
        case NC_DOUBLE_CUDA_UNKNOWN:
            return "is no device memory";
        case NC_DOUBLE_CUDA_FREED:
            return "has been freed";
        case NC_DOUBLE_CUDA_TOO_SHORT:
            return "is longer than its allocation";
        case NC_DOUBLE_CUDA_PINNED:
            return "is host memory";
        default:
            return "is on another device";
    }
}

std::byte* locate(const char* what, const void* address, std::size_t bytes, std::size_t alignment,
                  const CudaBridge& cuda, int device) {
    if (bytes == 0) return nullptr;
    const auto number = reinterpret_cast<std::uintptr_t>(address);
    void* host = nullptr;
    int found_on = -1;
    const int place = cuda.locate(number, bytes, &host, &found_on);
    if (place != NC_DOUBLE_CUDA_DEVICE || found_on != device)
        throw Violation(text("the ", what, " buffer, ", bytes, " bytes at ", address, " on device ", device, ", ",
                             place_text(place)));
    if (number % alignment != 0)
        throw Violation(text("the ", what, " buffer at ", address, " is not aligned to its elements"));
    return static_cast<std::byte*>(host);
}

} // namespace

const char* function_name(Kind kind) {
    return function_names[static_cast<std::size_t>(kind)];
}

std::string Request::description() const {
    std::string description = text(function_name(kind), '(', count, ' ', element_name(type));
    if (reduces()) description += text(", ", reduce_op_name(doubles::reduce_op(op)));
    if (has_root()) description += text(", root ", root);
    if (!is_collective()) description += text(", rank ", root);
    return description + ')';
}

Extent extent_of(const Request& request, int size, int rank) {
    const std::size_t one = request.count * element_size(request.type);
    const std::size_t all = one * static_cast<std::size_t>(size);
    const bool is_root = rank == request.root;
    switch (request.kind) {
        case Kind::AllReduce:
            return {one, one};
        case Kind::Reduce:
            return {one, is_root ? one : 0};
        case Kind::Broadcast:
            return {is_root ? one : 0, one};
        case Kind::AllGather:
            return {one, all};
        case Kind::ReduceScatter:
            return {all, one};
        case Kind::AllToAll:
            return {all, all};
        case Kind::Gather:
            return {one, is_root ? all : 0};
        case Kind::Scatter:
            return {is_root ? all : 0, one};
        case Kind::Send:
            return {one, 0};
        case Kind::Receive:
            return {0, one};
    }
    return {0, 0};
}

void check_arguments(const Request& request, int size, int rank) {
    const std::size_t element = element_size(request.type);
    if (request.reduces()) static_cast<void>(reduce_op(request.op));
    const bool names_a_rank = request.has_root() || !request.is_collective();
    if (names_a_rank && (request.root < 0 || request.root >= size))
        throw NcclError(ncclInvalidArgument, text(request.root, " is no rank of a communicator of ", size));
    std::size_t bytes = 0;
    if (__builtin_mul_overflow(request.count, element, &bytes) ||
        __builtin_mul_overflow(bytes, static_cast<std::size_t>(size), &bytes))
        throw NcclError(ncclInvalidArgument, text("a count of ", request.count, " is too large"));

    const Extent extent = extent_of(request, size, rank);
    if ((extent.send > 0 && request.send == nullptr) || (extent.receive > 0 && request.receive == nullptr))
        throw NcclError(ncclInvalidArgument, "a buffer is null");
    if (extent.send == 0 || extent.receive == 0) return;
    const auto send = reinterpret_cast<std::uintptr_t>(request.send);
    const auto receive = reinterpret_cast<std::uintptr_t>(request.receive);
    if (send + extent.send <= receive || receive + extent.receive <= send) return;
    // In place, the shorter buffer is this rank's part of the longer one.
    const std::size_t part = static_cast<std::size_t>(rank) * std::min(extent.send, extent.receive);
    const bool in_place = extent.send <= extent.receive ? send == receive + (extent.send < extent.receive ? part : 0)
                                                        : receive == send + part;
    if (!in_place || request.kind == Kind::AllToAll)
        throw Violation(text("the buffers of ", request.description(), " of rank ", rank, " overlap: send ",
                             request.send, ", receive ", request.receive));
}

Buffers locate_buffers(const Request& request, int size, int rank, const CudaBridge& cuda, int device) {
    const Extent extent = extent_of(request, size, rank);
    const std::size_t element = element_size(request.type);
    return {locate("send", request.send, extent.send, element, cuda, device),
            locate("receive", request.receive, extent.receive, element, cuda, device)};
}

} // namespace nc::doubles
