// What all exported functions of the verbs share.
#pragma once

#include <infiniband/verbs.h>

#include <cerrno>
#include <new>
#include <string>

#include "softverbs/device.h"
#include "softverbs/faults.h"
#include "softverbs/record.h"
#include "softverbs/violation.h"

// The header makes macros of functions that are exported as well.
#undef ibv_query_port
#undef ibv_reg_mr

#define NC_EXPORT extern "C" __attribute__((visibility("default")))

namespace nc::softverbs {

// Begins a line about a call.
inline RecordLine& begin(RecordLine& line, const Device& device) {
    return line.text("host", device.socket.host).text("device", device.socket.device);
}

// No exception crosses the edge: body returns an errno.
template <class Body>
int guarded(Body&& body) noexcept {
    try {
        return body();
    } catch (const std::bad_alloc&) {
        return ENOMEM;
    } catch (...) {
        return EIO;
    }
}

// For functions that return an object, or null and errno. body stores the object and returns 0, or returns an errno.
template <class Object, class Body>
Object* made(Body&& body) noexcept {
    Object* object = nullptr;
    const int error = guarded([&] { return body(object); });
    if (error == 0) return object;
    errno = error;
    return nullptr;
}

} // namespace nc::softverbs
