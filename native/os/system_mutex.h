// The system's own lock, where it is a part of somebody else's structure.
#pragma once

#include <pthread.h>

namespace nc {

using SystemMutex = pthread_mutex_t;

} // namespace nc
