// The way to the double of the driver, which somebody else in this process has opened.
#pragma once

#include <string>

#include "doubles/doubles.h"

namespace nc::doubles {

struct CudaBridge {
    nc_double_cuda_current_device_function* current_device = nullptr;
    nc_double_cuda_resolve_stream_function* resolve_stream = nullptr;
    nc_double_cuda_enqueue_function* enqueue = nullptr;
    nc_double_cuda_locate_function* locate = nullptr;
};

// Of several doubles of the driver, the one in which the calling thread has a current context. Throws Violation if
// there is none.
CudaBridge find_cuda();

} // namespace nc::doubles
