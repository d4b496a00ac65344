// One rank's side of the connections of a communicator: moves the data of running operations. Used by one thread only,
// the communicator's.
//
// Data travels only to a rank that has said that it has room for it, so whatever arrives can be read at once, and the
// end of a connection is seen even when nothing runs.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "doubles/nccl/operation.h"
#include "doubles/nccl/wire.h"
#include "os/socket.h"

namespace nc::doubles {

// A rank is gone.
class RemoteFailure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

using OperationPointer = std::shared_ptr<Operation>;

class Exchange {
public:
    Exchange(int rank, std::vector<Descriptor> connections);

    // Begins operations of one group, which run at the same time. Each has been prepared.
    void start(const std::vector<OperationPointer>& group);
    // Those that have ended since it was asked last.
    std::vector<OperationPointer> take_finished();

    struct Choice {
        int color;
        int key;
    };
    void offer_split(Choice choice);
    // By rank, once all have offered what they choose in the split that this rank offered last.
    std::optional<std::vector<Choice>> take_split();

    void say_goodbye();
    // Whether everything that was said is on its way.
    bool is_flushed() const;

    // Waits until a connection or wake is ready, and moves what can be moved. Throws RemoteFailure and Violation; the
    // exchange is of no use after that.
    void turn(int wake);

private:
    struct Outbound {
        Frame frame;
        OperationPointer operation; // whose transfer ends with it; may be null
        const std::byte* data = nullptr;
        std::size_t written = 0; // of the frame and its data
    };
    struct Peer {
        Descriptor connection;
        bool left = false; // has said goodbye
        bool deaf = false; // takes nothing any more
        std::deque<Outbound> outbound;
        Frame frame{};                         // that is being read
        std::size_t read = 0;                  // of the frame and its data
        Operation::Incoming* target = nullptr; // of the data
        OperationPointer receiving;
        std::uint64_t announced = 0;         // collectives that the peer has begun
        std::map<std::uint64_t, Frame> news; // those of them that this rank has not
        std::deque<OperationPointer> sends;  // of this rank, which the peer has no room for yet
        std::deque<Frame> invitations;       // to send, with no send yet
        std::deque<OperationPointer> receives;
        std::deque<Choice> choices;
    };
    Peer& at(int rank) { return peers_[static_cast<std::size_t>(rank)]; }

    void start_collective(const OperationPointer& operation);
    void start_self(std::deque<OperationPointer>& sends, std::deque<OperationPointer>& receives);
    void compare(const Operation& own, int peer, const Frame& theirs) const;
    void say(int peer, const Frame& frame, OperationPointer operation = nullptr, const std::byte* data = nullptr);
    void send_data(int peer, const OperationPointer& operation);
    void match_sends(int peer);
    void transfer_ended(const OperationPointer& operation);

    void write(int peer);
    void read(int peer);
    bool read_some(int peer, void* to, std::size_t bytes);
    void take_frame(int peer);
    void take_data(int peer);
    void ended(int peer);
    void check_left() const;

    const int rank_;
    std::vector<Peer> peers_;
    std::map<std::uint64_t, OperationPointer> collectives_; // running, by sequence number
    // begun here, and how many peers have not said so yet
    std::map<std::uint64_t, std::pair<OperationPointer, int>> known_;
    std::vector<OperationPointer> finished_;
    std::optional<Choice> own_choice_;
};

} // namespace nc::doubles
