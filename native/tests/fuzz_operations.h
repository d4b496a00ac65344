// Operations that begin with an announcement, and every field that a rank could lie about in it.
#pragma once

#include <memory>

#include "fuzz.h"
#include "operation/announcement.h"
#include "operation/backend.h"
#include "operation_cases.h"

namespace nc::test {

// A number that a rank announces.
struct Field {
    std::string name;
    std::size_t place; // from the announcement's begin
    std::size_t bytes;
    std::uint64_t truth;
    // Of the announcement itself: whatever else is said there, the ranks do not do the same. Of lengths, only those
    // that the operation has matter.
    bool must_be_noticed;
};

inline std::vector<Field> header_fields(const nc_request& request) {
    const Header header = header_of(request);
    return {{"magic", offsetof(Header, magic), 4, header.magic, true},
            {"operation", offsetof(Header, operation), 1, header.operation, true},
            {"data_type", offsetof(Header, data_type), 1, header.data_type, true},
            {"reduce_op", offsetof(Header, reduce_op), 1, header.reduce_op, true},
            {"flags", offsetof(Header, flags), 1, header.flags, true},
            {"root", offsetof(Header, root), 4, static_cast<std::uint32_t>(header.root), true},
            {"reserved", offsetof(Header, reserved), 4, header.reserved, false},
            {"count", offsetof(Header, count), 8, header.count, true}};
}

// A rank's row of lengths, which begins at that place.
inline std::vector<Field> length_fields(const nc_request& request, int rank, int ranks, std::size_t place) {
    Scratch scratch;
    const auto row = own_lengths(request, rank, ranks, scratch);
    std::vector<Field> fields;
    for (std::size_t i = 0; i < row.size(); ++i)
        fields.push_back(
            {text("length ", i, " of rank ", rank), place + i * sizeof row[0], sizeof row[0], row[i], false});
    return fields;
}

// What to say instead, in the order of the wire.
inline std::vector<std::byte> said(const Field& field, std::uint64_t value) {
    std::vector<std::byte> bytes(field.bytes);
    std::memcpy(bytes.data(), &value, field.bytes);
    return bytes;
}

// An operation of all ranks.
struct AnnouncedCase {
    std::string what;
    Parts parts;
    bool is_uneven = false;
};

enum class Wire { Ring, Jaccl };

inline AnnouncedCase announced_case(Dice& dice, int n, Wire wire) {
    Maker maker(n, static_cast<unsigned>(dice.bits()));
    const auto type = dice.one_of({NC_UINT8, NC_INT16, NC_FLOAT32, NC_UINT64, NC_COMPLEX64});
    const auto longest = dice.one_of({4U, 20U, 20U, 3000U});
    const std::size_t count = dice.below(longest);
    const bool uneven = !dice.one_in(4);
    const Lengths lengths = uneven ? maker.uneven_lengths(index(n), longest) : Lengths(index(n), count);
    const int root = maker.any_rank();
    AnnouncedCase made;
    const auto take = [&](const char* name, Parts parts) {
        made = {text(name, " of ", data_type_name(type), " over ", n, " ranks, root ", root, ", at most ", longest),
                std::move(parts), uneven};
        return made;
    };
    switch (dice.below(uneven ? 5 : 7)) {
        case 0:
            // MLX's own on jaccl if its blocks are equal, as all-gather and barrier are: without an announcement.
            if (!uneven && wire == Wire::Jaccl)
                return take("reduce", maker.reduction(NC_REDUCE, type, NC_SUM, count, root, false));
            return take("reduce-scatter",
                        maker.reduce_scatter(type, dice.one_of({NC_SUM, NC_MAX}), lengths, uneven, false));
        case 1:
            return take("gather", maker.gather(NC_GATHER, type, lengths, root, uneven, false));
        case 2:
            return take("scatter", maker.scatter(type, lengths, root, uneven, false));
        case 3:
            return take(
                "all-to-all",
                maker.all_to_all(
                    type, uneven ? maker.uneven_lengths(index(n * n), longest) : Lengths(index(n * n), count), uneven));
        case 4:
            if (uneven) return take("all-gather", maker.gather(NC_ALL_GATHER, type, lengths, 0, true, false));
            if (wire == Wire::Jaccl) return take("broadcast", maker.broadcast(type, count, root, false, false));
            return take("barrier", Parts(index(n), Part{request_of(NC_BARRIER), {}, {}, Place::Apart, 0, {}, {}}));
        case 5:
            return take("broadcast", maker.broadcast(type, count, root, false, false));
        default:
            return take("reduce", maker.reduction(NC_REDUCE, type, NC_SUM, count, root, false));
    }
}

// A rank's part in memory that nobody may write beside.
class FencedPart {
public:
    explicit FencedPart(const Part& part)
        : part_(part),
          send_(part.send.size()),
          receive_(part.expected.has_value() ? part.expected->size() : 0, filler),
          request_(part.request) {
        std::copy(part.send.begin(), part.send.end(), send_.data());
        request_.send_buffer = send_.size() > 0 ? send_.data() : nullptr;
        request_.receive_buffer = receive_.size() > 0 ? receive_.data() : nullptr;
        request_.send_counts = part.send_counts.empty() ? nullptr : part.send_counts.data();
        request_.receive_counts = part.receive_counts.empty() ? nullptr : part.receive_counts.data();
    }

