#include "os/small_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/magic.h>
#include <sys/vfs.h>
#endif

#include <array>
#include <cerrno>

#include "base/error.h"
#include "os/descriptor.h"

namespace nc {
namespace {

// How often the deadline and the caller's wish to stop are looked at.
constexpr std::chrono::milliseconds check_interval{20};

constexpr const char* nothing_written = "nothing was written to it before the deadline";
constexpr const char* no_end = "it had not ended at the deadline";

class SmallFile {
public:
    SmallFile(const std::string& path, const std::string& name, Deadline deadline, const Cancellation& cancellation)
        : path_(path), name_(name), deadline_(deadline), cancellation_(cancellation) {}

    std::string read() {
        struct stat status {};
        // Looked at before it is opened: opening a device may do something to it.
        if (::stat(path_.c_str(), &status) != 0) fail(system_error_text(errno), errno);
        refuse_by_kind(status);
        open();
        if (::fstat(descriptor_.get(), &status) != 0) fail(system_error_text(errno), errno);
        refuse_by_kind(status);
        if (status.st_size > 0 && static_cast<std::uint64_t>(status.st_size) > most_file_bytes) too_large();
        return read_to_end(S_ISFIFO(status.st_mode));
    }

private:
    [[noreturn]] void fail(const std::string& why, int system_error = 0) const {
        fail_rendezvous(text(name_, " cannot be read: ", why), -1, system_error);
    }

    [[noreturn]] void too_large() const { fail(text("it is larger than ", most_file_bytes >> 20, " MiB")); }

    void refuse_by_kind(const struct stat& status) const {
        if (S_ISDIR(status.st_mode)) fail("it is a folder", EISDIR);
        if (S_ISSOCK(status.st_mode)) fail("it is a socket");
        if (S_ISBLK(status.st_mode)) fail("it is a device");
        struct stat null {};
        if (S_ISCHR(status.st_mode) && (::stat("/dev/null", &null) != 0 || null.st_rdev != status.st_rdev))
            fail("it is a device");
    }

    void open() {
        for (;;) {
            descriptor_ = Descriptor(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
            if (descriptor_.is_open()) return;
            // Somebody's lease on the file has to be broken first.
            if (errno != EAGAIN && errno != EINTR) fail(system_error_text(errno), errno);
            pause("it was in use until the deadline");
        }
    }

    std::string read_to_end(bool is_pipe) {
        // Where opening /dev/fd/N only duplicates, the descriptor may block, and is read only when it has something.
        const bool never_blocks = (::fcntl(descriptor_.get(), F_GETFL) & O_NONBLOCK) != 0;
        bool readable = never_blocks;
        std::array<char, 16384> chunk{};
        std::string content;
        for (;;) {
            const ssize_t got = readable ? ::read(descriptor_.get(), chunk.data(), chunk.size()) : -1;
            const int error = readable ? errno : EAGAIN;
            if (got > 0) {
                content.append(chunk.data(), static_cast<std::size_t>(got));
                if (content.size() > most_file_bytes) too_large();
                if (is_pipe) check_time(no_end);
            } else if (got == 0) {
                // A pipe is at its end before anybody has opened it for writing, too.
                if (!is_pipe || !content.empty()) return content;
                if (has_no_name()) fail("it is a pipe that was closed before anything was written to it");
                pause(nothing_written);
            } else if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR) {
                pollfd waiting{descriptor_.get(), POLLIN, 0};
                readable = ::poll(&waiting, 1, static_cast<int>(check_interval.count())) > 0 || never_blocks;
                check_time(content.empty() ? nothing_written : no_end);
            } else {
                fail(system_error_text(error), error);
            }
        }
    }

    // Nobody can open a pipe without a name for writing anew.
    bool has_no_name() const {
#ifdef __linux__
        struct statfs system {};
        return ::fstatfs(descriptor_.get(), &system) == 0 && system.f_type == PIPEFS_MAGIC;
#else
        return false;
#endif
    }

    void pause(const char* if_over) const {
        check_time(if_over);
        (void)::poll(nullptr, 0, static_cast<int>(check_interval.count()));
    }

    void check_time(const char* if_over) const {
        cancellation_.check();
        if (Clock::now() >= deadline_) fail(if_over);
    }

    const std::string& path_;
    const std::string& name_;
    const Deadline deadline_;
    const Cancellation& cancellation_;
    Descriptor descriptor_;
};

} // namespace

std::string read_small_file(const std::string& path, const std::string& name, Deadline deadline,
                            const Cancellation& cancellation) {
    return SmallFile(path, name, deadline, cancellation).read();
}

} // namespace nc
