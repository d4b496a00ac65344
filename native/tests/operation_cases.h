// Operations with what each rank gives to them and what is to come of them, for backends whose operations are tested
// one behind the other.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "element_reference.h"
#include "local_ranks.h"
#include "operation/reduction.h"
#include "operation/traits.h"

namespace nc::test {

using Lengths = std::vector<std::uint64_t>;

// Where the shorter of a rank's two buffers lies.
enum class Place { Apart, SendInReceive, ReceiveInSend };

// What one rank gives to an operation, and what is to come of it.
struct Part {
    nc_request request{};
    Buffer send;
    std::optional<Buffer> expected; // none: this rank receives nothing
    Place place = Place::Apart;
    std::size_t offset = 0; // in bytes, of the one buffer in the other
    Lengths send_counts;
    Lengths receive_counts;
};
using Parts = std::vector<Part>; // of all ranks

inline std::uint64_t total(const Lengths& lengths, int end) {
    std::uint64_t sum = 0;
    for (int i = 0; i < end; ++i) sum += lengths[index(i)];
    return sum;
}
inline std::uint64_t total(const Lengths& lengths) {
    return total(lengths, static_cast<int>(lengths.size()));
}

// Makes the parts of one operation after the other.
class Maker {
public:
    Maker(int ranks, unsigned seed) : n_(ranks), random_(seed) {}

    Parts all_reduce(nc_data_type type, nc_reduce_op op, std::size_t count, bool in_place) {
        return reduction(NC_ALL_REDUCE, type, op, count, -1, in_place);
    }

    Parts reduction(nc_operation operation, nc_data_type type, nc_reduce_op op, std::size_t count, int root,
                    bool in_place) {
        const auto values = numbers(n_, count, type, op, random_);
        const Buffer result = reduced(type, op, count, values);
        Parts parts = made(operation, type, root);
        for (int rank = 0; rank < n_; ++rank) {
            Part& part = parts[index(rank)];
            part.request.reduce_op = op;
            part.request.count = count;
            part.send = stored(type, count, values[index(rank)]);
            if (root >= 0 && rank != root) continue;
            part.expected = result;
            if (in_place) part.place = Place::ReceiveInSend;
        }
        return parts;
    }

    // of NC_SCAN or NC_EXCLUSIVE_SCAN
    Parts scan(nc_operation operation, nc_data_type type, nc_reduce_op op, std::size_t count, bool in_place) {
        const auto values = numbers(n_, count, type, op, random_);
        Parts parts = made(operation, type, -1);
        for (int rank = 0; rank < n_; ++rank) {
            Part& part = parts[index(rank)];
            part.request.reduce_op = op;
            part.request.count = count;
            part.send = stored(type, count, values[index(rank)]);
            const int last = operation == NC_SCAN ? rank + 1 : rank;
            if (last > 0) part.expected = reduced(type, op, count, {values.begin(), values.begin() + last});
            if (in_place && last > 0) part.place = Place::ReceiveInSend;
        }
        return parts;
    }

    Parts reduce_scatter(nc_data_type type, nc_reduce_op op, const Lengths& lengths, bool uneven, bool in_place) {
        const auto values = numbers(n_, total(lengths), type, op, random_);
        const Buffer result = reduced(type, op, total(lengths), values);
        Parts parts = made(NC_REDUCE_SCATTER, type, -1, uneven);
        for (int rank = 0; rank < n_; ++rank) {
            Part& part = parts[index(rank)];
            part.request.reduce_op = op;
            part.request.count = lengths[index(rank)];
            part.send = stored(type, total(lengths), values[index(rank)]);
            part.offset = total(lengths, rank) * data_type_size(type);
            part.expected = slice_of(result, part.offset, lengths[index(rank)] * data_type_size(type));
            if (in_place) part.place = Place::ReceiveInSend;
            if (uneven) part.send_counts = lengths;
        }
        return parts;
    }

    // null: the root gives no receive buffer; otherwise in_place: it gives the same.
    Parts broadcast(nc_data_type type, std::size_t count, int root, bool in_place, bool null) {
        const Buffer data = random_elements(count * data_type_size(type), random_);
        Parts parts = made(NC_BROADCAST, type, root);
        for (int rank = 0; rank < n_; ++rank) {
            Part& part = parts[index(rank)];
            part.request.count = count;
            if (rank == root) part.send = data;
            if (rank != root || !null) part.expected = data;
            if (rank == root && in_place && !null) part.place = Place::ReceiveInSend;
        }
        return parts;
    }

