#include "operation/announcement.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "base/error.h"
#include "operation/data_type.h"
#include "operation/reduction.h"
#include "operation/traits.h"

namespace nc {
namespace {

constexpr std::uint32_t header_magic = 0x3152434e; // "NCR1"

bool has_root(const Header& header) {
    return header.root >= 0;
}

bool is_batch(const Header& header) {
    return header.operation == NC_BATCH;
}

std::string described(const Header& header) {
    // What a peer has said is made an enumerator of only if it is one.
    if (!is_header(header)) return "what is no operation here";
    if (is_batch(header)) return text("a batch of ", header.count, " collective operations");
    std::ostringstream stream;
    const Traits& traits = traits_of(static_cast<nc_operation>(header.operation));
    stream << traits.name;
    if (!traits.moves_data()) return stream.str();
    if (traits.reduces) stream << ' ' << reduce_op_name(static_cast<nc_reduce_op>(header.reduce_op));
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

// Lengths of blocks between other ranks are theirs alone to know; all of them in bytes, added up, must still be a
// number.
void check_bounds(const nc_request& request, int rank, int ranks, std::span<const std::uint64_t> lengths) {
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::ptrdiff_t>::max());
    std::uint64_t left = most / std::max<std::size_t>(data_type_size(request.data_type), 1);
    for (std::size_t i = 0; i < lengths.size(); ++i) {
        if (lengths[i] <= left) {
            left -= lengths[i];
            continue;
        }
        const int owner = static_cast<int>(
            lengths.size() == static_cast<std::size_t>(ranks) ? i : i / static_cast<std::size_t>(ranks));
        throw Error(NC_MISMATCH,
                    text("in an uneven ", operation_name(request.operation), ", rank ", owner, " gives a block of ",
                         lengths[i], " elements, which is more than any memory holds"),
                    owner == rank ? -1 : owner);
    }
}

} // namespace

Header header_of(const nc_request& request) {
    const Traits& traits = traits_of(request.operation);
    const bool moves = traits.moves_data();
    const bool uneven = moves && (request.flags & NC_REQUEST_UNEVEN) != 0;
    Header header{};
    header.magic = header_magic;
    header.operation = static_cast<std::uint8_t>(request.operation);
    header.data_type = static_cast<std::uint8_t>(moves ? request.data_type : 0);
    header.reduce_op = static_cast<std::uint8_t>(traits.reduces ? request.reduce_op : 0);
    header.flags = static_cast<std::uint8_t>(uneven ? NC_REQUEST_UNEVEN : 0);
    header.root = traits.has_root ? request.peer : -1;
    header.count = moves && !uneven ? request.count : 0;
    return header;
}

Header header_of_batch(std::span<const nc_request> requests) {
    // FNV-1a over the headers of all.
    std::uint32_t hash = 2'166'136'261;
    for (const nc_request& request : requests) {
        const Header header = header_of(request);
        for (const std::byte byte : std::as_bytes(std::span(&header, 1))) {
            hash ^= std::to_integer<std::uint32_t>(byte);
            hash *= 16'777'619;
        }
    }
    Header header{};
    header.magic = header_magic;
    header.operation = NC_BATCH;
    header.root = static_cast<std::int32_t>(hash >> 1);
    header.count = requests.size();
    return header;
}

bool begins_header(const Header& bytes) {
    return bytes.magic == header_magic;
}

bool is_header(const Header& bytes) {
    return begins_header(bytes) && bytes.reserved == 0 && bytes.operation > NC_OPERATION_NONE &&
           (bytes.operation < operation_count || is_batch(bytes)) && bytes.data_type < data_type_count &&
           bytes.reduce_op < reduce_op_count && (bytes.flags & ~NC_REQUEST_UNEVEN) == 0 && bytes.root >= -1;
}

void check_header(const Header& own, const Header& other, int peer) {
    if (other.magic != own.magic) {
        throw Error(NC_MISMATCH,
                    text("rank ", peer, " did not begin the same operation, ", described(own),
                         ": it sent something else, as a rank of MLX or one that is an operation ahead or behind does"),
                    peer);
    }
    const auto key = [](const Header& header) {
        return std::tuple(header.operation, header.data_type, header.reduce_op, header.flags, header.root,
                          header.count);
    };
    if (key(own) == key(other)) return;
    if (is_batch(own) && described(own) == described(other)) {
        throw Error(NC_MISMATCH,
                    text("this rank and rank ", peer, " both issued ", described(own),
                         ", but these are not the same or not in the same order"),
                    peer);
    }
    if (described(own) == described(other)) {
        throw Error(NC_MISMATCH,
                    text("this rank and rank ", peer, " both issued ", described(own),
                         ", but announce it differently: they are of different releases"),
                    peer);
    }
    throw Error(NC_MISMATCH,
                text("this rank issued ", described(own), ", but rank ", peer, " issued ", described(other)), peer);
}

ScratchVector<std::uint64_t> own_lengths(const nc_request& request, int rank, int ranks, Scratch& scratch) {
    const auto n = static_cast<std::size_t>(ranks);
    ScratchVector<std::uint64_t> own(length_row(ranks), 0, scratch);
    own[0] = request.count;
    const Sides& sides = traits_of(request.operation).sides(rank, request.peer);
    if (sides.send == Holds::Blocks) std::copy_n(request.send_counts, n, own.begin() + 1);
    if (sides.receive == Holds::Blocks)
        std::copy_n(request.receive_counts, n, own.begin() + 1 + static_cast<std::ptrdiff_t>(n));
    return own;
}

ScratchVector<std::uint64_t> agreed_lengths(const nc_request& request, int rank, int ranks,
                                            std::span<const std::uint64_t> said, Scratch& scratch) {
    const auto n = static_cast<std::size_t>(ranks);
    const auto self = static_cast<std::size_t>(rank);
    const auto root = static_cast<std::size_t>(std::max(request.peer, 0));
    const std::size_t row = length_row(ranks);
    // The room of every buffer of this rank comes from its own numbers, which the core has checked: what a peer says is
    // compared with them, and never used in their place.
    ScratchVector<std::uint64_t> all(said.begin(), said.end(), scratch);
    std::ranges::copy(own_lengths(request, rank, ranks, scratch),
                      all.begin() + static_cast<std::ptrdiff_t>(self * row));
    const auto count = [&](std::size_t i) { return all[i * row]; };
    const auto sent = [&](std::size_t i, std::size_t j) { return all[i * row + 1 + j]; };
    const auto received = [&](std::size_t i, std::size_t j) { return all[i * row + 1 + n + j]; };
    const auto require = [&](std::uint64_t a, std::size_t i, std::uint64_t b, std::size_t j, std::size_t block) {
        if (a == b) return;
        throw Error(NC_MISMATCH,
                    text("in an uneven ", operation_name(request.operation), ", rank ", i, " gives ", a,
                         " elements for block ", block, ", but rank ", j, " gives ", b),
                    static_cast<int>(i == self ? j : i));
    };
    ScratchVector<std::uint64_t> lengths(scratch);
    const Traits& traits = traits_of(request.operation);
    const bool spreads = traits.of_root.send == Holds::Blocks;
    for (std::size_t i = 0; i < n; ++i) {
        if (traits.has_blocks_both_ways()) {
            for (std::size_t j = 0; j < n; ++j) {
                require(sent(i, j), i, received(j, i), j, j);
                lengths.push_back(sent(i, j));
            }
            continue;
        }
        // The blocks are those of the root; where there is none, every rank has been given all their lengths.
        const std::size_t giver = traits.has_root ? root : self;
        const auto given = [&](std::size_t by, std::size_t j) { return spreads ? sent(by, j) : received(by, j); };
        for (std::size_t j = 0; !traits.has_root && j < n; ++j) require(given(i, j), i, given(self, j), self, j);
        require(count(i), i, given(giver, i), giver, i);
        lengths.push_back(traits.has_root ? count(i) : given(self, i));
    }
    check_bounds(request, rank, ranks, lengths);
    return lengths;
}

} // namespace nc
