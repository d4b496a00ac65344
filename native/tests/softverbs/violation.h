// What a caller did that verbs forbid: told on the standard error and remembered.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>

namespace nc::softverbs {

class Violations {
public:
    static Violations& instance();

    void report(const std::string& text);
    std::size_t copy(char* buffer, std::size_t size) const;
    void clear();
    void print(bool prints);

private:
    mutable std::mutex mutex_;
    std::string texts_;
    std::size_t count_ = 0;
    bool prints_ = true;
};

// Reports the violation and returns the errno, for calls that answer with it.
int violation(int error, const std::string& text);

} // namespace nc::softverbs
