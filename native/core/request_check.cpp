#include "core/request_check.h"

#include <limits>

#include "backend/data_type.h"
#include "backend/error.h"
#include "core/enumeration.h"

namespace nc {
namespace {

[[noreturn]] void invalid(const std::string& message) {
    throw Error(NC_INVALID_ARGUMENT, message);
}

bool reduces(nc_operation operation) {
    return operation == NC_ALL_REDUCE || operation == NC_REDUCE_SCATTER || operation == NC_REDUCE;
}

bool has_root(nc_operation operation) {
    return operation == NC_BROADCAST || operation == NC_REDUCE || operation == NC_GATHER || operation == NC_SCATTER;
}

bool is_point_to_point(nc_operation operation) {
    return operation == NC_SEND || operation == NC_RECEIVE;
}

bool moves_data(nc_operation operation) {
    return operation != NC_BARRIER && operation != NC_SPLIT;
}

bool may_be_uneven(nc_operation operation) {
    return operation == NC_ALL_GATHER || operation == NC_REDUCE_SCATTER || operation == NC_GATHER ||
           operation == NC_SCATTER || operation == NC_ALL_TO_ALL;
}

class Check {
public:
    Check(const nc_request& request, int rank, int size)
        : request_(request),
          rank_(rank),
          size_(size),
          item_(moves_data(request.operation) ? data_type_size(request.data_type) : 1),
          root_(!has_root(request.operation) || request.peer == rank) {}

    void run() const {
        if (request_.timeout_ms < 0)
            invalid(text("the timeout must not be negative, but is ", request_.timeout_ms, " ms"));
        check_peer();
        if (request_.operation == NC_SPLIT && request_.new_group == nullptr) invalid("new_group must not be null");
        check_flags();
        if (!moves_data(request_.operation)) return;
        if (reduces(request_.operation) && request_.reduce_op == NC_AVERAGE && request_.data_type == NC_BOOL)
            invalid("bool has no average");
        if ((request_.flags & NC_REQUEST_UNEVEN) != 0) {
            check_uneven();
        } else {
            check_even();
        }
    }

private:
    void check_flags() const {
        const std::uint32_t known =
            moves_data(request_.operation) ? NC_REQUEST_UNEVEN | NC_REQUEST_DEVICE | NC_REQUEST_STREAM : 0;
        if ((request_.flags & ~known) != 0)
            invalid(
                text(operation_name(request_.operation), " does not take the request flags ", request_.flags & ~known));
        if ((request_.flags & NC_REQUEST_STREAM) != 0 && (request_.flags & NC_REQUEST_DEVICE) == 0)
            invalid("only operations on device memory take their place on a stream");
    }

    void check_peer() const {
        if (!has_root(request_.operation) && !is_point_to_point(request_.operation)) return;
        const char* role = has_root(request_.operation)    ? "root"
                           : request_.operation == NC_SEND ? "destination"
                                                           : "source";
        if (is_point_to_point(request_.operation) && size_ == 1) invalid(text("a group of one has no ", role));
        if (request_.peer < 0 || request_.peer >= size_)
            invalid(text("the ", role, " must be in [0, ", size_, "), but is ", request_.peer));
        if (is_point_to_point(request_.operation) && request_.peer == rank_)
            invalid(text("the ", role, " must be another rank than the own one, ", rank_));
    }

