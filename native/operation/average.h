// NC_AVERAGE: the sum of all ranks' elements divided by their number, which never overflows where it can be
// represented.
//
// Each rank contributes addends that are made of its elements, so that no partial sum overflows:
//   integers up to 32 bits    the element as a 64-bit integer
//   64-bit integers           two 64-bit integers, the quotient and the remainder of its division by the ranks' number
//   Half                      the element as binary32, whose range holds the sum of any number of them
//   the other floats          the element divided by the power of two that is not below the ranks' number, in its own
//                             type; or, for an adder that does not stop at the largest number, a wider type if there is
// The sum of the addends then gives the average: integers exactly, truncated toward zero; floats within as many units
// in the last place, of the largest operand, as there are ranks; with a plain adder of doubles twice as many if the
// operands are about the smallest there are.
#pragma once

#include <cstddef>

#include "base/function_ref.h"
#include "native_collectives.h"
#include "operation/scratch.h"

namespace nc {

// How addends are summed.
enum class Adder {
    Saturating, // by combine_function(), which stops at the largest finite number
    Plain,      // by someone else, in whatever order
};

class Average {
public:
    // type is not bool, which has no average.
    Average(nc_data_type type, int ranks, Adder adder);

    nc_data_type addend_type() const { return addend_type_; }
    // The operator that sums them.
    nc_reduce_op addend_op() const { return addend_op_; }
    // How many addends one element makes.
    std::size_t factor() const { return factor_; }

    // Of count elements; addends may be the same memory as elements if they have one type.
    void contribute(void* addends, const void* elements, std::size_t count) const;
    void finish(void* elements, const void* addends, std::size_t count) const;

private:
    nc_data_type type_;
    nc_data_type addend_type_;
    nc_reduce_op addend_op_;
    std::size_t factor_;
    int ranks_;
    double scale_; // a power of two
};

// Carries out an all-reduce, reduce or reduce-scatter with NC_AVERAGE: as one or several of addends, for which it calls
// reduce. All ranks call it equally often, with the same operation and root, and each time
//   - data_type and reduce_op are those of the addends,
//   - the buffers are memory of this call's, where the receive buffer is that of an operation in place,
//   - the counts, of blocks also send_counts if the request has some, are numbers of addends.
// The request's send buffer is only read. Memory for the addends is bounded.
void average(const nc_request& request, int rank, int ranks, Adder adder, Scratch& scratch,
             FunctionRef<void(const nc_request& part)> reduce);

} // namespace nc
