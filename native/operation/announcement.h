// What ranks of ours tell each other before an operation that MLX does not have, so that ranks that issued different
// operations, types or counts get an error instead of wrong data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "native_collectives.h"
#include "operation/scratch.h"

namespace nc {

// The same on all supported hosts: little-endian, no padding.
struct Header {
    std::uint32_t magic;
    std::uint8_t operation;
    std::uint8_t data_type;
    std::uint8_t reduce_op;
    std::uint8_t flags;
    std::int32_t root;
    std::uint32_t reserved;
    std::uint64_t count;
};
static_assert(sizeof(Header) == 24);

Header header_of(const nc_request& request);
// Of a batch: its root is a number that other operations would hardly have given, its count how many there are.
Header header_of_batch(std::span<const nc_request> requests);

// Whether the first bytes are a header's; and whether all of them are, and not anything else that begins as one by
// chance.
bool begins_header(const Header& bytes);
bool is_header(const Header& bytes);

// Throws Error(NC_MISMATCH) that says how the two differ.
void check_header(const Header& own, const Header& other, int peer);

// The lengths that this rank was given for an uneven operation, as the others are to know them: its count, then its
// send_counts and its receive_counts, zero where it has none. That many numbers for each rank:
constexpr std::size_t length_row(int ranks) {
    return 1 + 2 * static_cast<std::size_t>(ranks);
}
ScratchVector<std::uint64_t> own_lengths(const nc_request& request, int rank, int ranks, Scratch& scratch);

// The lengths, in elements, of the blocks that an uneven operation moves, from the rows of all ranks: of rank i's for
// rank j in lengths[i * n + j] (all-to-all), of rank i's in lengths[i] (the others). All of them together, in bytes,
// fit into std::ptrdiff_t; those of this rank's buffers are what the request says. Throws Error(NC_MISMATCH), on every
// rank, if they do not fit together.
ScratchVector<std::uint64_t> agreed_lengths(const nc_request& request, int rank, int ranks,
                                            std::span<const std::uint64_t> said, Scratch& scratch);

} // namespace nc
