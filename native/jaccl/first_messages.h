// What comes first from each rank in an operation of MLX's, which nobody announces. A rank that has begun an operation
// of ours sends a header there, and that must not be taken for data.
#pragma once

#include <cstring>
#include <map>

#include "jaccl/operation.h"
#include "operation/announcement.h"

namespace nc::jaccl {

// Clears what a frame still has of a header of before, behind so many bytes of data that are sent in it now.
inline void clear_old_header(std::byte* frame, std::size_t used) {
    if (used < sizeof(Header)) std::memset(frame + used, 0, sizeof(Header) - used);
}

class FirstMessages {
public:
    explicit FirstMessages(const Operation& operation) : operation_(operation) {}

    // The frame that holds a rank's first bytes.
    void note(int rank, const std::byte* frame) {
        Header first{};
        std::memcpy(&first, frame, sizeof first);
        if (is_header(first)) headers_.emplace(rank, first);
    }

    // Runs the operation to its end, so that the other rank gets what tells it the same. Throws Error(NC_MISMATCH).
    template <class Body>
    void check(Body&& body) const {
        try {
            body();
        } catch (const Error& error) {
            // Another rank may have found the mismatch first; what is known here says more.
            if (error.status == NC_PEER_LOST || error.status == NC_TIMEOUT || error.status == NC_MISMATCH)
                refuse_headers();
            throw;
        }
        refuse_headers();
    }

private:
    void refuse_headers() const {
        for (const auto& [rank, header] : headers_) {
            check_header(header_of(operation_.request), header, rank);
            throw Error(NC_MISMATCH, text("rank ", rank, " announced what needs no announcement"), rank);
        }
    }

    const Operation& operation_;
    std::map<int, Header> headers_;
};

} // namespace nc::jaccl
