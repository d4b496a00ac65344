#include "core/request_check.h"

#include <limits>

#include "base/enumeration.h"
#include "base/error.h"
#include "operation/data_type.h"
#include "operation/reduction.h"
#include "operation/traits.h"

namespace nc {
namespace {

[[noreturn]] void invalid(const std::string& message) {
    throw Error(NC_INVALID_ARGUMENT, message);
}

void check_in_batch(const nc_request& request, const nc_request& first) {
    constexpr std::uint32_t place_flags = NC_REQUEST_DEVICE | NC_REQUEST_STREAM;
    if (!traits_of(request.operation).moves_data())
        invalid(text("a batch takes no ", operation_name(request.operation)));
    if (((request.flags ^ first.flags) & place_flags) != 0 || request.stream != first.stream)
        invalid("the buffers of a batch all lie in host memory, or all on the device, for one stream");
}

class Check {
public:
    Check(const nc_request& request, const Place& place)
        : request_(request),
          traits_(traits_of(request.operation)),
          sides_(traits_.sides(place.rank, request.peer)),
          rank_(place.rank),
          size_(place.size),
          item_(traits_.moves_data() ? data_type_size(request.data_type) : 1) {}

    void check_kind() const {
        check_peer();
        check_flags();
        if (traits_.reduces) check_operator();
    }

    void check_rest() const {
        if (request_.timeout_ms < 0)
            invalid(text("the timeout must not be negative, but is ", request_.timeout_ms, " ms"));
        if (request_.operation == NC_SPLIT && request_.new_group == nullptr) invalid("new_group must not be null");
        if (traits_.reduces && request_.reduce_op == NC_CUSTOM && request_.combine == nullptr)
            invalid("combine must not be null");
        if (traits_.moves_data()) check_buffers();
    }

private:
    bool is_uneven() const { return (request_.flags & NC_REQUEST_UNEVEN) != 0; }

    void check_peer() const {
        if (!traits_.has_root && !traits_.is_to_peer) return;
        const char* role = traits_.has_root ? "root" : sides_.send != Holds::Nothing ? "destination" : "source";
        if (traits_.is_to_peer && size_ == 1) invalid(text("a group of one has no ", role));
        if (request_.peer < 0 || request_.peer >= size_)
            invalid(text("the ", role, " must be in [0, ", size_, "), but is ", request_.peer));
        if (traits_.is_to_peer && request_.peer == rank_)
            invalid(text("the ", role, " must be another rank than the own one, ", rank_));
    }

    void check_operator() const {
        const nc_reduce_op op = request_.reduce_op;
        if (op == NC_AVERAGE && request_.data_type == NC_BOOL) invalid("bool has no average");
        if (op == NC_AVERAGE && is_scan(request_.operation)) invalid("a scan has no averages");
        if (is_bitwise(op) && request_.data_type > NC_UINT64)
            invalid(text(reduce_op_name(op), " is of integers and bool, not of ", data_type_name(request_.data_type)));
    }

    void check_flags() const {
        const std::uint32_t known =
            traits_.moves_data() ? NC_REQUEST_UNEVEN | NC_REQUEST_DEVICE | NC_REQUEST_STREAM : 0;
        if ((request_.flags & ~known) != 0)
            invalid(text(traits_.name, " does not take the request flags ", request_.flags & ~known));
        if ((request_.flags & NC_REQUEST_STREAM) != 0 && (request_.flags & NC_REQUEST_DEVICE) == 0)
            invalid("only operations on device memory take their place on a stream");
        if (is_uneven() && !traits_.has_blocks()) invalid(text(traits_.name, " has no blocks that could be uneven"));
    }

    void check_buffers() const {
        if (!is_uneven() && request_.count > limit() / static_cast<std::uint64_t>(size_))
            invalid(text(request_.count, " elements of ", item_, " bytes for each of ", size_,
                         " ranks are more than memory can hold"));
        const std::uint64_t sent = elements(sides_.send, "send_counts", request_.send_counts);
        const std::uint64_t received = elements(sides_.receive, "receive_counts", request_.receive_counts);
        if (sent > limit() || received > limit())
            invalid(text(request_.count, " elements of ", item_, " bytes are more than memory can hold"));
        if (sent > 0 && request_.send_buffer == nullptr) invalid("send_buffer must not be null");
        // Nothing comes before the first rank.
        const bool gets_nothing = request_.operation == NC_EXCLUSIVE_SCAN && rank_ == 0;
        if (received > 0 && request_.receive_buffer == nullptr && !gets_nothing)
            invalid("receive_buffer must not be null");
    }

    std::uint64_t elements(Holds side, const char* name, const std::uint64_t* counts) const {
        if (side == Holds::Nothing) return 0;
        if (side == Holds::Own) return request_.count;
        return is_uneven() ? total(name, counts) : static_cast<std::uint64_t>(size_) * request_.count;
    }

    std::uint64_t total(const char* name, const std::uint64_t* counts) const {
        if (counts == nullptr) invalid(text(name, " must not be null"));
        std::uint64_t sum = 0;
        for (int i = 0; i < size_; ++i) {
            if (counts[i] > limit() - sum) invalid(text(name, " add up to more than memory can hold"));
            sum += counts[i];
        }
        if (!traits_.has_blocks_both_ways() && counts[rank_] != request_.count)
            invalid(text("count must be the own entry of ", name, ", ", counts[rank_], ", but is ", request_.count));
        return sum;
    }

    std::uint64_t limit() const { return std::numeric_limits<std::int64_t>::max() / item_; }

    const nc_request& request_;
    const Traits& traits_;
    const Sides sides_; // of this rank
    const int rank_;
    const int size_;
    const std::uint64_t item_;
};

// Throws Error(NC_INVALID_ARGUMENT).
void check_valid(const nc_request& request, const Place& place, bool with_buffers) {
    if (!is_operation(request.operation)) invalid(text(number(request.operation), " is not an operation"));
    const Traits& traits = traits_of(request.operation);
    if (traits.moves_data() && number(request.data_type) >= data_type_count)
        invalid(text(number(request.data_type), " is not a data type"));
    if (traits.reduces && number(request.reduce_op) >= reduce_op_count)
        invalid(text(number(request.reduce_op), " is not a reduction operator"));
    if (request.tag != 0 && !traits.is_to_peer) invalid(text(traits.name, " takes no tag"));
    const Check check(request, place);
    check.check_kind();
    if (with_buffers) check.check_rest();
}

// Throws Error(NC_NOT_SUPPORTED).
void check_can_be_had(const nc_request& request, const Place& place) {
    if (request.tag != 0 && !place.has_tags)
        throw Error(
            NC_NOT_SUPPORTED,
            text("the wire of this group's backend carries no tags, so that only tag 0 can be had, not ", request.tag));
    if ((request.flags & NC_REQUEST_DEVICE) != 0 && !place.has_device)
        throw Error(NC_NOT_SUPPORTED, "this group works on host memory only: its backend knows no devices");
}

} // namespace

void check_kind(const nc_request& request, const Place& place) {
    check_valid(request, place, false);
    check_can_be_had(request, place);
}

void check_requests(const Requests& requests, const Place& place) {
    std::size_t index = 0;
    try {
        for (const nc_request& request : requests.all()) {
            check_valid(request, place, true);
            if (requests.is_batch()) check_in_batch(request, requests[0]);
            check_can_be_had(request, place);
            ++index;
        }
    } catch (const Error& error) {
        throw requests.is_batch() ? error.of_request(index) : error;
    }
}

} // namespace nc
