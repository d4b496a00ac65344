// Files that configure a group, and what may lie in their place: everything is read to its end, or is an error that
// names it, before the deadline.
#include "os/small_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "local_ranks.h"

namespace nc {
namespace NC_FILE {

using test::ample_ms;
using test::milliseconds_of;
using test::soon_ms;

class SmallFile : public ::testing::Test {
protected:
    SmallFile() {
        char pattern[] = "/tmp/nc_small_file_XXXXXX";
        folder_ = ::mkdtemp(pattern);
    }
    ~SmallFile() override { std::filesystem::remove_all(folder_); }

    std::string path(const std::string& name) const { return folder_ / name; }

    std::string fifo() const {
        EXPECT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
        return path("fifo");
    }

    static std::string read(const std::string& path, std::int64_t timeout_ms = ample_ms) {
        return read_small_file(path, "the file F", deadline_after(timeout_ms), {});
    }

    // The error's message behind "the file F cannot be read: ".
    static std::string refusal(const std::string& path, std::int64_t timeout_ms = ample_ms) {
        const std::string begin = "the file F cannot be read: ";
        try {
            return text("it was read, ", read(path, timeout_ms).size(), " bytes");
        } catch (const Error& error) {
            EXPECT_EQ(error.status, NC_RENDEZVOUS_FAILED);
            const std::string message = error.what();
            EXPECT_EQ(message.substr(0, begin.size()), begin);
            return message.substr(std::min(begin.size(), message.size()));
        }
    }

private:
    std::filesystem::path folder_;
};

TEST_F(SmallFile, IsReadWhole) {
    for (const std::size_t size : {0, 1, 16'383, 16'384, 16'385, 1'000'000}) {
        const std::string content(size, 'x');
        std::ofstream(path("file"), std::ios::binary | std::ios::trunc) << content;
        EXPECT_EQ(read(path("file")), content);
    }
    // A file is read whatever the deadline: nothing is waited for.
    EXPECT_EQ(read(path("file"), 0).size(), 1'000'000U);
}

TEST_F(SmallFile, MayBeAsLargeAsTheLimitAndNotLarger) {
    std::ofstream(path("file")).close();
    ASSERT_EQ(::truncate(path("file").c_str(), most_file_bytes), 0);
    EXPECT_EQ(read(path("file")).size(), most_file_bytes);
    ASSERT_EQ(::truncate(path("file").c_str(), most_file_bytes + 1), 0);
    EXPECT_EQ(refusal(path("file")), "it is larger than 16 MiB");
}

TEST_F(SmallFile, ThatIsMissingOrForbiddenIsAnError) {
    EXPECT_EQ(refusal(path("nothing")), "No such file or directory");
    EXPECT_EQ(refusal(path("nothing/below")), "No such file or directory");
    EXPECT_EQ(refusal(""), "No such file or directory");
}

#ifdef __linux__
TEST_F(SmallFile, ThatFailsToBeReadIsAnError) {
    EXPECT_EQ(refusal("/proc/self/mem"), "Input/output error");
}
#endif

TEST_F(SmallFile, OfAnotherKindIsRefused) {
    EXPECT_EQ(refusal(path("")), "it is a folder");
    EXPECT_EQ(refusal("/dev/zero"), "it is a device");
    EXPECT_EQ(refusal("/dev/tty"), "it is a device");
    EXPECT_EQ(read("/dev/null"), "");
    const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::strncpy(name.sun_path, path("socket").c_str(), sizeof name.sun_path - 1);
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
    EXPECT_EQ(refusal(path("socket")), "it is a socket");
}

TEST_F(SmallFile, MayBeAPipeWithAWriter) {
    const std::string fifo = this->fifo();
    const std::string content(200'000, 'y'); // more than a pipe holds
    std::thread writer([&] { std::ofstream(fifo, std::ios::binary) << content; });
    EXPECT_EQ(read(fifo), content);
    writer.join();
}

TEST_F(SmallFile, MayBeAPipeWhoseWriterTakesItsTime) {
    const std::string fifo = this->fifo();
    std::thread writer([&] {
        const Descriptor end(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
        for (int i = 0; i < 5; ++i) {
            EXPECT_EQ(::write(end.get(), "z", 1), 1);
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
    });
    EXPECT_EQ(read(fifo), "zzzzz");
    writer.join();
}

#ifdef __linux__
// As a shell's <(...) makes it.
TEST_F(SmallFile, MayBeAPipeThatWasWrittenBefore) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const Descriptor reading(ends[0]);
    Descriptor writing(ends[1]);
    ASSERT_EQ(::write(writing.get(), "[]", 2), 2);
    writing.close();
    EXPECT_EQ(read(text("/proc/self/fd/", reading.get())), "[]");
    // Now it is empty, as one whose writer has failed.
    EXPECT_EQ(refusal(text("/proc/self/fd/", reading.get())),
              "it is a pipe that was closed before anything was written to it");
}
#endif

TEST_F(SmallFile, ThatIsAPipeObeysTheDeadline) {
    const std::string fifo = this->fifo();
    EXPECT_LT(milliseconds_of([&] { EXPECT_EQ(refusal(fifo, 200), "nothing was written to it before the deadline"); }),
              200 + soon_ms);
    const Descriptor reading(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    const Descriptor writing(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
    ASSERT_TRUE(writing.is_open());
    EXPECT_LT(milliseconds_of([&] { EXPECT_EQ(refusal(fifo, 200), "nothing was written to it before the deadline"); }),
              200 + soon_ms);
    ASSERT_EQ(::write(writing.get(), "[", 1), 1);
    EXPECT_LT(milliseconds_of([&] { EXPECT_EQ(refusal(fifo, 200), "it had not ended at the deadline"); }),
              200 + soon_ms);
}

TEST_F(SmallFile, ThatIsAPipeIsNotReadWithoutBound) {
    const std::string fifo = this->fifo();
    const Descriptor reading(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    std::int32_t stop = 0;
    std::thread writer([&] {
        const Descriptor end(::open(fifo.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
        const std::string zeros(65'536, '\0');
        while (__atomic_load_n(&stop, __ATOMIC_RELAXED) == 0) {
            if (::write(end.get(), zeros.data(), zeros.size()) < 0) std::this_thread::yield();
        }
    });
    EXPECT_EQ(refusal(fifo), "it is larger than 16 MiB");
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    writer.join();
}

TEST_F(SmallFile, ThatIsAPipeObeysCancelling) {
    const std::string fifo = this->fifo();
    std::int32_t cancel = 0;
    std::thread waiting([&] {
        try {
            (void)read_small_file(fifo, "the file F", deadline_after(ample_ms), Cancellation(&cancel));
            ADD_FAILURE();
        } catch (const Error& error) {
            EXPECT_EQ(error.status, NC_CANCELLED);
        }
    });
    __atomic_store_n(&cancel, 1, __ATOMIC_RELAXED);
    EXPECT_LT(milliseconds_of([&] { waiting.join(); }), soon_ms);
}

TEST_F(SmallFile, LeavesNoDescriptorToAnotherProgram) {
    std::ofstream(path("file")) << "x";
    // The lowest free descriptor is what it will get.
    const int next = ::dup(0);
    ::close(next);
    const std::string fifo = this->fifo();
    std::int32_t cancel = 0;
    std::thread waiting([&] {
        EXPECT_THROW((void)read_small_file(fifo, "F", deadline_after(ample_ms), Cancellation(&cancel)), Error);
    });
    const Deadline limit = deadline_after(soon_ms);
    while (::fcntl(next, F_GETFD) < 0 && Clock::now() < limit) std::this_thread::yield();
    EXPECT_EQ(::fcntl(next, F_GETFD), FD_CLOEXEC);
    __atomic_store_n(&cancel, 1, __ATOMIC_RELAXED);
    waiting.join();
}

} // namespace NC_FILE
} // namespace nc
