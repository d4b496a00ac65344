#include "operation/batch.h"

#include <algorithm>
#include <cstring>

#include "operation/blocks.h"
#include "operation/composition.h"
#include "operation/data_type.h"
#include "operation/traits.h"

namespace nc {
namespace {

// Copying more than this costs more than a step does.
constexpr std::size_t largest_to_join = 64 * 1024;
constexpr std::size_t largest_joined = std::size_t{1} << 20;

// Whether all ranks see in the request that it can be joined with others: they must decide alike.
bool may_join(const nc_request& request) {
    return (request.flags & (NC_REQUEST_UNEVEN | NC_REQUEST_DEVICE)) == 0 && !is_composed(request);
}

bool is_same_kind(const nc_request& a, const nc_request& b) {
    const Traits& traits = traits_of(a.operation);
    return a.operation == b.operation && (!traits.has_root || a.peer == b.peer) &&
           (!traits.reduces || (a.data_type == b.data_type && a.reduce_op == b.reduce_op));
}

// One buffer of several requests: every block of it holds theirs, one behind the other.
class JoinedBuffer {
public:
    JoinedBuffer(Holds holds, std::size_t ranks, std::size_t block_bytes, Scratch& scratch)
        : blocks_(holds == Holds::Nothing ? 0
                  : holds == Holds::Own   ? 1
                                          : ranks),
          block_bytes_(block_bytes) {
        if (blocks_ > 0) memory_ = scratch.take(blocks_ * block_bytes);
    }

    std::byte* memory() const { return memory_; }

    // Calls copy(of the joined buffer, of the request's, bytes) for each of the request's blocks.
    template <class Copy>
    void for_each(std::size_t begin, std::byte* own, std::size_t bytes, const Copy& copy) const {
        for (std::size_t i = 0; i < blocks_ && bytes > 0; ++i)
            copy(memory_ + i * block_bytes_ + begin, own + i * bytes, bytes);
    }

private:
    std::size_t blocks_;
    std::size_t block_bytes_;
    std::byte* memory_ = nullptr;
};

std::size_t block_bytes(const nc_request& request) {
    return request.count * data_type_size(request.data_type);
}

} // namespace

Batch::Batch(std::span<const nc_request> requests, int rank, int ranks, Scratch& scratch)
    : requests_(requests),
      rank_(rank),
      ranks_(static_cast<std::size_t>(ranks)),
      scratch_(scratch),
      messages_(scratch),
      collectives_(scratch) {
    for (std::size_t i = 0; i < requests.size(); ++i)
        (traits_of(requests[i].operation).is_to_peer ? messages_ : collectives_).push_back(i);
}

Header Batch::header() const {
    ScratchVector<nc_request> collectives(scratch_);
    for (const std::size_t place : collectives_) collectives.push_back(requests_[place]);
    return header_of_batch(collectives);
}

std::size_t Batch::bytes_of(const nc_request& request) const {
    const bool has_blocks = traits_of(request.operation).has_blocks();
    const std::size_t bytes = block_bytes(request);
    // Of more than this nobody asks how much more.
    return std::min(bytes, largest_joined) * (has_blocks ? ranks_ : 1);
}

std::size_t Batch::joinable_from(std::size_t first) const {
    const nc_request& like = requests_[collectives_[first]];
    if (!may_join(like)) return 1;
    std::size_t total = 0;
    std::size_t count = 0;
    for (; first + count < collectives_.size(); ++count) {
        const nc_request& next = requests_[collectives_[first + count]];
        const std::size_t bytes = bytes_of(next);
        if (!may_join(next) || !is_same_kind(like, next) || bytes > largest_to_join || total + bytes > largest_joined)
            break;
        total += bytes;
    }
    return std::max<std::size_t>(count, 1);
}

void Batch::run_collectives(FunctionRef<void(const nc_request& request)> run) const {
    std::size_t next = 0;
    while (next < collectives_.size()) {
        const std::size_t count = joinable_from(next);
        const Scratch::Mark mark = scratch_.mark();
        try {
            if (count == 1) {
                run(requests_[collectives_[next]]);
            } else {
                run_joined(std::span(collectives_).subspan(next, count), run);
            }
        } catch (const Error& error) {
            Error known = error.of_request(collectives_[next]);
            // What was before it has been done.
            if (next > 0 || !messages_.empty()) known.standing = NC_OUT_OF_STEP;
            throw known;
        }
        scratch_.rewind(mark);
        next += count;
    }
}

void Batch::run_joined(std::span<const std::size_t> places, FunctionRef<void(const nc_request& request)> run) const {
    nc_request joined = requests_[places.front()];
    const Traits& traits = traits_of(joined.operation);
    const Sides& sides = traits.sides(rank_, joined.peer);
    std::size_t bytes = 0; // of a block
    for (const std::size_t place : places) bytes += block_bytes(requests_[place]);
    // Elements of different types are plain bytes where nothing is computed with them.
    if (!traits.reduces) joined.data_type = NC_UINT8;
    joined.count = bytes / data_type_size(joined.data_type);
    const JoinedBuffer sent(sides.send, ranks_, bytes, scratch_);
    const JoinedBuffer received(sides.receive, ranks_, bytes, scratch_);
    joined.send_buffer = sent.memory();
    joined.receive_buffer = received.memory();
    const auto for_all = [&](const JoinedBuffer& buffer, auto own, auto copy) {
        std::size_t begin = 0;
        for (const std::size_t place : places) {
            const nc_request& request = requests_[place];
            buffer.for_each(begin, static_cast<std::byte*>(own(request)), block_bytes(request), copy);
            begin += block_bytes(request);
        }
    };
    for_all(
        sent, [](const nc_request& request) { return const_cast<void*>(request.send_buffer); },
        [](std::byte* inside, const std::byte* own, std::size_t length) { std::memcpy(inside, own, length); });
    run(joined);
    for_all(
        received, [](const nc_request& request) { return request.receive_buffer; },
        [](const std::byte* inside, std::byte* own, std::size_t length) { std::memcpy(own, inside, length); });
    if (joined.operation != NC_BROADCAST || joined.peer != rank_) return;
    // The root may want its own data elsewhere as well.
    for (const std::size_t place : places) {
        const nc_request& request = requests_[place];
        copy_block(static_cast<std::byte*>(request.receive_buffer), static_cast<const std::byte*>(request.send_buffer),
                   block_bytes(request));
    }
}

} // namespace nc
