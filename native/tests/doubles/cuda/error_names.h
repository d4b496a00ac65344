// Names and explanations of the driver's result codes.
#pragma once

#include <optional>
#include <string_view>

#include "doubles/cuda/cuda_api.h"

namespace nc::doubles {

// Null for an unknown code.
const char* cuda_error_name(CUresult code);
const char* cuda_error_description(CUresult code);

std::optional<int> cuda_error_code(std::string_view name);

} // namespace nc::doubles
