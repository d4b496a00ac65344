// One operation in progress, as its algorithm sees it: the request, the place in the group, and what moves data.
#pragma once

#include <span>
#include <utility>

#include "jaccl/engine.h"
#include "jaccl/jaccl_group.h"
#include "operation/agreement.h"
#include "operation/reduction.h"

namespace nc::jaccl {

class Operation : public OperationInProgress {
public:
    // reported: what messages call it; the request's operation unless given.
    Operation(JacclGroup& group, const nc_request& request, const nc_call& call,
              nc_operation reported = NC_OPERATION_NONE, Announced announced = Announced::Nothing)
        : OperationInProgress(request, call, group.rank(), group.size(), group.engine().scratch(), announced),
          wires(group.fabric().wires),
          group_(group),
          reported_(reported != NC_OPERATION_NONE ? reported : request.operation),
          combine_(combine_function(request.data_type, request.reduce_op, nan_rule(group, request.operation))) {}
    // A part of another operation, which has been announced.
    Operation(const Operation& whole, const nc_request& part)
        : Operation(whole.group_, part, whole.call, whole.reported_, Announced::AsPart) {}
    Operation(const Operation&) = delete;
    Operation& operator=(const Operation&) = delete;

    // Does what the request asks for.
    void run();

    const int wires;

    JacclGroup& group() const { return group_; }

    // Bytes of a message whose governing size is so many bytes.
    std::size_t frame(std::size_t governing) const { return frame_size(group_.settings().frames, governing); }

    // result = a op b for so many bytes of elements. Which is which matters for NaNs and signed zeros: jaccl-wire.md,
    // section 7. result may be either.
    void combine(std::byte* result, const std::byte* a, const std::byte* b, std::size_t bytes) const {
        combine_(result, b, a, bytes / item);
    }
    void run(std::span<const Flow> flows) const { group_.engine().run(flows, reported_, call); }
    // A flow of one exchange with messages of so many bytes, filled by the function.
    template <class Fill>
    Flow once(std::size_t frame, Fill fill) const {
        return scratch().keep([frame, fill, begun = false](Exchange& exchange) mutable {
            if (std::exchange(begun, true)) return false;
            exchange.reset(frame);
            fill(exchange);
            return true;
        });
    }
    template <class Fill>
    void exchange(std::size_t frame, const Fill& fill) const {
        const Flow flows[] = {once(frame, [&fill](Exchange& exchange) { fill(exchange); })};
        run(flows);
    }

    // All ranks' bytes, in rank order.
    void gather_bytes(const void* own, std::size_t bytes, void* all) const;
    // Tells the others what this rank does, and hears the same from them, unless that has been done. Throws
    // Error(NC_MISMATCH).
    void announce() const {
        if (announced == Announced::Nothing) announce(header_of(request));
    }
    void announce(const Header& own) const;
    // The blocks' lengths in elements, as agreed_lengths() gives them: all ranks announce the operation and exchange
    // what they were given.
    ScratchVector<std::uint64_t> announce_lengths() const;

private:
    // All-reduce is MLX's operation: where an MLX rank is in the group, NaNs are treated as it does.
    static NanRule nan_rule(const JacclGroup& group, nc_operation operation) {
        return operation == NC_ALL_REDUCE && !group.has_only_ours() ? NanRule::OfMlx : NanRule::Wins;
    }

    JacclGroup& group_;
    const nc_operation reported_;
    const Combine combine_;
};

// The algorithms, one file each.
namespace mesh {
void all_reduce(const Operation& operation);
void all_gather(const Operation& operation);
void reduce_scatter(const Operation& operation);
void broadcast(const Operation& operation);
void reduce(const Operation& operation);
void gather(const Operation& operation);
void scatter(const Operation& operation);
void all_to_all(const Operation& operation);
void gather_bytes(const Operation& operation, const void* own, std::size_t bytes, void* all);
} // namespace mesh

namespace ring {
void all_reduce(const Operation& operation);
void all_gather(const Operation& operation);
void reduce_scatter(const Operation& operation);
void broadcast(const Operation& operation);
void reduce(const Operation& operation);
void gather(const Operation& operation);
void scatter(const Operation& operation);
void all_to_all(const Operation& operation);
void gather_bytes(const Operation& operation, const void* own, std::size_t bytes, void* all);
} // namespace ring

void run_batch(JacclGroup& group, std::span<const nc_request> requests, const nc_call& call);

} // namespace nc::jaccl
