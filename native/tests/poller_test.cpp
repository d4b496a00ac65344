// What every implementation of the poller keeps, whatever it waits with.
#include "os/poller.h"
#include "os/wakeup.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <thread>
#include <vector>

namespace nc {
namespace NC_FILE {

constexpr std::int64_t ample_ms = 30'000;
constexpr short failures = POLLERR | POLLHUP;

bool wait_for(int descriptor, short events, short& happened, std::int64_t timeout_ms) {
    Poller poller;
    poller.watch(descriptor, events);
    const bool something = poller.wait(deadline_after(timeout_ms));
    happened = poller.events(descriptor);
    return something;
}

// Both ends of a TCP connection over loopback.
class PollerTest : public ::testing::Test {
protected:
    PollerTest() {
        sockaddr_in any{};
        any.sin_family = AF_INET;
        any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        listener = listen_on(Address(reinterpret_cast<const sockaddr*>(&any), sizeof any), 4);
        own = open_socket(AF_INET);
        const Address address = Address::local(listener.get());
        EXPECT_TRUE(::connect(own.get(), address.get(), address.length()) == 0 || errno == EINPROGRESS);
        EXPECT_TRUE(wait_for(own.get(), POLLOUT, happened, ample_ms));
        EXPECT_TRUE(wait_for(listener.get(), POLLIN, happened, ample_ms));
        peer = accept_from(listener).connection;
        EXPECT_TRUE(peer.is_open());
    }

    void reset_peer() {
        reset_on_close(peer, true);
        peer.close();
    }

    void send_byte() { ASSERT_EQ(::send(peer.get(), "x", 1, MSG_NOSIGNAL), 1); }

