#include "core/requests.h"

#include <algorithm>
#include <cstddef>

#include "core/versioned.h"

namespace nc {
namespace {

// More is a mistake.
constexpr std::uint64_t most_requests = 1'000'000;

nc_request copied(const nc_request* request) {
    // Version 3 of the ABI had nothing from there on.
    return taken_in(request, offsetof(nc_request, tag), "request");
}

} // namespace

Requests::Requests(const nc_request* request) : count_(1), is_batch_(false) {
    few_[0] = copied(request);
}

Requests::Requests(const nc_request* const* requests, std::uint64_t count) : is_batch_(true) {
    if (count > 0 && requests == nullptr) throw Error(NC_INVALID_ARGUMENT, "requests must not be null");
    if (count > most_requests)
        throw Error(NC_INVALID_ARGUMENT, text("a batch of ", count, " requests is more than ", most_requests));
    count_ = count;
    if (count > few_.size()) many_.resize(count);
    const std::span to = count > few_.size() ? std::span(many_) : std::span(few_).first(count);
    for (std::size_t i = 0; i < count; ++i) {
        try {
            to[i] = copied(requests[i]);
        } catch (const Error& error) {
            throw error.of_request(i);
        }
    }
}

std::int64_t Requests::timeout_ms() const {
    std::int64_t longest = 0;
    for (const nc_request& request : all()) longest = std::max(longest, request.timeout_ms);
    return longest;
}

} // namespace nc
