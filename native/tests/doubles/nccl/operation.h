// One operation while it runs: what it sends to whom, what it expects from whom, and what is left to do when all of
// that is there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "doubles/nccl/request.h"

namespace nc::doubles {

struct Operation {
    // The part of the data that goes to one rank, or comes from it; of a send or receive there is only the peer's.
    struct Outgoing {
        const std::byte* data = nullptr;
        std::size_t bytes = 0;
    };
    struct Incoming {
        std::byte* data = nullptr;
        std::size_t bytes = 0;
    };

    Operation(const Request& request, int size, int rank, std::uint64_t sequence)
        : request(request), size(size), rank(rank), sequence(sequence) {}

    // Copies what is sent and lays out the transfers.
    void prepare(const Buffers& where);
    // Everything has arrived: puts the result where it belongs.
    void finish();
    // What a rank sends itself.
    void copy_to(const Operation& receive) const;

    const Request request;
    const int size;
    const int rank;
    const std::uint64_t sequence; // among the communicator's collectives
    std::vector<Outgoing> out;    // by rank; nothing for oneself
    std::vector<Incoming> in;
    int outstanding = 0; // transfers that have not ended

private:
    std::size_t part() const;
    void expect(int peer, std::byte* data, std::size_t bytes);
    void offer(int peer, const std::byte* data, std::size_t bytes);
    std::byte* staging(int peer, std::size_t bytes);
    void keep_own(std::size_t from, std::size_t to);
    void reduce(const std::byte* own);

    Buffers buffers_;
    std::vector<std::byte> input_;
    std::vector<std::vector<std::byte>> staged_;
};

} // namespace nc::doubles
