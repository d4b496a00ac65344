// The record: one JSON object per line for every call of interest.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace nc::softverbs {

class Record {
public:
    static Record& instance();

    // Null ends the recording. 0, or an errno.
    int open(const char* path);
    bool on() const { return on_; }
    void write(const char* call, const std::string& members);

private:
    std::atomic<bool> on_ = false;
    std::mutex mutex_;
    int file_ = -1;
    std::uint64_t lines_ = 0;
};

// One line, written when it ends. It costs nothing while there is no record.
class RecordLine {
public:
    explicit RecordLine(const char* call) : call_(call), on_(Record::instance().on()) {}
    ~RecordLine() {
        if (on_) Record::instance().write(call_, members_);
    }
    RecordLine(const RecordLine&) = delete;
    RecordLine& operator=(const RecordLine&) = delete;

    bool on() const { return on_; }
    RecordLine& number(const char* name, std::uint64_t value);
    RecordLine& text(const char* name, std::string_view value);
    RecordLine& hex(const char* name, const void* bytes, std::size_t count);
    // Only of calls that failed.
    RecordLine& error(int error) { return error != 0 ? number("error", static_cast<std::uint64_t>(error)) : *this; }

private:
    const char* call_;
    bool on_;
    std::string members_;
};

std::string hex(const void* bytes, std::size_t count);

} // namespace nc::softverbs