    // Until nothing more is taken.
    void fill() {
        const std::vector<char> bytes(1 << 16);
        for (int attempts = 0; attempts < 3;) {
            if (::send(own.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0) {
                attempts = 0;
            } else {
                ++attempts;
                std::this_thread::sleep_for(std::chrono::milliseconds(20));
            }
        }
    }

    Descriptor listener;
    Descriptor own;
    Descriptor peer;
    short happened = 0;
};

TEST_F(PollerTest, AResetIsReportedIfNothingIsAsked) {
    EXPECT_FALSE(wait_for(own.get(), 0, happened, 20));
    EXPECT_EQ(happened, 0);
    std::thread resetting([this] { reset_peer(); });
    EXPECT_TRUE(wait_for(own.get(), 0, happened, ample_ms));
    resetting.join();
    EXPECT_EQ(happened & failures, failures);
}

TEST_F(PollerTest, AResetThatCameBeforeTheWaitIsReportedEveryTime) {
    reset_peer();
    ASSERT_TRUE(wait_for(own.get(), POLLIN, happened, ample_ms));
    Poller poller;
    for (int i = 0; i < 3; ++i) {
        poller.clear();
        poller.watch(own.get(), 0);
        EXPECT_TRUE(poller.wait(deadline_after(ample_ms)));
        EXPECT_NE(poller.events(own.get()) & POLLERR, 0);
    }
    EXPECT_EQ(take_error(own.get()), ECONNRESET) << "the poller leaves the error to its caller";
}

TEST_F(PollerTest, AResetIsReportedBehindBytesThatNobodyReads) {
    send_byte();
    ASSERT_TRUE(wait_for(own.get(), POLLIN, happened, ample_ms));
    EXPECT_FALSE(wait_for(own.get(), 0, happened, 50)) << "bytes were not asked for";
    EXPECT_EQ(happened, 0);
    std::thread resetting([this] {
        for (int i = 0; i < 10; ++i) send_byte();
        reset_peer();
    });
    EXPECT_TRUE(wait_for(own.get(), 0, happened, ample_ms));
    resetting.join();
    EXPECT_NE(happened & POLLERR, 0);
    EXPECT_EQ(happened & POLLIN, 0) << "it was not asked for";
}

TEST_F(PollerTest, AResetIsReportedToOneThatWaitsForRoom) {
    fill();
    EXPECT_FALSE(wait_for(own.get(), POLLOUT, happened, 50));
    std::thread resetting([this] { reset_peer(); });
    EXPECT_TRUE(wait_for(own.get(), POLLOUT, happened, ample_ms));
    resetting.join();
    EXPECT_NE(happened & failures, 0);
}

TEST_F(PollerTest, AResetAfterAnOrderlyEndIsReported) {
    ::shutdown(peer.get(), SHUT_WR);
    ASSERT_TRUE(wait_for(own.get(), events::peer_ended, happened, ample_ms));
    std::thread resetting([this] { reset_peer(); });
    EXPECT_TRUE(wait_for(own.get(), 0, happened, ample_ms));
    resetting.join();
    EXPECT_NE(happened & failures, 0);
}

TEST_F(PollerTest, AnOrderlyEndIsReportedOnlyIfAskedFor) {
    send_byte();
    ::shutdown(peer.get(), SHUT_WR);
    EXPECT_TRUE(wait_for(own.get(), events::peer_ended, happened, ample_ms));
    EXPECT_EQ(happened, events::peer_ended) << "bytes were not asked for";
    EXPECT_TRUE(wait_for(own.get(), POLLIN, happened, ample_ms));
    EXPECT_EQ(happened, POLLIN);
    EXPECT_FALSE(wait_for(own.get(), 0, happened, 50));
    EXPECT_EQ(happened, 0);
}

TEST_F(PollerTest, AnEndThatIsToComeIsReported) {
    std::thread ending([this] { ::shutdown(peer.get(), SHUT_WR); });
    EXPECT_TRUE(wait_for(own.get(), events::peer_ended, happened, ample_ms));
    ending.join();
    EXPECT_EQ(happened, events::peer_ended);
}

TEST_F(PollerTest, BytesDoNotWakeOneThatAskedForTheEnd) {
    std::thread sending([this] {
        for (int i = 0; i < 20; ++i) send_byte();
    });
    EXPECT_FALSE(wait_for(own.get(), events::peer_ended, happened, 100));
    sending.join();
    EXPECT_FALSE(wait_for(own.get(), events::peer_ended, happened, 50));
    EXPECT_EQ(happened, 0);
}

TEST_F(PollerTest, BytesAreReportedUntilTheyAreRead) {
    EXPECT_FALSE(wait_for(own.get(), POLLIN, happened, 20));
    send_byte();
    Poller poller;
    poller.watch(own.get(), POLLIN);
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(poller.wait(deadline_after(ample_ms)));
        EXPECT_EQ(poller.events(own.get()), POLLIN);
    }
    char byte = 0;
    ASSERT_EQ(::recv(own.get(), &byte, 1, 0), 1);
    EXPECT_FALSE(poller.wait(deadline_after(20)));
    EXPECT_EQ(poller.events(own.get()), 0);
}

TEST_F(PollerTest, RoomIsReported) {
    EXPECT_TRUE(wait_for(own.get(), POLLOUT, happened, ample_ms));
    EXPECT_EQ(happened, POLLOUT);
    fill();
    EXPECT_FALSE(wait_for(own.get(), POLLOUT, happened, 20));
    std::thread reading([this] {
        std::vector<char> bytes(1 << 16);
        short readable = 0;
        while (wait_for(peer.get(), POLLIN, readable, 200)) (void)::recv(peer.get(), bytes.data(), bytes.size(), 0);
    });
    EXPECT_TRUE(wait_for(own.get(), POLLOUT, happened, ample_ms));
    EXPECT_EQ(happened, POLLOUT);
    reading.join();
}

TEST_F(PollerTest, EntriesOfOneDescriptorAreMerged) {
    Poller poller;
    poller.watch(own.get(), POLLIN);
    poller.watch(listener.get(), POLLIN);
    poller.watch(own.get(), POLLOUT);
    poller.watch(own.get(), 0);
    EXPECT_TRUE(poller.wait(deadline_after(ample_ms)));
    EXPECT_EQ(poller.events(own.get()), POLLOUT);
    EXPECT_EQ(poller.events(listener.get()), 0);
    send_byte();
    ASSERT_TRUE(wait_for(own.get(), POLLIN, happened, ample_ms));
    EXPECT_TRUE(poller.wait(deadline_after(ample_ms)));
    EXPECT_EQ(poller.events(own.get()), POLLIN | POLLOUT);
}

TEST_F(PollerTest, WhatIsNoLongerWatchedDoesNotWake) {
    Poller poller;
    poller.watch(own.get(), POLLIN | POLLOUT);
    EXPECT_TRUE(poller.wait(deadline_after(ample_ms)));
    poller.clear();
    poller.watch(listener.get(), POLLIN);
    EXPECT_FALSE(poller.wait(deadline_after(20)));
    EXPECT_EQ(poller.events(own.get()), 0);
    poller.clear();
    poller.watch(own.get(), POLLIN);
    EXPECT_FALSE(poller.wait(deadline_after(20))) << "room was asked for before, and is not now";
    poller.clear();
    EXPECT_FALSE(poller.wait(deadline_after(20))) << "nothing is watched";
}

TEST_F(PollerTest, ANumberThatIsUsedAgainIsANewDescriptor) {
    Poller poller;
    poller.watch(own.get(), POLLIN);
    send_byte();
    EXPECT_TRUE(poller.wait(deadline_after(ample_ms)));
    const int number = own.get();
    own.close();
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    Descriptor reading(ends[0]);
    const Descriptor writing(ends[1]);
    if (reading.get() != number) reading = Descriptor(::fcntl(reading.get(), F_DUPFD, number));
    poller.clear();
    poller.watch(reading.get(), POLLIN);
    EXPECT_FALSE(poller.wait(deadline_after(20)));
    ASSERT_EQ(::write(writing.get(), "x", 1), 1);
    EXPECT_TRUE(poller.wait(deadline_after(ample_ms)));
    EXPECT_EQ(poller.events(reading.get()) & POLLIN, POLLIN);
}

TEST_F(PollerTest, AFailedAttemptToConnectIsReported) {
    const Address address = Address::local(listener.get());
    listener.close();
    const Descriptor socket = open_socket(AF_INET);
    const int error = ::connect(socket.get(), address.get(), address.length()) == 0 ? 0 : errno;
    if (error == ECONNREFUSED) return; // at once
    ASSERT_EQ(error, EINPROGRESS);
    EXPECT_TRUE(wait_for(socket.get(), POLLOUT, happened, ample_ms));
    EXPECT_EQ(take_error(socket.get()), ECONNREFUSED);
}

TEST_F(PollerTest, AClosedDescriptorIsReported) {
    const int number = own.get();
    own.close();
    EXPECT_TRUE(wait_for(number, POLLIN, happened, ample_ms));
    EXPECT_EQ(happened, POLLNVAL);
}

TEST(SignalTest, WakesAWaitFromAnotherThreadAndStays) {
    Wakeup signal;
    short happened = 0;
    EXPECT_FALSE(wait_for(signal.descriptor(), POLLIN, happened, 20));
    std::thread raising([&] { signal.raise(); });
    EXPECT_TRUE(wait_for(signal.descriptor(), POLLIN, happened, ample_ms));
    raising.join();
    for (int i = 0; i < 100'000; ++i) signal.raise();
    EXPECT_TRUE(wait_for(signal.descriptor(), POLLIN, happened, ample_ms));
    EXPECT_EQ(happened, POLLIN);
}

TEST(PollerTimeTest, ADeadlineThatHasPassedLooksWithoutWaiting) {
    Wakeup signal;
    Poller poller;
    poller.watch(signal.descriptor(), POLLIN);
    EXPECT_FALSE(poller.wait(Deadline{}));
    signal.raise();
    EXPECT_TRUE(poller.wait(Deadline{}));
}

TEST(PollerTimeTest, AWaitDoesNotEndBeforeItsDeadline) {
    Wakeup signal;
    Poller poller;
    poller.watch(signal.descriptor(), POLLIN);
    const Deadline deadline = deadline_after(30);
    EXPECT_FALSE(poller.wait(deadline));
    EXPECT_GE(Clock::now(), deadline);
}

TEST(PollerTimeTest, ADeadlineFarAwayIsNoReasonNotToWait) {
    Wakeup signal;
    Poller poller;
    poller.watch(signal.descriptor(), POLLIN);
    std::thread raising([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        signal.raise();
    });
    EXPECT_TRUE(poller.wait(deadline_after(longest_timeout_ms)));
    raising.join();
}

} // namespace NC_FILE
} // namespace nc
