// A connection to a peer: a queue pair, its completions, and the frames that are sent and received over it.
#pragma once

#include <memory>
#include <span>

#include "jaccl/destination.h"
#include "jaccl/device.h"
#include "jaccl/frame_buffers.h"

namespace nc::jaccl {

struct Outgoing;
struct Incoming;

// How many messages may be on their way in each direction, and so how many buffers each has.
constexpr int pipeline_depth = 2;

// Frames that all links of a mesh send from.
class SharedFrames {
public:
    SharedFrames(std::span<const std::unique_ptr<Device>> devices, FramePolicy frames);

    std::byte* operator[](int i) const { return buffers_[i]; }
    // With which the device knows them.
    std::uint32_t key(const Device& device) const;

private:
    FrameBuffers buffers_;
    std::vector<std::pair<const Device*, std::unique_ptr<Region>>> regions_;
};

struct Completion {
    bool of_send;
    int buffer;
    int status;
    std::uint32_t bytes; // of a receive
};

class Link {
public:
    // The tags tell requests of one link from those of others in their ids: the peer's rank in a mesh, the direction in
    // a ring. shared may be null.
    Link(const Device& device, int peer, int send_tag, int receive_tag, const Settings& settings,
         const SharedFrames* shared);
    ~Link();
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;

    int peer() const { return peer_; }
    const Device& device() const { return device_; }
    // "rank 3 (rdma_en2)"
    std::string description() const;

    void initialize();
    Destination destination(Mark mark) const;
    void connect(const Destination& peer);

    std::byte* send_buffer(int i) const { return buffers_[i]; }
    std::byte* receive_buffer(int i) const { return buffers_[pipeline_depth + i]; }
    std::byte* shared_buffer(int i) const { return (*shared_)[i]; }

    // Of the buffer's first bytes; is_shared: of SharedFrames.
    void post_send(int buffer, std::size_t bytes, bool is_shared);
    void post_receive(int buffer, std::size_t bytes);
    // Completions that have come, at most as many as there is room for.
    int poll(std::span<Completion> completions);
    // The next completion is to wake who sleeps on the device's channel.
    void arm();

    // What the running operation sends and receives here; null: nothing.
    Outgoing* outgoing = nullptr;
    Incoming* incoming = nullptr;
    bool is_in_use() const { return outgoing != nullptr || incoming != nullptr; }
    // Whether the operation cannot end without this peer.
    bool awaits_peer() const;

private:
    void destroy();
    void modify(verbs::QueuePairAttributes& attributes, int mask, const char* call);
    [[noreturn]] void fail(const char* call, int error) const;

    const Device& device_;
    const verbs::Functions& api_;
    const int peer_;
    const int send_tag_;
    const int receive_tag_;
    const bool is_reliable_;
    FrameBuffers buffers_;
    std::unique_ptr<Region> region_;
    const SharedFrames* const shared_;
    const std::uint32_t shared_key_;
    verbs::CompletionQueue* completions_ = nullptr;
    verbs::QueuePair* pair_ = nullptr;
    int sends_on_their_way_ = 0;
};

} // namespace nc::jaccl