    Parts gather(nc_operation operation, nc_data_type type, const Lengths& lengths, int root, bool uneven,
                 bool in_place) {
        const std::size_t item = data_type_size(type);
        const Buffer all = random_elements(total(lengths) * item, random_);
        Parts parts = made(operation, type, root, uneven);
        for (int rank = 0; rank < n_; ++rank) {
            Part& part = parts[index(rank)];
            part.request.count = lengths[index(rank)];
            part.offset = total(lengths, rank) * item;
            part.send = slice_of(all, part.offset, lengths[index(rank)] * item);
            if (operation == NC_GATHER && rank != root) continue;
            part.expected = all;
            if (in_place) part.place = Place::SendInReceive;
            if (uneven) part.receive_counts = lengths;
        }
        return parts;
    }

    Parts scatter(nc_data_type type, const Lengths& lengths, int root, bool uneven, bool in_place) {
        const std::size_t item = data_type_size(type);
        const Buffer all = random_elements(total(lengths) * item, random_);
        Parts parts = made(NC_SCATTER, type, root, uneven);
        for (int rank = 0; rank < n_; ++rank) {
            Part& part = parts[index(rank)];
            part.request.count = lengths[index(rank)];
            part.expected = slice_of(all, total(lengths, rank) * item, lengths[index(rank)] * item);
            if (rank != root) continue;
            part.send = all;
            part.offset = total(lengths, rank) * item;
            if (in_place) part.place = Place::ReceiveInSend;
            if (uneven) part.send_counts = lengths;
        }
        return parts;
    }

    // lengths[i * n + j]: elements from i to j.
    Parts all_to_all(nc_data_type type, const Lengths& lengths, bool uneven) {
        const std::size_t n = index(n_);
        std::vector<Buffer> blocks;
        for (const std::uint64_t length : lengths)
            blocks.push_back(random_elements(length * data_type_size(type), random_));
        Parts parts = made(NC_ALL_TO_ALL, type, -1, uneven);
        for (std::size_t rank = 0; rank < n; ++rank) {
            Part& part = parts[rank];
            part.request.count = uneven ? 0 : lengths[0];
            part.expected.emplace();
            for (std::size_t peer = 0; peer < n; ++peer) {
                append(part.send, blocks[rank * n + peer]);
                append(*part.expected, blocks[peer * n + rank]);
                if (!uneven) continue;
                part.send_counts.push_back(lengths[rank * n + peer]);
                part.receive_counts.push_back(lengths[peer * n + rank]);
            }
        }
        return parts;
    }

    // From one rank to another; the others have nothing to do.
    Parts send(nc_data_type type, std::size_t count, int from, int to) {
        Parts parts = made(NC_SEND, type, to);
        const Buffer message = random_elements(count * data_type_size(type), random_);
        for (int rank = 0; rank < n_; ++rank) {
            Part& part = parts[index(rank)];
            part.request.count = count;
            if (rank == from) {
                part.send = message;
            } else if (rank == to) {
                part.request.operation = NC_RECEIVE;
                part.request.peer = from;
                part.expected = message;
            } else {
                part.request.operation = NC_OPERATION_NONE;
            }
        }
        return parts;
    }

    Lengths uneven_lengths(std::size_t blocks, unsigned longest) {
        Lengths lengths(blocks);
        for (std::uint64_t& length : lengths) length = random_() % 3 == 0 ? 0 : random_() % longest;
        return lengths;
    }

    int any_rank() { return static_cast<int>(random_() % index(n_)); }

private:
    Parts made(nc_operation operation, nc_data_type type, int root, bool uneven = false) const {
        Parts parts(index(n_));
        for (Part& part : parts) {
            part.request = request_of(operation, type);
            part.request.peer = root;
            part.request.flags = uneven ? NC_REQUEST_UNEVEN : 0;
        }
        return parts;
    }

