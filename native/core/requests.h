// What one call asks for: a request, or a batch of them, as copies that have this library's size.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "native_collectives.h"

namespace nc {

// Of a batch: all of its requests, or those that are messages, or those that are not.
enum class Part { All, Messages, Collectives };

class Requests {
public:
    // Throw Error for what cannot be read, or asks for more than this release knows.
    explicit Requests(const nc_request* request);
    Requests(const nc_request* const* requests, std::uint64_t count);

    bool is_batch() const { return is_batch_; }
    std::span<const nc_request> all() const {
        return count_ <= few_.size() ? std::span(few_).first(count_) : std::span<const nc_request>(many_);
    }
    const nc_request& operator[](std::size_t index) const { return all()[index]; }
    // The one that is no batch.
    const nc_request& single() const { return few_[0]; }

    // What errors name that are about all.
    nc_operation operation() const { return is_batch_ ? NC_BATCH : single().operation; }
    // The longest that one of them gives; 0: none does.
    std::int64_t timeout_ms() const;
    bool has(Part part) const;
    // The requests of that part, in their order, and the place in the batch of the one at index there.
    std::vector<nc_request> of(Part part) const;
    std::int32_t place(Part part, std::int32_t index) const;

    // Of all of them, as they are alike in this.
    bool on_stream() const { return count_ > 0 && (all()[0].flags & NC_REQUEST_STREAM) != 0; }

private:
    std::array<nc_request, 4> few_{};
    std::vector<nc_request> many_; // if there are more
    std::size_t count_ = 0;
    bool is_batch_;
};

} // namespace nc
