#include "nccl/staging.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "nccl/wait.h"
#include "operation/traits.h"

namespace nc::nccl {
namespace {

constexpr std::chrono::seconds recovery_limit{2};

// Operations whose result may take the place of what they read.
bool works_in_place(nc_operation operation) {
    const Traits& traits = traits_of(operation);
    return !traits.has_blocks() && !traits.is_to_peer;
}

std::size_t aligned(std::size_t bytes) {
    constexpr std::size_t alignment = 256;
    return (bytes + alignment - 1) / alignment * alignment;
}

} // namespace

Staging::Staging(const Device& device, CudaStream stream, std::size_t chunk_bytes, int size)
    : device_(device), stream_(stream), chunk_bytes_(chunk_bytes), size_(size) {}

std::size_t Staging::elements_per_chunk(const Shape& shape) const {
    if (chunk_bytes_ == 0) return std::numeric_limits<std::size_t>::max();
    const std::size_t blocks = traits_of(shape.operation).has_blocks() ? static_cast<std::size_t>(size_) : 1;
    // A whole number of the caller's elements, which may be several of NCCL's.
    const std::size_t factor = shape.mapping.factor;
    return std::max<std::size_t>(chunk_bytes_ / (shape.mapping.item * factor * blocks), 1) * factor;
}

template <class Body>
void Staging::guarding(Body&& body) {
    try {
        if (failed_) recover();
        copies_out_.clear();
        begun_ = ended_ = 0;
        body();
    } catch (...) {
        failed_ = true;
        throw;
    }
}

void Staging::run(const Shape& shape, const Buffers& host, IssueChunk issue, Await await) {
    guarding([&] { run_chunks(shape, host, issue, await); });
}

void Staging::run_together(std::span<const Placed> messages, IssueTogether issue, Await await) {
    if (!messages.empty()) guarding([&] { run_messages(messages, issue, await); });
}

void Staging::recover() {
    if (!ask_until(Clock::now() + recovery_limit, [this] { return idle(); }))
        throw Error(NC_LIBRARY_ERROR, "the device does not end copies of an operation that failed");
    for (; ended_ < begun_; ++ended_) free_out_.push_back(copies_out_[ended_].piece);
    failed_ = false;
}

void Staging::run_chunks(const Shape& shape, const Buffers& host, IssueChunk issue, Await await) {
    const std::size_t most = elements_per_chunk(shape);
    const std::size_t longest = shape.longest();
    const std::size_t item = shape.mapping.item;
    // What fits into one chunk has nothing to overlap with, and one stream needs no events.
    const bool overlaps = longest > most;
    if (overlaps && inwards_ == nullptr) {
        inwards_ = std::make_unique<Stream>(device_);
        outwards_ = std::make_unique<Stream>(device_);
    }
    const CudaStream inwards = overlaps ? inwards_->get() : stream_;
    const CudaStream outwards = overlaps ? outwards_->get() : stream_;
    std::size_t chunk = 0;
    Scratch& scratch = shape.scratch();
    const Scratch::Mark mark = scratch.mark();
    for (std::size_t first = 0; first < longest; ++chunk) {
        scratch.rewind(mark);
        const Shape host_part = shape.part(first, most);
        const Shape part = host_part.packed();
        const std::size_t sent = extent(part.send) * item;
        const std::size_t received = extent(part.receive) * item;
        const bool in_place = works_in_place(shape.operation);
        if (chunk >= slot_count) {
            end_copies_out(chunk - slot_count, outwards, await);
            await(slots_[chunk % slot_count]->operated);
        }
        Slot& own = slot(chunk, in_place ? std::max(sent, received) : aligned(sent) + received);
        std::byte* const source = own.memory->get();
        std::byte* const target = in_place ? source : source + aligned(sent);
        for (std::size_t i = 0; i < part.send.size(); ++i) {
            copy_in(host.send + host_part.send[i].offset * item, source + part.send[i].offset * item,
                    part.send[i].count * item, inwards, await);
        }
        if (overlaps) {
            own.copied_in.record(inwards);
            own.copied_in.hold(stream_);
        }
        issue(part, {source, target}, stream_);
        own.operated.record(stream_);
        for (std::size_t i = 0; i < part.receive.size(); ++i) {
            plan_copy_out(chunk, own.operated, target + part.receive[i].offset * item,
                          host.receive + host_part.receive[i].offset * item, part.receive[i].count * item);
        }
        begin_copies_out(outwards);
        if (longest - first <= most) break;
        first += most;
    }
    end_copies_out(chunk, outwards, await);
    // Where nothing was copied out, the operations may still be under way.
    await(slots_[chunk % slot_count]->operated);
}

void Staging::run_messages(std::span<const Placed> messages, IssueTogether issue, Await await) {
    const auto bytes_of = [](const Placed& message) { return message.shape.longest() * message.shape.mapping.item; };
    std::size_t total = 0;
    for (const Placed& message : messages) total += aligned(bytes_of(message));
    Slot& own = slot(0, total);
    std::byte* memory = own.memory->get();
    ScratchVector<Placed> chunks(messages.front().shape.scratch());
    for (const Placed& message : messages) {
        const Shape& shape = message.shape;
        const std::size_t item = shape.mapping.item;
        if (!shape.send.empty()) copy_in(message.buffers.send, memory, bytes_of(message), stream_, await);
        // The other end may be by itself, where every chunk is a message of NCCL's.
        const std::size_t most = std::min(elements_per_chunk(shape), shape.longest());
        for (std::size_t first = 0; first < shape.longest(); first += most) {
            std::byte* const chunk = memory + first * item;
            chunks.push_back({shape.part(first, most).packed(), {chunk, chunk}});
        }
        memory += aligned(bytes_of(message));
    }
    issue(chunks, stream_);
    own.operated.record(stream_);
    memory = own.memory->get();
    for (const Placed& message : messages) {
        if (!message.shape.receive.empty())
            plan_copy_out(0, own.operated, memory, message.buffers.receive, bytes_of(message));
        memory += aligned(bytes_of(message));
    }
    begin_copies_out(stream_);
    end_copies_out(0, stream_, await);
    await(own.operated);
}

Staging::Slot& Staging::slot(std::size_t chunk, std::size_t bytes) {
    constexpr std::size_t least = std::size_t{64} << 10;
    std::unique_ptr<Slot>& own = slots_[chunk % slot_count];
    if (own == nullptr) own = std::make_unique<Slot>(device_);
    if (own->memory == nullptr || own->memory->bytes() < bytes) {
        own->memory.reset();
        own->memory = std::make_unique<DeviceMemory>(device_, std::max(std::bit_ceil(bytes), least));
    }
    return *own;
}

void Staging::copy_in(const std::byte* source, std::byte* target, std::size_t bytes, CudaStream stream, Await await) {
    for (std::size_t done = 0; done < bytes;) {
        const std::size_t length = std::min(piece_bytes, bytes - done);
        if (in_.size() <= next_in_) in_.push_back(std::make_unique<Piece>(device_));
        Piece& piece = *in_[next_in_];
        next_in_ = (next_in_ + 1) % pieces_in;
        if (piece.used) await(piece.copied);
        std::memcpy(piece.memory.get(), source + done, length);
        device_.cuda().check(
            device_.api().MemcpyHtoDAsync(device_address(target + done), piece.memory.get(), length, stream),
            "cuMemcpyHtoDAsync");
        piece.copied.record(stream);
        piece.used = true;
        done += length;
    }
}

void Staging::plan_copy_out(std::size_t chunk, const Event& after, const std::byte* source, std::byte* target,
                            std::size_t bytes) {
    for (std::size_t done = 0; done < bytes; done += piece_bytes) {
        copies_out_.push_back(
            {chunk, &after, source + done, target + done, std::min(piece_bytes, bytes - done), nullptr});
    }
}

void Staging::begin_copies_out(CudaStream stream) {
    for (; begun_ < copies_out_.size(); ++begun_) {
        if (free_out_.empty()) {
            if (out_.size() == pieces_out) return;
            out_.push_back(std::make_unique<Piece>(device_));
            free_out_.push_back(out_.back().get());
        }
        CopyOut& copy = copies_out_[begun_];
        copy.piece = free_out_.back();
        free_out_.pop_back();
        if (stream != stream_) copy.after->hold(stream);
        device_.cuda().check(
            device_.api().MemcpyDtoHAsync(copy.piece->memory.get(), device_address(copy.source), copy.bytes, stream),
            "cuMemcpyDtoHAsync");
        copy.piece->copied.record(stream);
    }
}

void Staging::end_copies_out(std::size_t chunk, CudaStream stream, Await await) {
    for (; ended_ < copies_out_.size() && copies_out_[ended_].chunk <= chunk; begin_copies_out(stream)) {
        // It has begun: copies begin in order, and only those that have begun hold pieces.
        const CopyOut& copy = copies_out_[ended_];
        await(copy.piece->copied);
        std::memcpy(copy.target, copy.piece->memory.get(), copy.bytes);
        ++ended_;
        free_out_.push_back(copy.piece);
    }
}

bool Staging::idle() const {
    return device_.is_idle(stream_) && (inwards_ == nullptr || device_.is_idle(inwards_->get())) &&
           (outwards_ == nullptr || device_.is_idle(outwards_->get()));
}

} // namespace nc::nccl
