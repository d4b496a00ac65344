// What processes tell each other: frames over Unix sockets that keep the bounds of messages.
#pragma once

#include <infiniband/verbs.h>
#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "softverbs/device.h"

namespace nc::softverbs {

enum class FrameKind : std::uint32_t {
    Send,   // a message; its data lies in the sender's memory, or comes in Data frames
    Data,   // a part of a message's data, behind the frame
    Fetch,  // the receiver cannot read the sender's memory: Data frames, please
    Answer, // what became of a message
};

enum class Outcome : std::uint32_t {
    Taken,          // a RECV took it, or it was dropped as UC drops
    WrongLength,    // the RECV was not of its length
    ReceiverFailed, // the RECV failed otherwise
    Unreachable,    // nobody will ever take it
};

struct RemotePiece {
    std::uint64_t address;
    std::uint64_t length;
};

struct Frame {
    FrameKind kind{};
    std::uint32_t destination_qp = 0;
    std::uint32_t source_qp = 0;
    // Of the message, among those of its queue pair.
    std::uint64_t id = 0;
    std::uint32_t length = 0;
    Outcome outcome{};

    // Of a Send
    std::uint32_t qp_type = 0;
    std::uint32_t first_psn = 0;
    std::uint32_t path_mtu = 0;
    std::uint32_t gid_type = 0;
    std::uint32_t is_global = 0;
    std::uint32_t in_data_frames = 0;
    std::uint32_t solicited = 0;
    std::uint16_t destination_lid = 0;
    std::uint16_t source_lid = 0;
    ibv_gid destination_gid{};
    ibv_gid source_link_local{};
    ibv_gid source_mapped{};
    // Where the sender keeps id as long as the data are valid.
    std::uint64_t token_address = 0;
    std::uint32_t piece_count = 0;
    std::array<RemotePiece, max_sge> pieces{};
};

// Data frames are cut to this.
constexpr std::size_t data_size = 64 * 1024;

// A connection. Guarded by the fabric's lock.
class Wire {
public:
    // Owns the socket. peer is the number of the process that was connected to, or -1 for one that connected to us.
    Wire(int socket, int poller, std::uint64_t id, int peer);
    ~Wire();
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;

    // What cannot be sent now is kept and sent later. A connection that turns out to be broken stays so until it is
    // read.
    void send(const Frame& frame, std::span<const std::byte> data = {});
    void send_kept();
    bool broken() const { return broken_; }
    bool has_kept() const { return !kept_.empty() && !broken_; }

    // Without the lock, by one thread at a time. The data behind the frame go into a buffer of data_size bytes. False
    // if nothing is there now; ended is set once the other end is gone.
    bool receive(Frame& frame, std::span<std::byte> buffer, std::size_t& data_bytes, bool& ended);

    int socket() const { return socket_; }
    std::uint64_t id() const { return id_; }
    int peer() const { return peer_; }
    pid_t process() const { return process_; }

private:
    bool try_send(std::span<const std::byte> first, std::span<const std::byte> second);
    void watch(bool writable);

    const int socket_;
    const int poller_;
    const std::uint64_t id_;
    const int peer_;
    pid_t process_ = 0;
    bool broken_ = false;
    std::deque<std::vector<std::byte>> kept_;
};

} // namespace nc::softverbs