    void check_even() const {
        const auto ranks = static_cast<std::uint64_t>(size_);
        const std::uint64_t one = request_.count;
        if (one > limit() / ranks)
            invalid(text(one, " elements of ", item_, " bytes for each of ", size_,
                         " ranks are more than memory can hold"));
        switch (request_.operation) {
            case NC_ALL_REDUCE:
                check_buffers(one, one);
                break;
            case NC_ALL_GATHER:
                check_buffers(one, ranks * one);
                break;
            case NC_REDUCE_SCATTER:
                check_buffers(ranks * one, one);
                break;
            case NC_BROADCAST:
                check_buffers(root_ ? one : 0, root_ ? 0 : one);
                break;
            case NC_REDUCE:
                check_buffers(one, root_ ? one : 0);
                break;
            case NC_GATHER:
                check_buffers(one, root_ ? ranks * one : 0);
                break;
            case NC_SCATTER:
                check_buffers(root_ ? ranks * one : 0, one);
                break;
            case NC_ALL_TO_ALL:
                check_buffers(ranks * one, ranks * one);
                break;
            case NC_SEND:
                check_buffers(one, 0);
                break;
            case NC_RECEIVE:
                check_buffers(0, one);
                break;
            default:
                break;
        }
    }

    void check_uneven() const {
        if (!may_be_uneven(request_.operation))
            invalid(text(operation_name(request_.operation), " has no blocks that could be uneven"));
        std::uint64_t sent = request_.count;
        std::uint64_t received = request_.count;
        if (request_.operation == NC_ALL_TO_ALL || request_.operation == NC_REDUCE_SCATTER ||
            (request_.operation == NC_SCATTER && root_)) {
            sent = total("send_counts", request_.send_counts, request_.operation != NC_ALL_TO_ALL);
        }
        if (request_.operation == NC_ALL_TO_ALL || request_.operation == NC_ALL_GATHER ||
            (request_.operation == NC_GATHER && root_)) {
            received = total("receive_counts", request_.receive_counts, request_.operation != NC_ALL_TO_ALL);
        }
        if (request_.operation == NC_GATHER && !root_) received = 0;
        if (request_.operation == NC_SCATTER && !root_) sent = 0;
        check_buffers(sent, received);
    }

    std::uint64_t total(const char* name, const std::uint64_t* counts, bool own_is_count) const {
        if (counts == nullptr) invalid(text(name, " must not be null"));
        std::uint64_t sum = 0;
        for (int i = 0; i < size_; ++i) {
            if (counts[i] > limit() - sum) invalid(text(name, " add up to more than memory can hold"));
            sum += counts[i];
        }
        if (own_is_count && counts[rank_] != request_.count) {
            invalid(text("count must be the own entry of ", name, ", ", counts[rank_], ", but is ", request_.count));
        }
        return sum;
    }

    void check_buffers(std::uint64_t sent, std::uint64_t received) const {
        if (sent > limit() || received > limit())
            invalid(text(request_.count, " elements of ", item_, " bytes are more than memory can hold"));
        if (sent > 0 && request_.send_buffer == nullptr) invalid("send_buffer must not be null");
        if (received > 0 && request_.receive_buffer == nullptr) invalid("receive_buffer must not be null");
    }

    std::uint64_t limit() const { return std::numeric_limits<std::int64_t>::max() / item_; }

    const nc_request& request_;
    int rank_;
    int size_;
    std::uint64_t item_;
    bool root_;
};

} // namespace

void check_request(const nc_request* request, int rank, int size, bool has_device) {
    if (request == nullptr) invalid("the request must not be null");
    if (request->size != sizeof(nc_request))
        invalid(text("the request's size is ", request->size, ", but should be ", sizeof(nc_request)));
    if (number(request->operation) < NC_ALL_REDUCE || number(request->operation) > NC_SPLIT)
        invalid(text(number(request->operation), " is not an operation"));
    if (moves_data(request->operation) && number(request->data_type) >= data_type_count)
        invalid(text(number(request->data_type), " is not a data type"));
    if (reduces(request->operation) && number(request->reduce_op) > NC_AVERAGE)
        invalid(text(number(request->reduce_op), " is not a reduction operator"));
    Check(*request, rank, size).run();
    if ((request->flags & NC_REQUEST_DEVICE) != 0 && !has_device)
        throw Error(NC_NOT_SUPPORTED, "this group works on host memory only: its backend knows no devices");
}

} // namespace nc
