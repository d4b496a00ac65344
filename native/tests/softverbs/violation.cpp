#include "softverbs/violation.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace nc::softverbs {

Violations& Violations::instance() {
    static auto& violations = *new Violations;
    return violations;
}

void Violations::report(const std::string& text) {
    const std::lock_guard lock(mutex_);
    if (prints_) std::fprintf(stderr, "softverbs: violation: %s\n", text.c_str());
    texts_ += text;
    texts_ += '\n';
    ++count_;
}

std::size_t Violations::copy(char* buffer, std::size_t size) const {
    const std::lock_guard lock(mutex_);
    if (buffer != nullptr && size > 0) {
        const std::size_t length = std::min(size - 1, texts_.size());
        std::memcpy(buffer, texts_.data(), length);
        buffer[length] = '\0';
    }
    return count_;
}

void Violations::print(bool prints) {
    const std::lock_guard lock(mutex_);
    prints_ = prints;
}

void Violations::clear() {
    const std::lock_guard lock(mutex_);
    texts_.clear();
    count_ = 0;
}

int violation(int error, const std::string& text) {
    Violations::instance().report(text);
    return error;
}

} // namespace nc::softverbs