    int n_;
    std::mt19937 random_;
};

constexpr std::byte filler{0xee};
constexpr std::size_t margin = 64; // behind both buffers, which nobody may write to

// The two buffers as they lie in memory.
struct Layout {
    explicit Layout(const Part& part) {
        const std::size_t received = part.expected.has_value() ? part.expected->size() : 0;
        Buffer& sent_to = part.place == Place::SendInReceive ? second : first;
        first.assign(part.place == Place::SendInReceive ? 0 : part.send.size(), filler);
        second.assign(part.place == Place::ReceiveInSend ? 0 : received, filler);
        std::copy(part.send.begin(), part.send.end(),
                  sent_to.begin() + static_cast<std::ptrdiff_t>(part.place == Place::SendInReceive ? part.offset : 0));
        first.insert(first.end(), margin, filler);
        second.insert(second.end(), margin, filler);
    }
    Buffer first;  // begins with what is sent
    Buffer second; // begins with what is received
};

inline void place_buffers(nc_request& request, const Part& part, std::byte* first, std::byte* second) {
    request.send_buffer = part.send.empty()                    ? nullptr
                          : part.place == Place::SendInReceive ? second + part.offset
                                                               : first;
    if (!part.expected.has_value() || part.expected->empty()) return;
    request.receive_buffer = part.place == Place::ReceiveInSend ? first + part.offset : second;
}

inline void check_outcome(const Part& part, const Buffer& given, const Layout& layout, const std::string& what) {
    const Buffer untouched(margin, filler);
    EXPECT_TRUE(slice_of(layout.first, layout.first.size() - margin, margin) == untouched)
        << what << ": behind the send buffer";
    EXPECT_TRUE(slice_of(layout.second, layout.second.size() - margin, margin) == untouched)
        << what << ": behind the receive buffer";
    EXPECT_TRUE(part.place == Place::ReceiveInSend || layout.first == given)
        << what << ": the send buffer was written to";
    if (!part.expected.has_value()) return;
    const Buffer& from = part.place == Place::ReceiveInSend ? layout.first : layout.second;
    EXPECT_TRUE(slice_of(from, part.place == Place::ReceiveInSend ? part.offset : 0, part.expected->size()) ==
                *part.expected)
        << what;
}

// The function of NC_CUSTOM, for NC_INT32.
inline std::int32_t order_sensitive(void* calls, void* accumulated, const void* next, std::uint64_t count) {
    auto* sums = static_cast<std::int32_t*>(accumulated);
    const auto* values = static_cast<const std::int32_t*>(next);
    for (std::uint64_t i = 0; i < count; ++i) sums[i] = static_cast<std::int32_t>(of_both_in_order(sums[i], values[i]));
    if (calls != nullptr) ++*static_cast<int*>(calls);
    return 0;
}

// A rank's part, with buffers in host memory.
class Placed {
public:
    Placed(const Part& part, std::string what)
        : part_(part), what_(std::move(what)), layout_(part), given_(layout_.first) {
        request_ = part.request;
        request_.send_counts = part.send_counts.empty() ? nullptr : part.send_counts.data();
        request_.receive_counts = part.receive_counts.empty() ? nullptr : part.receive_counts.data();
        if (request_.reduce_op == NC_CUSTOM) request_.combine = order_sensitive;
        place_buffers(request_, part, layout_.first.data(), layout_.second.data());
    }
    Placed(const Placed&) = delete;
    Placed& operator=(const Placed&) = delete;

