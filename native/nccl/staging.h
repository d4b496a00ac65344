// Operations on host memory: NCCL reads and writes device memory only, so elements travel through pinned memory of the
// host and memory of the device. A large operation is cut into chunks: while one is with NCCL, the next is copied to
// the device and the one before is copied back.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "base/function_ref.h"
#include "nccl/calls.h"
#include "nccl/device.h"

namespace nc::nccl {

class Staging {
public:
    // Puts a chunk's operation on the stream.
    using IssueChunk = FunctionRef<void(const Shape& shape, const Buffers& buffers, CudaStream stream)>;
    // Puts several operations on it at once.
    using IssueTogether = FunctionRef<void(std::span<const Placed> operations, CudaStream stream)>;
    // Returns once the device has passed the event; throws Error if it is not to be waited for any longer.
    using Await = FunctionRef<void(const Event& event)>;

    // chunk_bytes: how much of a rank's buffers goes into one chunk, alike on every rank, as each chunk is an operation
    // of its own to NCCL. 0: everything.
    Staging(const Device& device, CudaStream stream, std::size_t chunk_bytes, int size);

    // Runs an operation and returns when its result is in the host's memory. The context must be current.
    void run(const Shape& shape, const Buffers& host, IssueChunk issue, Await await);

    // The same for sends and receives that must not wait for each other: all of them are on the device at once, cut
    // into chunks as they are by themselves.
    void run_together(std::span<const Placed> messages, IssueTogether issue, Await await);

    // Whether the device has done everything that it was given here. Throws Error if it failed.
    bool idle() const;

private:
    static constexpr std::size_t slot_count = 2;
    static constexpr std::size_t piece_bytes = std::size_t{1} << 20;
    static constexpr std::size_t pieces_in = 4;
    static constexpr std::size_t pieces_out = 8;

    // The memory of one chunk on the device.
    struct Slot {
        explicit Slot(const Device& device) : copied_in(device), operated(device) {}
        std::unique_ptr<DeviceMemory> memory;
        Event copied_in;
        Event operated;
    };

    // Pinned memory that one copy at a time goes through.
    struct Piece {
        explicit Piece(const Device& device) : memory(device, piece_bytes), copied(device) {}
        PinnedMemory memory;
        Event copied;
        bool used = false;
    };

    // A copy to the host that is to come or under way.
    struct CopyOut {
        std::size_t chunk;
        const Event* after;
        const std::byte* source;
        std::byte* target;
        std::size_t bytes;
        Piece* piece; // null: not begun
    };

    void run_chunks(const Shape& shape, const Buffers& host, IssueChunk issue, Await await);
    void run_messages(std::span<const Placed> messages, IssueTogether issue, Await await);
    template <class Body>
    void guarding(Body&& body);
    // After an operation that failed: forgets its copies, once the device is done with them.
    void recover();
    std::size_t elements_per_chunk(const Shape& shape) const;
    Slot& slot(std::size_t chunk, std::size_t bytes);
    void copy_in(const std::byte* source, std::byte* target, std::size_t bytes, CudaStream stream, Await await);
    void plan_copy_out(std::size_t chunk, const Event& after, const std::byte* source, std::byte* target,
                       std::size_t bytes);
    // Begins copies, in order, as long as there is pinned memory for them.
    void begin_copies_out(CudaStream stream);
    // Ends the copies of that chunk and of those before.
    void end_copies_out(std::size_t chunk, CudaStream stream, Await await);

    const Device& device_;
    const CudaStream stream_; // the operations'
    const std::size_t chunk_bytes_;
    const int size_; // ranks

    // Made when they are first needed.
    std::unique_ptr<Stream> inwards_;
    std::unique_ptr<Stream> outwards_;
    std::array<std::unique_ptr<Slot>, slot_count> slots_;
    std::vector<std::unique_ptr<Piece>> in_;
    std::vector<std::unique_ptr<Piece>> out_;
    std::size_t next_in_ = 0;
    std::vector<CopyOut> copies_out_; // of the operation at hand
    std::size_t begun_ = 0;           // of these
    std::size_t ended_ = 0;
    std::vector<Piece*> free_out_;
    bool failed_ = false; // the operation before
};

} // namespace nc::nccl
