// What a peer says is checked before it is a length, an index or an amount. Each case is a lie that once reached memory
// which is not the operation's.
#include "fuzz_operations.h"
#include "raw_peer.h"

namespace nc::test {
namespace NC_FILE {

// Rank 0 of two with a peer that sends an announcement of its own: header and row.
class UntrustedPeer : public ::testing::Test {
protected:
    // Rank 0 issues the request; the peer announces the same, but says that its count is another, and that its counts
    // are these.
    Outcome told(const nc_request& request, std::uint64_t count, const Lengths& send_counts,
                 const Lengths& receive_counts, std::size_t data_bytes = 0) {
        RawPeer peer;
        const Header header = header_of(request);
        std::vector<std::uint64_t> row{count};
        row.insert(row.end(), send_counts.begin(), send_counts.end());
        row.insert(row.end(), receive_counts.begin(), receive_counts.end());
        std::vector<std::byte> said(sizeof header + row.size() * sizeof row[0] + data_bytes);
        std::memcpy(said.data(), &header, sizeof header);
        std::memcpy(said.data() + sizeof header, row.data(), row.size() * sizeof row[0]);
        Outcome outcome;
        std::thread rank([&] {
            outcome = execute(peer.group.get(), request);
            // As a program would, which lets the peer know.
            peer.group.reset();
        });
        // What travels to lower ranks goes to rank 0 by the connection that the peer accepted. Rank 0 may have left
        // before all of it is there.
        const std::byte* next = said.data();
        std::size_t left = said.size();
        while (left > 0 && ready(peer.left.get(), POLLOUT)) {
            const ssize_t sent = ::send(peer.left.get(), next, left, MSG_NOSIGNAL);
            if (sent < 0 && errno != EAGAIN) break;
            if (sent > 0) {
                next += sent;
                left -= static_cast<std::size_t>(sent);
            }
        }
        rank.join();
        return outcome;
    }

    void expect_refused(const Outcome& outcome) {
        EXPECT_EQ(outcome.status, NC_MISMATCH) << outcome.message();
        EXPECT_EQ(outcome.error.peer, 1) << outcome.message();
        EXPECT_NE(outcome.message().find("rank 1"), std::string::npos) << outcome.message();
    }

    static nc_request uneven(nc_operation operation, nc_data_type type, const Lengths& counts, const Fenced& sent,
                             Fenced& received) {
        nc_request request = request_of(operation, type, counts[0], sent.data(), received.data());
        request.flags = NC_REQUEST_UNEVEN;
        request.peer = -1;
        return request;
    }

    const Lengths counts_{4, 4};
    const Lengths none_{0, 0};
};

TEST_F(UntrustedPeer, SaysInAnUnevenAllGatherThatItsBlockIsLongerThanRankZerosCounts) {
    for (const std::uint64_t count : {1000U, 300'000U}) {
        const Fenced own(4 * sizeof(float));
        Fenced all(8 * sizeof(float));
        nc_request request = uneven(NC_ALL_GATHER, NC_FLOAT32, counts_, own, all);
        request.receive_counts = counts_.data();
        expect_refused(told(request, count, none_, counts_, count * sizeof(float)));
        EXPECT_TRUE(all.is_whole()) << count;
    }
}

TEST_F(UntrustedPeer, SaysInAnUnevenReduceScatterThatItsBlockIsLongerThanRankZerosCounts) {
    for (const std::uint64_t count : {1000U, 300'000U}) {
        const Fenced given(8 * sizeof(float));
        Fenced own(4 * sizeof(float));
        nc_request request = uneven(NC_REDUCE_SCATTER, NC_FLOAT32, counts_, given, own);
        request.send_counts = counts_.data();
        expect_refused(told(request, count, counts_, none_, count * sizeof(float)));
        EXPECT_TRUE(own.is_whole()) << count;
    }
}

// 2^62 + 4 floats are 16 bytes to whoever multiplies without looking.
TEST_F(UntrustedPeer, SaysACountWhoseBytesWrapToTheRightLength) {
    const std::uint64_t count = (std::uint64_t{1} << 62) + 4;
    {
        const Fenced own(4 * sizeof(float));
        Fenced all(8 * sizeof(float));
        nc_request request = uneven(NC_ALL_GATHER, NC_FLOAT32, counts_, own, all);
        request.receive_counts = counts_.data();
        expect_refused(told(request, count, none_, counts_, 4 * sizeof(float)));
        EXPECT_TRUE(all.is_whole());
    }
    const Fenced given(8 * sizeof(float));
    Fenced own(4 * sizeof(float));
    nc_request request = uneven(NC_REDUCE_SCATTER, NC_FLOAT32, counts_, given, own);
    request.send_counts = counts_.data();
    expect_refused(told(request, count, counts_, none_, 4 * sizeof(float)));
    EXPECT_TRUE(own.is_whole());
}

// No ranks are needed: a peer's numbers are to be made enumerators of only if they are some.
TEST(UntrustedHeader, NamesWhatIsNoOperationTypeOrOperator) {
    const Header own = header_of(request_of(NC_ALL_REDUCE, NC_INT32, 4));
    const auto message = [&](const std::function<void(Header&)>& lie) {
        Header theirs = own;
        lie(theirs);
        try {
            check_header(own, theirs, 3);
        } catch (const Error& error) {
            EXPECT_EQ(error.status, NC_MISMATCH);
            EXPECT_EQ(error.peer, 3);
            return std::string(error.what());
        }
        return std::string("not refused");
    };
    const char* const said = "this rank issued all-reduce sum of 4 int32, but rank 3 issued what is no operation here";
    EXPECT_EQ(message([](Header& header) { header.operation = 200; }), said);
    EXPECT_EQ(message([](Header& header) { header.data_type = 200; }), said);
    EXPECT_EQ(message([](Header& header) { header.reduce_op = 200; }), said);
    EXPECT_EQ(message([](Header& header) { header.flags = 128; }), said);
    EXPECT_EQ(message([](Header& header) { header.root = -7; }), said);
}

TEST_F(UntrustedPeer, SaysThatItsBlockIsEmpty) {
    const Fenced own(4 * sizeof(float));
    Fenced all(8 * sizeof(float));
    nc_request request = uneven(NC_ALL_GATHER, NC_FLOAT32, counts_, own, all);
    request.receive_counts = counts_.data();
    expect_refused(told(request, 0, none_, counts_));
    EXPECT_TRUE(all.is_whole());
}

} // namespace NC_FILE
} // namespace nc::test
