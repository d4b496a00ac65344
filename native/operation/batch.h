// A batch as a backend carries it out: first its messages, all at the same time, then its collective operations in
// their order. Small ones of one kind that follow each other are joined: what takes many steps is then done once.
#pragma once

#include <span>

#include "base/error.h"
#include "base/function_ref.h"
#include "operation/announcement.h"
#include "operation/scratch.h"

namespace nc {

// Calls require for every request of a batch; what it throws then names the place.
template <class Require>
void require_each(std::span<const nc_request> requests, const Require& require) {
    for (std::size_t i = 0; i < requests.size(); ++i) {
        try {
            require(requests[i]);
        } catch (const Error& error) {
            throw error.of_request(i);
        }
    }
}

class Batch {
public:
    // The requests are checked; what this needs is taken from the scratch.
    Batch(std::span<const nc_request> requests, int rank, int ranks, Scratch& scratch);

    // Of what passes between two ranks: places in the batch.
    std::span<const std::size_t> messages() const { return messages_; }
    const nc_request& operator[](std::size_t place) const { return requests_[place]; }
    bool has_collectives() const { return !collectives_.empty(); }
    // What ranks tell each other before the first collective operation. Throws no Error: see check_header().
    Header header() const;

    // Calls run for every collective operation, or for what several have become. Its errors say which of the batch it
    // was, or the first of several.
    void run_collectives(FunctionRef<void(const nc_request& request)> run) const;

private:
    // How many, from that place among the collectives on, are one when joined; at least one.
    std::size_t joinable_from(std::size_t first) const;
    void run_joined(std::span<const std::size_t> places, FunctionRef<void(const nc_request& request)> run) const;
    // Bytes of the larger buffer.
    std::size_t bytes_of(const nc_request& request) const;

    const std::span<const nc_request> requests_;
    const int rank_;
    const std::size_t ranks_;
    Scratch& scratch_;
    ScratchVector<std::size_t> messages_;
    ScratchVector<std::size_t> collectives_;
};

} // namespace nc
