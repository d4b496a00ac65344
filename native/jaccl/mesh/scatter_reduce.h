// Every rank gets one block of everybody's, combined in the order of arrival. Source: jaccl-wire.md, section 8.2.
#pragma once

#include "jaccl/operation.h"

namespace nc::jaccl {
class FirstMessages;
}

namespace nc::jaccl::mesh {

// input holds a block per rank; output takes the own one and may be that block of the input.
void scatter_reduce(const Operation& operation, const std::byte* input, const Blocks& blocks, std::byte* output);

// Every rank gets everybody's block; own may lie in its place in output already. first: who is to know what came first.
// Section 8.3.
void gather_blocks(const Operation& operation, const std::byte* own, const Blocks& blocks, std::byte* output,
                   FirstMessages* first = nullptr);

} // namespace nc::jaccl::mesh