    const nc_request& request() const { return request_; }
    const std::string& what() const { return what_; }
    // Looks at what came of it.
    void check() const { check_outcome(part_, given_, layout_, what_); }

private:
    const Part& part_;
    const std::string what_;
    Layout layout_;
    const Buffer given_;
    nc_request request_;
};

// Runs a rank's part on host memory, and looks at what came of it.
inline void run_on_host(nc_group* group, const Part& part, const std::string& what) {
    if (part.request.operation == NC_OPERATION_NONE) return;
    const Placed placed(part, what);
    const Outcome outcome = execute(group, placed.request());
    ASSERT_EQ(outcome.status, NC_OK) << what << ": " << outcome.message();
    placed.check();
}

// The same of several, as one batch.
inline void run_together(nc_group* group, const std::vector<std::unique_ptr<Placed>>& all) {
    std::vector<const nc_request*> requests;
    for (const auto& placed : all) requests.push_back(&placed->request());
    const Outcome outcome = execute_batch(group, requests);
    ASSERT_EQ(outcome.status, NC_OK) << outcome.message() << ", request " << outcome.error.index;
    for (const auto& placed : all) placed->check();
}

struct Case {
    std::string what;
    Parts parts;
};

// Those that any type has, but bool no average.
constexpr nc_reduce_op all_ops[] = {NC_SUM, NC_PRODUCT, NC_MAX, NC_MIN, NC_AVERAGE};

inline void add_reductions(std::vector<Case>& cases, Maker& maker, int n, nc_data_type type, nc_reduce_op op,
                           std::size_t count, bool in_place) {
    if (type == NC_BOOL && op == NC_AVERAGE) return;
    const int root = maker.any_rank();
    const std::string what = text(reduce_op_name(op), " of ", count, ' ', data_type_name(type), " over ", n,
                                  " ranks, root ", root, in_place ? ", in place" : "");
    cases.push_back({"all-reduce, " + what, maker.all_reduce(type, op, count, in_place)});
    cases.push_back({"reduce, " + what, maker.reduction(NC_REDUCE, type, op, count, root, in_place)});
    cases.push_back(
        {"reduce-scatter, " + what, maker.reduce_scatter(type, op, Lengths(index(n), count), false, in_place)});
    cases.push_back(
        {"uneven reduce-scatter, " + what,
         maker.reduce_scatter(type, op, maker.uneven_lengths(index(n), 2 * static_cast<unsigned>(count) + 1), true,
                              in_place)});
}

// What is composed of other operations.
inline void add_composed(std::vector<Case>& cases, Maker& maker, int n, std::size_t count) {
    add_reductions(cases, maker, n, NC_INT32, NC_CUSTOM, count, false);
    add_reductions(cases, maker, n, NC_INT32, NC_CUSTOM, count, true);
    for (const nc_operation operation : {NC_SCAN, NC_EXCLUSIVE_SCAN}) {
        for (const auto& [type, op] : {std::pair{NC_INT32, NC_CUSTOM},
                                       {NC_FLOAT16, NC_SUM},
                                       {NC_INT64, NC_MAX},
                                       {NC_COMPLEX64, NC_PRODUCT},
                                       {NC_BOOL, NC_BITWISE_XOR}}) {
            for (const bool in_place : {false, true}) {
                cases.push_back({text(operation_name(operation), ", ", reduce_op_name(op), " of ", count, ' ',
                                      data_type_name(type), " over ", n, " ranks", in_place ? ", in place" : ""),
                                 maker.scan(operation, type, op, count, in_place)});
            }
        }
    }
}

inline void add_bitwise(std::vector<Case>& cases, Maker& maker, int n, std::size_t count) {
    for (const nc_data_type type : all_types) {
        if (type > NC_UINT64) continue;
        for (const nc_reduce_op op : {NC_BITWISE_AND, NC_BITWISE_OR, NC_BITWISE_XOR})
            add_reductions(cases, maker, n, type, op, count, type % 2 == 0);
    }
}

inline void add_moves(std::vector<Case>& cases, Maker& maker, int n, nc_data_type type, std::size_t count) {
    const auto longest = 2 * static_cast<unsigned>(count) + 1;
    const Lengths equal(index(n), count);
    for (const bool in_place : {false, true}) {
        const int root = maker.any_rank();
        const std::string what =
            text(count, ' ', data_type_name(type), " over ", n, " ranks, root ", root, in_place ? ", in place" : "");
        const Lengths lengths = maker.uneven_lengths(index(n), longest);
        cases.push_back({"broadcast, " + what, maker.broadcast(type, count, root, in_place, false)});
        cases.push_back({"all-gather, " + what, maker.gather(NC_ALL_GATHER, type, equal, 0, false, in_place)});
        cases.push_back({"gather, " + what, maker.gather(NC_GATHER, type, equal, root, false, in_place)});
        cases.push_back({"scatter, " + what, maker.scatter(type, equal, root, false, in_place)});
        cases.push_back({"uneven all-gather, " + what, maker.gather(NC_ALL_GATHER, type, lengths, 0, true, in_place)});
        cases.push_back({"uneven gather, " + what, maker.gather(NC_GATHER, type, lengths, root, true, in_place)});
        cases.push_back({"uneven scatter, " + what, maker.scatter(type, lengths, root, true, in_place)});
    }
    const int from = maker.any_rank();
    const std::string what = text(count, ' ', data_type_name(type), " over ", n, " ranks, root ", from);
    cases.push_back(
        {"broadcast without the root's receive buffer, " + what, maker.broadcast(type, count, from, true, true)});
    cases.push_back({"all-to-all, " + what, maker.all_to_all(type, Lengths(index(n * n), count), false)});
    cases.push_back(
        {"uneven all-to-all, " + what, maker.all_to_all(type, maker.uneven_lengths(index(n * n), longest), true)});
    if (n > 1)
        cases.push_back({"send, " + what,
                         maker.send(type, count, from, (from + 1 + static_cast<int>(maker.any_rank()) % (n - 1)) % n)});
}

} // namespace nc::test
