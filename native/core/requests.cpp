#include "core/requests.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

#include "core/versioned.h"
#include "operation/traits.h"

namespace nc {
namespace {

// More is a mistake.
constexpr std::uint64_t most_requests = 1'000'000;

nc_request copied(const nc_request* request) {
    // Version 3 of the ABI had nothing from there on.
    return taken_in(request, offsetof(nc_request, tag), "request");
}

bool belongs_to(Part part, const nc_request& request) {
    return part == Part::All || traits_of(request.operation).is_to_peer == (part == Part::Messages);
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

bool Requests::has(Part part) const {
    return std::ranges::any_of(all(), [part](const nc_request& request) { return belongs_to(part, request); });
}

std::vector<nc_request> Requests::of(Part part) const {
    std::vector<nc_request> some;
    std::ranges::copy_if(all(), std::back_inserter(some),
                         [part](const nc_request& request) { return belongs_to(part, request); });
    return some;
}

std::int32_t Requests::place(Part part, std::int32_t index) const {
    std::int32_t place = 0;
    for (const nc_request& request : all()) {
        if (belongs_to(part, request) && index-- == 0) return place;
        ++place;
    }
    return -1;
}

} // namespace nc