    const nc_request& request() const { return request_; }
    bool is_whole() const { return send_.is_whole() && receive_.is_whole(); }
    bool is_right() const {
        return !part_.expected.has_value() ||
               std::equal(part_.expected->begin(), part_.expected->end(), receive_.data());
    }

private:
    const Part& part_;
    Fenced send_;
    Fenced receive_;
    nc_request request_;
};

// The bytes of the data that the operation moves, on all ranks.
inline std::size_t bytes_of(const AnnouncedCase& operation) {
    std::size_t bytes = 0;
    for (const Part& part : operation.parts)
        bytes += part.send.size() + (part.expected.has_value() ? part.expected->size() : 0);
    return bytes;
}

inline nc_call call_within(std::int64_t milliseconds) {
    const auto deadline = deadline_after(milliseconds).time_since_epoch();
    return {std::chrono::duration_cast<std::chrono::nanoseconds>(deadline).count(), milliseconds, 1, nullptr, nullptr};
}

// What came of each rank's part, of which one lied.
struct Ends {
    explicit Ends(int ranks) : status(index(ranks), NC_OK), message(index(ranks)), peer(index(ranks), -1) {}
    void take(int rank, const nc_error& error) {
        status[index(rank)] = error.status;
        message[index(rank)] = error.message;
        peer[index(rank)] = error.peer;
    }
    std::vector<nc_status> status;
    std::vector<std::string> message;
    std::vector<int> peer;
};

// What a group told the core while no operation ran.
class Loss {
public:
    void listen(nc_backend_options& options) {
        options.fault = [](void* context, const nc_error* error) {
            auto& loss = *static_cast<Loss*>(context);
            const std::lock_guard lock(loss.mutex_);
            loss.error_ = *error;
        };
        options.fault_context = this;
    }
    void take(nc_error& instead) {
        const std::lock_guard lock(mutex_);
        if (error_.status != NC_OK) instead = error_;
    }

private:
    std::mutex mutex_;
    nc_error error_ = empty_error();
};

// Runs the body of every rank of groups that a backend made; a rank that fails ends its group, as the core does. The
// liar does not wait for what others will not say any more.
template <class Group>
Ends run_beside_liar(const std::vector<std::unique_ptr<Group>>& groups,
                     const std::vector<std::unique_ptr<Loss>>& losses, int liar,
                     const std::function<void(int, Group&)>& body) {
    const int ranks = static_cast<int>(groups.size());
    Ends ends(ranks);
    std::atomic<int> honest{ranks - 1};
    on_all_ranks(ranks, [&](int rank) {
        nc_error error = empty_error();
        if (guarded(&error, [&] { body(rank, *groups[index(rank)]); }) != NC_OK) groups[index(rank)]->abort();
        if (error.status == NC_ABORTED) losses[index(rank)]->take(error);
        ends.take(rank, error);
        if (rank != liar && --honest == 0) groups[index(liar)]->abort();
    });
    return ends;
}

// Every rank that told the truth has the right result, or knows that it has none and who is to blame; and if somebody
// had to notice, somebody has.
inline std::string judged(const Ends& ends, const std::vector<std::unique_ptr<FencedPart>>& parts, int liar,
                          bool must_be_noticed) {
    bool is_noticed = false;
    for (int rank = 0; rank < static_cast<int>(parts.size()); ++rank) {
        const FencedPart& part = *parts[index(rank)];
        EXPECT_TRUE(part.is_whole()) << "rank " << rank << " wrote beside its buffers";
        if (rank == liar) continue;
        const std::string what =
            text("rank ", rank, ": ", status_name(ends.status[index(rank)]), ": ", ends.message[index(rank)]);
        switch (ends.status[index(rank)]) {
            case NC_OK:
                EXPECT_TRUE(part.is_right()) << what << ": a wrong result without an error";
                break;
            case NC_MISMATCH:
                is_noticed = true;
                [[fallthrough]];
            case NC_PEER_LOST: // another one has noticed
                EXPECT_GE(ends.peer[index(rank)], 0) << what;
                EXPECT_LT(ends.peer[index(rank)], static_cast<int>(parts.size())) << what;
                EXPECT_NE(ends.message[index(rank)].find("rank "), std::string::npos) << what;
                break;
            default:
                ADD_FAILURE() << what;
        }
    }
    EXPECT_TRUE(is_noticed || !must_be_noticed) << "nobody noticed";
    return is_noticed ? "refused" : "harmless";
}

} // namespace nc::test
