// Device memory that a program owns by itself, apart from any group: the functions of nc_device_functions.
#pragma once

#include <cstdint>

#include "operation/backend.h"

namespace nc::nccl {

nc_status count_devices(std::int32_t* count, nc_error* error);
nc_status allocate_on_device(std::int32_t device, std::uint64_t bytes, void** address, nc_error* error);
// Never waits for the device.
nc_status free_on_device(std::int32_t device, void* address, nc_error* error);
nc_status copy_on_device(std::int32_t device, void* destination, const void* source, std::uint64_t bytes,
                         nc_copy_direction direction, nc_error* error);

} // namespace nc::nccl
