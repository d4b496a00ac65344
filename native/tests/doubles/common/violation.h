// What a caller did that the real library forbids, and how it is told.
#pragma once

#include <atomic>
#include <stdexcept>

#include "doubles/doubles.h"

namespace nc::doubles {

class Violation : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

class Violations {
public:
    // product is whose double this is: the beginning of every line.
    explicit Violations(const char* product) : product_(product) {}

    // Tells the callback, or prints the violation and ends the process.
    void report(const Violation& violation);
    void set_callback(nc_double_violation_callback callback) { callback_ = callback; }

private:
    const char* product_;
    std::atomic<nc_double_violation_callback> callback_ = nullptr;
};

} // namespace nc::doubles
