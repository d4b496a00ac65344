// The threads that the library starts.
#pragma once

#include <functional>
#include <thread>

namespace nc {

// Starts a thread that debuggers and profilers show by this name (15 characters at most on Linux). Signals that are
// sent to the process are the program's affair: the thread takes none of them. Throws std::system_error.
std::thread start_thread(const char* name, std::function<void()> body);

} // namespace nc
