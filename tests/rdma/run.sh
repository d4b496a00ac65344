#!/usr/bin/env bash
# Tests and measures the JACCL backend on this machine's RDMA devices:  tests/rdma/run.sh [--check] [DEVICE...]
#   --check   only looks whether everything is there
#   DEVICE    such as rxe0: the devices to use, all by all ranks; without them those in NC_TEST_RDMA_DEVICES (with
#             commas), else the first one there is
# README.md beside this file says what it needs and what it does.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
cd -- "$here/../.."
only_check=false
case "${1:-}" in
    --check) only_check=true; shift ;;
    -*) sed -n '2,5s/^# //p' "$here/run.sh" >&2; exit 1 ;;
esac

if [ "$(uname)" != Linux ]; then
    echo "tests/rdma/run.sh: this is for Linux, where the ranks of a test can share one machine's devices. On Macs \
start a rank on each: docs/jaccl.md." >&2
    exit 2
fi

verbs=/sys/class/infiniband
# What the largest of the tests' ranks locks, with the groups that it splits off.
needed_kib=65536
missing=()

command -v dotnet >/dev/null && dotnet --list-sdks 2>/dev/null | grep -q '^1[0-9]\.' ||
    missing+=("the .NET 10 SDK (dotnet-sdk-10.0)")
for tool in cmake ninja; do
    command -v "$tool" >/dev/null || missing+=("$tool")
done
command -v "${CXX:-c++}" >/dev/null || missing+=("a C++20 compiler (g++)")

if [ -n "${NC_VERBS_LIBRARY:-}" ]; then
    [ -e "$NC_VERBS_LIBRARY" ] || missing+=("the library of verbs at $NC_VERBS_LIBRARY, which NC_VERBS_LIBRARY names")
elif ! { ldconfig -p 2>/dev/null || /sbin/ldconfig -p; } | grep -q '^[[:space:]]*libibverbs\.so\.1 '; then
    missing+=("the library of verbs (no libibverbs.so.1: apt-get install libibverbs1 ibverbs-providers, or name the \
file in NC_VERBS_LIBRARY)")
fi

if [ $# -gt 0 ]; then
    devices=("$@")
else
    IFS=, read -r -a devices <<<"${NC_TEST_RDMA_DEVICES:-}"
fi
if [ ${#devices[@]} -eq 0 ]; then
    first=$(ls "$verbs" 2>/dev/null | head -1 || true)
    if [ -n "$first" ]; then
        devices=("$first")
    else
        missing+=("an RDMA device (none in $verbs; an adapter with its driver, or soft-RoCE: modprobe rdma_rxe && \
rdma link add rxe0 type rxe netdev eth0)")
    fi
fi
for device in "${devices[@]}"; do
    if [ ! -e "$verbs/$device" ]; then
        missing+=("the RDMA device $device (there is $(ls "$verbs" 2>/dev/null | tr '\n' ' ' | grep . || echo none))")
        continue
    fi
    port=$verbs/$device/ports/1
    grep -q ACTIVE "$port/state" ||
        missing+=("a port of $device that is up (port 1: $(cat "$port/state"); its network interface must be up)")
    if ! grep -qs InfiniBand "$port/link_layer" &&
        ! cat "$port"/gids/* 2>/dev/null | grep -q '^0000:0000:0000:0000:0000:ffff:'; then
        missing+=("an IPv4 address for $device (none of its GIDs is IPv4-mapped: ip address add 192.0.2.1/24 dev \
INTERFACE, on its network interface)")
    fi
done
if [ -d "$verbs" ] && [ -z "$(ls /dev/infiniband/uverbs* 2>/dev/null)" ]; then
    missing+=("/dev/infiniband/uverbs* (modprobe ib_uverbs; in a container: docker run --device=/dev/infiniband)")
fi
# Who has CAP_IPC_LOCK is not limited.
capabilities=$((0x$(awk '/^CapEff:/ { print $2 }' /proc/self/status)))
limit=$(ulimit -l)
if [ "$limit" != unlimited ] && [ "$limit" -lt $needed_kib ] && [ $((capabilities >> 14 & 1)) = 0 ]; then
    missing+=("leave to lock $needed_kib KiB of memory (ulimit -l is $limit; in a container: docker run --ulimit memlock=-1)")
fi

if [ ${#missing[@]} -gt 0 ]; then
    echo "tests/rdma/run.sh: the JACCL backend cannot be tested on RDMA devices here, because this machine lacks:" >&2
    printf '  - %s\n' "${missing[@]}" >&2
    echo "Without devices, ./build.sh managed-test --filter=Category=Jaccl runs the same suite over verbs in \
software." >&2
    exit 2
fi
echo "devices: ${devices[*]}; libibverbs.so.1: ${NC_VERBS_LIBRARY:-where the loader finds it}"
if $only_check; then
    echo "everything is there"
    exit 0
fi

NC_TEST_RDMA_DEVICES=$(IFS=,; echo "${devices[*]}")
export NC_TEST_VERBS=real NC_TEST_RDMA_DEVICES
outcome=0
./build.sh managed-test --filter=Category=Jaccl || outcome=$?
library=()
[ -z "${NC_VERBS_LIBRARY:-}" ] || library=(--verbs-library "$NC_VERBS_LIBRARY")
# In a ring every device is a wire.
dotnet run -c Release --project bench/NativeCollectives.Bench -- --backend jaccl --devices "${devices[@]}" \
    "${library[@]}" --op all-reduce send-receive --ranks 2 3 --topology mesh ring \
    --wires $((${#devices[@]} < 4 ? ${#devices[@]} : 4)) --peer verbs verbs-copy --max-bytes 64M --step-factor 8 ||
    outcome=$?
exit "$outcome"
