#!/usr/bin/env bash
# Tests and measures the NCCL backend on this machine's GPU:  tests/gpu/run.sh [--check]
#   --check   only looks whether everything is there
# README.md beside this file says what it needs and what it does.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
cd -- "$here/../.."
only_check=false
case "${1:-}" in
    '') ;;
    --check) only_check=true ;;
    *) sed -n '2,4s/^# //p' "$here/run.sh" >&2; exit 1 ;;
esac

has_soname() {
    ldconfig -p 2>/dev/null | grep -q "^[[:space:]]*$1 " ||
        [ -n "$(in_folders "$1" ${LD_LIBRARY_PATH:+${LD_LIBRARY_PATH//:/ }})" ]
}

# The first of the folders that has the file.
in_folders() {
    local name=$1 folder
    shift
    for folder; do
        if [ -e "$folder/$name" ]; then
            echo "$folder/$name"
            return
        fi
    done
}

# NVIDIA's package for Python (nvidia-nccl-cu12, -cu13) keeps the library inside of itself.
in_python() {
    command -v python3 >/dev/null || return 0
    python3 - 2>/dev/null <<'PYTHON' || true
import importlib.util, os
found = importlib.util.find_spec("nvidia.nccl")
for folder in (found.submodule_search_locations if found else ()):
    path = os.path.join(folder, "lib", "libnccl.so.2")
    if os.path.exists(path):
        print(path)
        break
PYTHON
}

missing=()
command -v dotnet >/dev/null && dotnet --list-sdks 2>/dev/null | grep -q '^1[0-9]\.' ||
    missing+=("the .NET 10 SDK (dotnet-sdk-10.0)")
for tool in cmake ninja; do
    command -v "$tool" >/dev/null || missing+=("$tool")
done
command -v "${CXX:-c++}" >/dev/null || missing+=("a C++20 compiler (g++)")

if [ -n "${NC_CUDA_LIBRARY:-}" ]; then
    [ -e "$NC_CUDA_LIBRARY" ] || missing+=("the CUDA driver's library at $NC_CUDA_LIBRARY, which NC_CUDA_LIBRARY names")
elif ! has_soname libcuda.so.1; then
    missing+=("an NVIDIA GPU with its driver (no libcuda.so.1; in a container: start it with its GPU, such as \
docker run --gpus all)")
fi

if [ -n "${NC_NCCL_LIBRARY:-}" ]; then
    [ -e "$NC_NCCL_LIBRARY" ] || missing+=("NCCL at $NC_NCCL_LIBRARY, which NC_NCCL_LIBRARY names")
elif ! has_soname libnccl.so.2; then
    NC_NCCL_LIBRARY=$(in_python)
    [ -n "$NC_NCCL_LIBRARY" ] ||
        NC_NCCL_LIBRARY=$(in_folders libnccl.so.2 /usr/local/cuda/lib64 /usr/local/nccl/lib /opt/conda/lib)
    if [ -n "$NC_NCCL_LIBRARY" ]; then
        export NC_NCCL_LIBRARY
    else
        missing+=("NCCL 2.18 or newer (no libnccl.so.2: apt-get install libnccl2, or pip install nvidia-nccl-cu12, or \
name the file in NC_NCCL_LIBRARY)")
    fi
fi

if [ ${#missing[@]} -gt 0 ]; then
    echo "tests/gpu/run.sh: the NCCL backend cannot be tested on a GPU here, because this machine lacks:" >&2
    printf '  - %s\n' "${missing[@]}" >&2
    echo "Without a GPU, ./build.sh managed-test --filter=Category=Nccl runs the same suite on doubles of NVIDIA's \
libraries." >&2
    exit 2
fi
command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=index,name,driver_version,memory.total --format=csv,noheader
echo "libnccl.so.2: ${NC_NCCL_LIBRARY:-where the loader finds it}"
if $only_check; then
    echo "everything is there"
    exit 0
fi

export NC_TEST_NCCL=real
outcome=0
./build.sh managed-test --filter=Category=NcclGpu || outcome=$?
dotnet run -c Release --project bench/NativeCollectives.Bench -- --backend nccl || outcome=$?
exit "$outcome"
