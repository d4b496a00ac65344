#include "base/error.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "base/enumeration.h"

namespace nc {

namespace {

// Cuts off the character that ends in the middle, as one may where a UTF-8 text was shortened.
void drop_partial_character(char* text) {
    const std::size_t length = std::strlen(text);
    std::size_t begin = length;
    while (begin > 0 && length - begin < 3 && (static_cast<unsigned char>(text[begin - 1]) & 0xc0U) == 0x80U) --begin;
    if (begin == 0) return;
    const auto lead = static_cast<unsigned char>(text[begin - 1]);
    const std::size_t needed = lead >= 0xf0U ? 4 : lead >= 0xe0U ? 3 : lead >= 0xc0U ? 2 : 1;
    if (length - begin + 1 < needed) text[begin - 1] = '\0';
}

} // namespace

std::string system_error_text(int system_error) {
    return std::generic_category().message(system_error);
}

void fail_rendezvous(const std::string& message, int peer, int system_error) {
    throw Error(NC_RENDEZVOUS_FAILED, message, peer, system_error);
}

nc_error empty_error() {
    nc_error error{};
    error.size = sizeof error;
    error.rank = -1;
    error.peer = -1;
    error.index = -1;
    return error;
}

void copy_error(nc_error* error, const nc_error& source) {
    if (error == nullptr || error->size < offsetof(nc_error, message) + 1) return;
    const std::uint32_t size = error->size;
    const std::size_t copied = std::min<std::size_t>(size, sizeof source);
    std::memcpy(error, &source, copied);
    error->size = size;
    reinterpret_cast<char*>(error)[copied - 1] = '\0';
    drop_partial_character(error->message);
}

void fill(nc_error* error, nc_status status, const char* message, int peer, int system_error, std::int32_t index) {
    if (error == nullptr) return;
    nc_error filled = empty_error();
    filled.status = status;
    filled.peer = peer;
    filled.system_error = system_error;
    filled.index = index;
    std::strncpy(filled.message, message, sizeof filled.message - 1);
    copy_error(error, filled);
}

const char* status_name(nc_status status) {
    // In the order of nc_status.
    static constexpr std::array names{"ok",
                                      "invalid argument",
                                      "backend unavailable",
                                      "not configured",
                                      "rendezvous failed",
                                      "peer lost",
                                      "timeout",
                                      "mismatch",
                                      "aborted",
                                      "cancelled",
                                      "closed",
                                      "not supported",
                                      "out of memory",
                                      "system error",
                                      "internal error",
                                      "library error",
                                      "function failed"};
    static_assert(names.size() == NC_FUNCTION_FAILED + 1);
    const std::uint32_t index = number(status);
    return index < names.size() ? names[index] : "unknown";
}

} // namespace nc
