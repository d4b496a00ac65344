// Failures inside a library are exceptions; at its C edge they become an nc_status and an nc_error.
#pragma once

#include <exception>
#include <new>
#include <string>
#include <system_error>
#include <utility>

#include "base/standing.h"
#include "base/text.h"
#include "native_collectives.h"

namespace nc {

// An errno's explanation.
std::string system_error_text(int system_error);

class Error : public std::exception {
public:
    Error(nc_status status, std::string message, int peer = -1, int system_error = 0)
        : status(status), peer(peer), system_error(system_error), message_(std::move(message)) {}
    const char* what() const noexcept override { return message_.c_str(); }

    // What a call to the system ended with.
    static Error of_system(const char* call, int system_error) {
        return {NC_SYSTEM_ERROR, text(call, ": ", system_error_text(system_error)), -1, system_error};
    }

    // The same failure, from where it is known that all ranks are still in step: the group stays usable.
    Error still_in_step() const {
        Error known = *this;
        known.standing = NC_IN_STEP;
        return known;
    }

    // The same failure, of that request of a batch.
    Error of_request(std::size_t place) const {
        Error known = *this;
        known.index = static_cast<std::int32_t>(place);
        return known;
    }

    nc_status status;
    int peer;
    int system_error;
    nc_standing standing = NC_OUT_OF_STEP;
    std::int32_t index = -1;

private:
    std::string message_;
};

// Throws Error(NC_RENDEZVOUS_FAILED).
[[noreturn]] void fail_rendezvous(const std::string& message, int peer = -1, int system_error = 0);

// Fills what the caller gave, as far as its size says. error may be null.
void fill(nc_error* error, nc_status status, const char* message, int peer = -1, int system_error = 0,
          std::int32_t index = -1);

// An nc_error with its size set and nothing else in it.
nc_error empty_error();

// Copies source into what the caller gave. error may be null.
void copy_error(nc_error* error, const nc_error& source);

const char* status_name(nc_status status);

// Runs body, which returns nothing, and turns whatever it throws into a status. standing, if not null, is how the
// ranks stand after a failure.
template <class Body>
nc_status guarded(nc_error* error, nc_standing* standing, Body&& body) noexcept {
    if (standing != nullptr) *standing = NC_OUT_OF_STEP;
    try {
        body();
        return NC_OK;
    } catch (const Error& failure) {
        fill(error, failure.status, failure.what(), failure.peer, failure.system_error, failure.index);
        if (standing != nullptr) *standing = failure.standing;
        return failure.status;
    } catch (const std::system_error& failure) {
        fill(error, NC_SYSTEM_ERROR, failure.what(), -1, failure.code().value());
        return NC_SYSTEM_ERROR;
    } catch (const std::bad_alloc&) {
        fill(error, NC_OUT_OF_MEMORY, "out of memory");
        return NC_OUT_OF_MEMORY;
    } catch (const std::exception& failure) {
        fill(error, NC_INTERNAL_ERROR, failure.what());
        return NC_INTERNAL_ERROR;
    } catch (...) {
        fill(error, NC_INTERNAL_ERROR, "an unknown exception");
        return NC_INTERNAL_ERROR;
    }
}

template <class Body>
nc_status guarded(nc_error* error, Body&& body) noexcept {
    return guarded(error, nullptr, std::forward<Body>(body));
}

} // namespace nc
