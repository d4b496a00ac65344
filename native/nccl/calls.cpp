#include "nccl/calls.h"

#include <utility>

#include "operation/traits.h"

namespace nc::nccl {
namespace {

// Calls between its beginning and end() are one to NCCL, so that sends and receives do not wait for each other.
class CallGroup {
public:
    explicit CallGroup(const NcclFunctions& api)
        : api_(api), result_(api.GroupStart()), open_(result_ == Result::Success) {}
    ~CallGroup() { end(); }
    CallGroup(const CallGroup&) = delete;
    CallGroup& operator=(const CallGroup&) = delete;

    // After the first failure nothing more is added.
    template <class Call>
    void add(Call&& call) {
        if (result_ != Result::Success) return;
        const Result result = call();
        if (result != Result::InProgress) result_ = result;
    }

    Result end() {
        if (!std::exchange(open_, false)) return result_;
        const Result result = api_.GroupEnd();
        if (result_ == Result::Success) result_ = result;
        return result_;
    }

private:
    const NcclFunctions& api_;
    Result result_;
    bool open_;
};

class Issue {
public:
    Issue(const NcclLibrary& nccl, Comm comm, const Device& device, CudaStream stream, const Shape& shape,
          const Buffers& buffers, int rank)
        : api_(nccl.api()),
          comm_(comm),
          device_(device),
          stream_(stream),
          shape_(shape),
          send_(buffers.send),
          receive_(buffers.receive),
          rank_(rank) {}

    Result run() {
        const Type type = shape_.mapping.type;
        const Reduction op = shape_.mapping.reduction;
        switch (shape_.operation) {
            case NC_ALL_REDUCE:
                return api_.AllReduce(send_, receive_, shape_.send[0].count, type, op, comm_, stream_);
            case NC_ALL_GATHER:
                return shape_.even ? api_.AllGather(send_, receive_, shape_.send[0].count, type, comm_, stream_)
                                   : all_gather_uneven();
            case NC_REDUCE_SCATTER:
                return shape_.even
                           ? api_.ReduceScatter(send_, receive_, shape_.receive[0].count, type, op, comm_, stream_)
                           : reduce_scatter_uneven();
            case NC_BROADCAST:
                return broadcast();
            case NC_REDUCE:
                return api_.Reduce(send_, is_root() ? receive_ : nullptr, shape_.send[0].count, type, op, shape_.root,
                                   comm_, stream_);
            case NC_GATHER:
                if (shape_.even && api_.Gather != nullptr)
                    return api_.Gather(send_, receive_, shape_.send[0].count, type, shape_.root, comm_, stream_);
                return by_messages();
            case NC_SCATTER:
                if (shape_.even && api_.Scatter != nullptr)
                    return api_.Scatter(send_, receive_, shape_.receive[0].count, type, shape_.root, comm_, stream_);
                return by_messages();
            case NC_ALL_TO_ALL:
                if (shape_.even && api_.AlltoAll != nullptr)
                    return api_.AlltoAll(send_, receive_, shape_.send[0].count, type, comm_, stream_);
                return by_messages();
            case NC_SEND:
                return api_.Send(send_, shape_.send[0].count, type, shape_.root, comm_, stream_);
            case NC_RECEIVE:
                return api_.Recv(receive_, shape_.receive[0].count, type, shape_.root, comm_, stream_);
            default:
                return Result::InvalidArgument;
        }
    }

private:
    bool is_root() const { return rank_ == shape_.root; }
    std::size_t own() const { return static_cast<std::size_t>(rank_); }
    const std::byte* sent(const Block& block) const { return send_ + block.offset * shape_.mapping.item; }
    std::byte* received(const Block& block) const { return receive_ + block.offset * shape_.mapping.item; }

    Result broadcast() {
        const std::size_t count = (shape_.send.empty() ? shape_.receive : shape_.send)[0].count;
        std::byte* target = receive_;
        // The root's own copy stays where it is; NCCL does not write to it then.
        if (is_root() && shape_.receive.empty()) target = const_cast<std::byte*>(send_);
        return api_.Broadcast(is_root() ? send_ : target, target, count, shape_.mapping.type, shape_.root, comm_,
                              stream_);
    }

