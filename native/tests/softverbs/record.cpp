#include "softverbs/record.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>

namespace nc::softverbs {

Record& Record::instance() {
    static auto& record = *new Record;
    return record;
}

int Record::open(const char* path) {
    int file = -1;
    if (path != nullptr && *path != '\0') {
        file = ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (file < 0) {
            const int error = errno;
            std::fprintf(stderr, "softverbs: the record %s cannot be opened: %s\n", path, std::strerror(error));
            return error;
        }
    }
    const std::lock_guard lock(mutex_);
    if (file_ >= 0) ::close(file_);
    file_ = file;
    on_ = file >= 0;
    return 0;
}

void Record::write(const char* call, const std::string& members) {
    const std::lock_guard lock(mutex_);
    if (file_ < 0) return;
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    std::string line = "{\"n\":" + std::to_string(++lines_);
    line += ",\"t\":" + std::to_string(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
    line += ",\"call\":\"" + std::string(call) + '"' + members + "}\n";
    // One write per line: several processes may append to one file.
    if (::write(file_, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
        std::fprintf(stderr, "softverbs: a line of the record is lost\n");
}

RecordLine& RecordLine::number(const char* name, std::uint64_t value) {
    if (on_) members_ += ",\"" + std::string(name) + "\":" + std::to_string(value);
    return *this;
}

RecordLine& RecordLine::text(const char* name, std::string_view value) {
    if (!on_) return *this;
    members_ += ",\"" + std::string(name) + "\":\"";
    for (const char character : value) {
        if (character == '"' || character == '\\') members_ += '\\';
        if (static_cast<unsigned char>(character) >= 0x20) members_ += character;
    }
    members_ += '"';
    return *this;
}

RecordLine& RecordLine::hex(const char* name, const void* bytes, std::size_t count) {
    return on_ ? text(name, softverbs::hex(bytes, count)) : *this;
}

std::string hex(const void* bytes, std::size_t count) {
    constexpr char digits[] = "0123456789abcdef";
    const auto* byte = static_cast<const unsigned char*>(bytes);
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
        text += digits[byte[i] >> 4];
        text += digits[byte[i] & 15];
    }
    return text;
}

} // namespace nc::softverbs
