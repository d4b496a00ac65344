#include "backend/announcement.h"

#include <algorithm>
#include <tuple>

#include "backend/data_type.h"
#include "backend/error.h"
#include "backend/reduction.h"

namespace nc {
namespace {

constexpr std::uint32_t header_magic = 0x3152434e; // "NCR1"

bool has_root(const Header& header) {
    return header.root >= 0;
}

std::string described(const Header& header) {
    std::ostringstream stream;
    stream << operation_name(static_cast<nc_operation>(header.operation));
    if (header.operation == NC_BARRIER || header.operation == NC_SPLIT) return stream.str();
    if (header.operation == NC_ALL_REDUCE || header.operation == NC_REDUCE_SCATTER || header.operation == NC_REDUCE) {
        stream << ' ' << reduce_op_name(static_cast<nc_reduce_op>(header.reduce_op));
    }
    stream << " of ";
    if ((header.flags & NC_REQUEST_UNEVEN) != 0) {
        stream << "uneven blocks of ";
    } else {
        stream << header.count << ' ';
    }
    stream << data_type_name(static_cast<nc_data_type>(header.data_type));
    if (has_root(header)) stream << " with root " << header.root;
    return stream.str();
}

} // namespace

Header header_of(const nc_request& request) {
    const bool reduces = request.operation == NC_ALL_REDUCE || request.operation == NC_REDUCE_SCATTER || request.operation == NC_REDUCE;
    const bool rooted =
        request.operation == NC_BROADCAST || request.operation == NC_REDUCE || request.operation == NC_GATHER || request.operation == NC_SCATTER;
    const bool moves = request.operation != NC_BARRIER && request.operation != NC_SPLIT;
    const bool uneven = moves && (request.flags & NC_REQUEST_UNEVEN) != 0;
    Header header{};
    header.magic = header_magic;
    header.operation = static_cast<std::uint8_t>(request.operation);
    header.data_type = static_cast<std::uint8_t>(moves ? request.data_type : 0);
    header.reduce_op = static_cast<std::uint8_t>(reduces ? request.reduce_op : 0);
    header.flags = static_cast<std::uint8_t>(uneven ? NC_REQUEST_UNEVEN : 0);
    header.root = rooted ? request.peer : -1;
    header.count = moves && !uneven ? request.count : 0;
    return header;
}

void check_header(const Header& own, const Header& other, int peer) {
    if (other.magic != own.magic) {
        throw Error(NC_MISMATCH,
                    text("rank ", peer, " did not begin the same operation, ", described(own),
                         ": it sent something else, as a rank of MLX or one that is an operation ahead or behind does"),
                    peer);
    }
    const auto key = [](const Header& header) {
        return std::tuple(header.operation, header.data_type, header.reduce_op, header.flags, header.root, header.count);
    };
    if (key(own) != key(other)) throw Error(NC_MISMATCH, text("this rank issued ", described(own), ", but rank ", peer, " issued ", described(other)), peer);
}

std::vector<std::uint64_t> own_lengths(const nc_request& request, int rank, int ranks) {
    const auto n = static_cast<std::size_t>(ranks);
    std::vector<std::uint64_t> own(length_row(ranks));
    own[0] = request.count;
    const bool is_root = request.peer == rank;
    const bool sends = request.operation == NC_REDUCE_SCATTER || request.operation == NC_ALL_TO_ALL || (request.operation == NC_SCATTER && is_root);
    const bool receives = request.operation == NC_ALL_GATHER || request.operation == NC_ALL_TO_ALL || (request.operation == NC_GATHER && is_root);
    if (sends) std::copy_n(request.send_counts, n, own.begin() + 1);
    if (receives) std::copy_n(request.receive_counts, n, own.begin() + 1 + static_cast<std::ptrdiff_t>(n));
    return own;
}

std::vector<std::uint64_t> agreed_lengths(const nc_request& request, int rank, int ranks, const std::vector<std::uint64_t>& all) {
    const auto n = static_cast<std::size_t>(ranks);
    const std::size_t row = length_row(ranks);
    const auto count = [&](std::size_t i) { return all[i * row]; };
    const auto sent = [&](std::size_t i, std::size_t j) { return all[i * row + 1 + j]; };
    const auto received = [&](std::size_t i, std::size_t j) { return all[i * row + 1 + n + j]; };
    const auto require = [&](std::uint64_t a, std::size_t i, std::uint64_t b, std::size_t j, std::size_t block) {
        if (a == b) return;
        throw Error(
            NC_MISMATCH,
            text("in an uneven ", operation_name(request.operation), ", rank ", i, " gives ", a, " elements for block ", block, ", but rank ", j, " gives ", b),
            static_cast<int>(static_cast<int>(i) == rank ? j : i));
    };
    std::vector<std::uint64_t> lengths;
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
            switch (request.operation) {
                case NC_ALL_TO_ALL:
                    require(sent(i, j), i, received(j, i), j, j);
                    lengths.push_back(sent(i, j));
                    break;
                case NC_REDUCE_SCATTER:
                    require(sent(i, j), i, sent(j, j), j, j);
                    break;
                case NC_ALL_GATHER:
                    require(received(i, j), i, received(j, j), j, j);
                    break;
                default:
                    break;
            }
        }
        const auto root = static_cast<std::size_t>(std::max(request.peer, 0));
        if (request.operation == NC_GATHER) require(received(root, i), root, count(i), i, i);
        if (request.operation == NC_SCATTER) require(sent(root, i), root, count(i), i, i);
        if (request.operation != NC_ALL_TO_ALL) lengths.push_back(count(i));
    }
    return lengths;
}

} // namespace nc
