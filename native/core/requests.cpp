#include "core/requests.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/error.h"

namespace nc {
namespace {

// What a batch may hold, and a request may grow to: more is a mistake.
constexpr std::uint64_t most_requests = 1'000'000;
constexpr std::uint32_t most_bytes = 4096;
constexpr std::uint32_t least_bytes = offsetof(nc_request, tag);

nc_request copied(const nc_request* request) {
    if (request == nullptr) throw Error(NC_INVALID_ARGUMENT, "the request must not be null");
    const std::uint32_t size = request->size;
    if (size < least_bytes || size > most_bytes || size % sizeof(std::uint64_t) != 0)
        throw Error(NC_INVALID_ARGUMENT,
                    text("the request's size is ", size, ", but should be ", sizeof(nc_request), " in this release"));
    nc_request copy{};
    std::memcpy(&copy, request, std::min<std::size_t>(size, sizeof copy));
    copy.size = sizeof copy;
    const auto* bytes = reinterpret_cast<const unsigned char*>(request);
    if (size > sizeof copy && std::any_of(bytes + sizeof copy, bytes + size, [](unsigned char byte) { return byte; }))
        throw Error(NC_NOT_SUPPORTED, "the request sets something that this release of the library does not know");
    return copy;
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
