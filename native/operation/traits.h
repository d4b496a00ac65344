// What each operation is: the one table that everybody else reads.
#pragma once

#include <cstddef>
#include <cstdint>

#include "native_collectives.h"

namespace nc {

// What a buffer of an operation holds, in terms of the request's count and the number of ranks n.
enum class Holds : std::uint8_t {
    Nothing, // the operation does not use it
    Own,     // count elements
    Blocks,  // one block for each rank: n times count elements, or as many as the request's counts say
};

// The two buffers of a rank.
struct Sides {
    Holds send;
    Holds receive;
};

struct Traits {
    const char* name; // as in messages
    bool reduces;     // combines elements, by the request's operator
    bool has_root;    // the request's peer
    bool is_to_peer;  // a message between two ranks
    Sides of_root;    // of every rank, if there is no root
    Sides of_others;

    bool moves_data() const { return of_root.send != Holds::Nothing || of_root.receive != Holds::Nothing; }
    // Whether there are blocks, which then may differ in length.
    bool has_blocks() const { return of_root.send == Holds::Blocks || of_root.receive == Holds::Blocks; }
    // Whether blocks go both ways: no rank has a block of its own then, of which the request's count is the length.
    bool has_blocks_both_ways() const { return of_root.send == Holds::Blocks && of_root.receive == Holds::Blocks; }
    // What the buffers of a rank hold; peer: the request's.
    const Sides& sides(int rank, int peer) const { return !has_root || rank == peer ? of_root : of_others; }
};

// Places in a table of operations; the first one is none.
constexpr std::size_t operation_count = NC_EXCLUSIVE_SCAN + 1;
// By reference: what is no operation is not to be loaded as one.
bool is_operation(const nc_operation& operation);

constexpr bool is_scan(nc_operation operation) {
    return operation == NC_SCAN || operation == NC_EXCLUSIVE_SCAN;
}

// Numbers that are no operation have a name that says so, and nothing else.
const Traits& traits_of(nc_operation operation);
const char* operation_name(nc_operation operation);

} // namespace nc
