// A rank's attempt to join its part of a group that is split. What fails in it is no failure of that group: it is told
// to the others when all have tried, so that a part fails on all of its ranks or on none.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/error.h"

namespace nc {

// What a rank says of one that has failed; peer: that rank as this error is to name it. part: the part's name, if it is
// to be told.
inline Error could_not_join(int rank, int peer, const std::string& part = "") {
    const std::string who = part.empty() ? text("rank ", rank, " could not join its part of the group")
                                         : text(part, ": rank ", rank, " could not join");
    return {NC_RENDEZVOUS_FAILED, who + "; its own error says why", peer};
}

class SplitAttempt {
public:
    // Runs body, unless the attempt has failed; whatever it throws, which may be that something has run out, is a
    // reason not to have joined.
    template <class Body>
    void take(Body&& body) {
        if (has_failed()) return;
        nc_error error = empty_error();
        const nc_status status = guarded(&error, std::forward<Body>(body));
        if (status != NC_OK)
            failure_.emplace(status == NC_NOT_SUPPORTED ? status : NC_RENDEZVOUS_FAILED, error.message, error.peer,
                             error.system_error);
    }

    bool has_failed() const { return failure_.has_value(); }
    const std::optional<Error>& failure() const { return failure_; }

    // Once all ranks know how all have fared: throws the failure of the part, with which they are in step. is_missing:
    // whether a rank of the group that is split has failed to join this rank's part.
    template <class IsMissing>
    void conclude(int size, IsMissing&& is_missing, const std::string& part = "") const {
        if (has_failed()) throw failure_->still_in_step();
        for (int rank = 0; rank < size; ++rank) {
            if (is_missing(rank)) throw could_not_join(rank, rank, part).still_in_step();
        }
    }

private:
    std::optional<Error> failure_;
};

} // namespace nc
