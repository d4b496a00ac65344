#!/usr/bin/env bash
# Builds, tests and packs NativeCollectives:  ./build.sh [target] [options]
#   ./build.sh               builds everything
#   ./build.sh demo          four ranks on this machine
#   ./build.sh test          runs every test
#   ./build.sh conformance   replays recorded MLX ranks (folder: NC_MLX_VECTORS)
#   ./build.sh pack          makes the NuGet packages
#   ./build.sh --showtree    lists the other targets
# Looks for what the build needs; root with apt-get gets what lacks, anybody else is told. Everything else is in
# build.cake.
set -euo pipefail
exec </dev/null
# A folder named from where the caller stands.
if [ -n "${NC_MLX_VECTORS:-}" ]; then
    [ -d "$NC_MLX_VECTORS" ] || { echo "build.sh: NC_MLX_VECTORS is not a folder: $NC_MLX_VECTORS" >&2; exit 1; }
    NC_MLX_VECTORS=$(cd -- "$NC_MLX_VECTORS" && pwd)
    export NC_MLX_VECTORS
fi
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

if [ $# -gt 0 ] && [[ $1 != -* ]]; then
    target=$1
    shift
    set -- "--target=$target" "$@"
fi

has_header() {
    printf '#if !__has_include(<%s>)\n#error\n#endif\n' "$1" | "${CXX:-c++}" -E -x c++ - >/dev/null 2>&1 ||
        [ -e "/opt/homebrew/include/$1" ] || [ -e "/usr/local/include/$1" ]
}

# The Debian packages that lack, one per line.
lacking() {
    command -v dotnet >/dev/null && dotnet --list-sdks 2>/dev/null | grep -q '^1[0-9]\.' || echo dotnet-sdk-10.0
    command -v cmake >/dev/null || echo cmake
    command -v ninja >/dev/null || echo ninja-build
    # The packages' native libraries are built by a compiler from npm; those for ARM64 are run by an emulator.
    case " $* " in
        *[Pp]ack*|*=[Tt]est\ *) command -v npm >/dev/null || echo npm ;;
    esac
    case "$(uname -m) $* " in
        x86_64*[Pp]ackage-[Tt]est*|x86_64*=[Tt]est\ *)
            command -v qemu-aarch64 >/dev/null || echo qemu-user
            [ -e /usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1 ] || echo libc6-arm64-cross ;;
    esac
    # Tests of hosts that vanish need network namespaces, which only root may make.
    case "$(uname)$(id -u) $* " in
        Linux0*[Tt]est\ *) command -v ip >/dev/null || echo iproute2 ;;
    esac
    if ! command -v "${CXX:-c++}" >/dev/null; then
        printf '%s\n' g++ nlohmann-json3-dev libgtest-dev libibverbs-dev
        return
    fi
    has_header nlohmann/json.hpp || echo nlohmann-json3-dev
    has_header gtest/gtest.h || echo libgtest-dev
    [ "$(uname)" != Linux ] || has_header infiniband/verbs.h || echo libibverbs-dev
}

missing=$(lacking "$@" | tr '\n' ' ')
if [ -n "$missing" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing: $missing"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086
    { apt-get update -q && apt-get install -q -y --no-install-recommends $missing; } >&2 || true
    missing=$(lacking "$@" | tr '\n' ' ')
fi
if [ -n "$missing" ]; then
    echo "build.sh: please install these packages first (names as on Debian): $missing" >&2
    exit 1
fi

export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
# No build server outlives the build: one would hold the pipes of whoever called us.
export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0 UseSharedCompilation=false

if ! dotnet tool restore >/dev/null; then
    echo "build.sh: the pinned Cake tool (.config/dotnet-tools.json) could not be restored" >&2
    exit 1
fi
exec dotnet dotnet-cake build.cake "$@"
