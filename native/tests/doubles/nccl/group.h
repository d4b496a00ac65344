// What a thread has issued between ncclGroupStart and ncclGroupEnd.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "doubles/nccl/communicator.h"

namespace nc::doubles {

class Group {
public:
    Group() = default;
    Group(const Group&) = delete;
    Group& operator=(const Group&) = delete;
    // The thread ends: a group that it has not ended is reported.
    ~Group();

    void begin() { ++depth_; }
    bool is_open() const { return depth_ > 0; }
    // Launches and waits for what was issued, if this end is the outermost one. Throws Violation without a beginning.
    ncclResult_t end();

    // Launches at once outside of a group.
    ncclResult_t issue(const std::shared_ptr<Communicator>& communicator, const Request& request);
    // A blocking communicator that begins to be formed or to be split within the group: its end waits until it is
    // ready.
    void await(const std::shared_ptr<Communicator>& communicator) { issued_.awaited.push_back(communicator); }
    // A call within the group has failed: so does its end.
    void fail(ncclResult_t code, const std::string& message);

    // Forgets a communicator that is aborted.
    void drop(const Communicator& communicator);

private:
    struct Launch {
        std::shared_ptr<Communicator> communicator;
        std::vector<Request> requests;
    };
    // What is issued, and what has become of that.
    struct Issued {
        ncclResult_t error = ncclSuccess;
        std::string message;
        std::vector<Launch> launches;
        std::vector<std::shared_ptr<Communicator>> awaited;
    };
    static ncclResult_t finish(const Issued& issued, const Fault& fault);

    int depth_ = 0;
    Issued issued_;
};

// The calling thread's.
Group& current_group();

} // namespace nc::doubles