    Result all_gather_uneven() {
        CallGroup group(api_);
        for (std::size_t rank = 0; rank < shape_.receive.size(); ++rank) {
            const Block& block = shape_.receive[rank];
            if (block.count == 0) continue;
            std::byte* target = received(block);
            const std::byte* source = rank == own() ? send_ : target;
            group.add([&] {
                return api_.Broadcast(source, target, block.count, shape_.mapping.type, static_cast<int>(rank), comm_,
                                      stream_);
            });
        }
        return group.end();
    }

    Result reduce_scatter_uneven() {
        CallGroup group(api_);
        for (std::size_t rank = 0; rank < shape_.send.size(); ++rank) {
            const Block& block = shape_.send[rank];
            if (block.count == 0) continue;
            std::byte* target = rank == own() ? receive_ : nullptr;
            group.add([&] {
                return api_.Reduce(sent(block), target, block.count, shape_.mapping.type, shape_.mapping.reduction,
                                   static_cast<int>(rank), comm_, stream_);
            });
        }
        return group.end();
    }

    // Gather, scatter and all-to-all: a rank's blocks go to, or come from, their ranks; a single one the root. What a
    // rank sends itself is a copy.
    Result by_messages() {
        const Sides& sides = traits_of(shape_.operation).sides(rank_, shape_.root);
        CallGroup group(api_);
        for_each_other(sides.send, shape_.send, [&](int rank, const Block& block) { send_to(group, rank, block); });
        for_each_other(sides.receive, shape_.receive,
                       [&](int rank, const Block& block) { receive_from(group, rank, block); });
        if (shape_.send.empty() || shape_.receive.empty()) return group.end();
        const Block& from = shape_.send[sides.send == Holds::Blocks ? own() : 0];
        const Block& to = shape_.receive[sides.receive == Holds::Blocks ? own() : 0];
        return with_own_copy(group.end(), sent(from), received(to), from.count);
    }

    template <class Exchange>
    void for_each_other(Holds side, std::span<const Block> blocks, Exchange&& exchange) {
        if (side == Holds::Own && !is_root()) exchange(shape_.root, blocks[0]);
        if (side != Holds::Blocks) return;
        for (std::size_t rank = 0; rank < blocks.size(); ++rank) {
            if (rank != own()) exchange(static_cast<int>(rank), blocks[rank]);
        }
    }

    void send_to(CallGroup& group, int rank, const Block& block) {
        if (block.count > 0)
            group.add([&] { return api_.Send(sent(block), block.count, shape_.mapping.type, rank, comm_, stream_); });
    }

    void receive_from(CallGroup& group, int rank, const Block& block) {
        if (block.count > 0)
            group.add(
                [&] { return api_.Recv(received(block), block.count, shape_.mapping.type, rank, comm_, stream_); });
    }

    // The result, and what a rank sends itself; that only if NCCL does its part.
    Result with_own_copy(Result result, const std::byte* source, std::byte* target, std::size_t count) {
        if ((result != Result::Success && result != Result::InProgress) || count == 0 || source == target)
            return result;
        device_.cuda().check(device_.api().MemcpyDtoDAsync(device_address(target), device_address(source),
                                                           count * shape_.mapping.item, stream_),
                             "cuMemcpyDtoDAsync");
        return result;
    }

    const NcclFunctions& api_;
    const Comm comm_;
    const Device& device_;
    const CudaStream stream_;
    const Shape& shape_;
    const std::byte* const send_;
    std::byte* const receive_;
    const int rank_;
};

} // namespace

Result issue(const NcclLibrary& nccl, Comm comm, const Device& device, CudaStream stream, const Shape& shape,
             const Buffers& buffers, int rank) {
    return Issue(nccl, comm, device, stream, shape, buffers, rank).run();
}

Result issue_together(const NcclLibrary& nccl, Comm comm, const Device& device, CudaStream stream,
                      std::span<const Placed> operations, int rank) {
    CallGroup group(nccl.api());
    for (const Placed& each : operations)
        group.add([&] { return issue(nccl, comm, device, stream, each.shape, each.buffers, rank); });
    return group.end();
}

} // namespace nc::nccl
