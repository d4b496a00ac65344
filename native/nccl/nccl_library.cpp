#include "nccl/nccl_library.h"

#include <algorithm>

namespace nc::nccl {
namespace {

constexpr int oldest_version = 21800; // the first with ncclCommSplit
constexpr int newest_known_version = 23007;

std::vector<std::string> folders_of_nccl() {
    // Beside us and where .NET keeps a package's native libraries; Python's nvidia-nccl-cu* and conda; NVIDIA's own
    // packages.
    const std::string own = own_library_folder();
    std::vector<std::string> folders{own};
    for (const std::string& pattern :
         {own + "/runtimes/linux-*/native", std::string("$VIRTUAL_ENV/lib/python3*/site-packages/nvidia/nccl/lib"),
          std::string("$CONDA_PREFIX/lib"), std::string("$CONDA_PREFIX/lib/python3*/site-packages/nvidia/nccl/lib"),
          std::string("~/.local/lib/python3*/site-packages/nvidia/nccl/lib"),
          std::string("/usr/local/lib/python3*/dist-packages/nvidia/nccl/lib"),
          std::string("/usr/local/lib/python3*/site-packages/nvidia/nccl/lib"),
          std::string("/usr/lib/python3*/site-packages/nvidia/nccl/lib"),
          std::string("/usr/lib/python3/dist-packages/nvidia/nccl/lib"), std::string("/usr/lib/x86_64-linux-gnu"),
          std::string("/usr/lib/aarch64-linux-gnu"), std::string("/usr/lib64"), std::string("/usr/local/cuda/lib64"),
          std::string("/usr/local/nccl/lib"), std::string("/opt/nvidia/hpc_sdk/Linux_*/*/comm_libs/nccl/lib"),
          std::string("/opt/conda/lib")}) {
        for (std::string& folder : folders_like(pattern)) folders.push_back(std::move(folder));
    }
    return folders;
}

std::string written_version(int code) {
    // Since 2.9 the code is major * 10000 + minor * 100 + patch, before it was major * 1000 + ...
    const int major = code >= 10000 ? code / 10000 : code / 1000;
    const int rest = code >= 10000 ? code % 10000 : code % 1000;
    return text(major, ".", rest / 100, ".", rest % 100);
}

} // namespace

const NcclLibrary& NcclLibrary::load(const std::string& path) {
    return LoadedLibraries<NcclLibrary>::load(path);
}

NcclLibrary::NcclLibrary(const std::string& path)
    : library_({"libnccl.so.2", path, "NC_NCCL_LIBRARY", folders_of_nccl()}) {
    library_.require(functions_.GetVersion, "ncclGetVersion");
    if (functions_.GetVersion(&version_) != Result::Success)
        throw Error(NC_BACKEND_UNAVAILABLE, text(library_.path(), " does not tell its version"));
    version_text_ = written_version(version_);
    // Before its other functions are asked for: of an old library its age is the better explanation.
    if (version_ < oldest_version) {
        throw Error(NC_BACKEND_UNAVAILABLE, text(library_.path(), " is NCCL ", version_text_, ", but ",
                                                 written_version(oldest_version), " or newer is needed"));
    }
    NcclFunctions& f = functions_;
    library_.require(f.GetUniqueId, "ncclGetUniqueId");
    library_.require(f.CommInitRankConfig, "ncclCommInitRankConfig");
    library_.require(f.CommFinalize, "ncclCommFinalize");
    library_.require(f.CommDestroy, "ncclCommDestroy");
    library_.require(f.CommAbort, "ncclCommAbort");
    library_.require(f.CommGetAsyncError, "ncclCommGetAsyncError");
    library_.require(f.CommCount, "ncclCommCount");
    library_.require(f.CommUserRank, "ncclCommUserRank");
    library_.require(f.GetErrorString, "ncclGetErrorString");
    library_.require(f.GroupStart, "ncclGroupStart");
    library_.require(f.GroupEnd, "ncclGroupEnd");
    library_.require(f.AllReduce, "ncclAllReduce");
    library_.require(f.Reduce, "ncclReduce");
    library_.require(f.Broadcast, "ncclBroadcast");
    library_.require(f.AllGather, "ncclAllGather");
    library_.require(f.ReduceScatter, "ncclReduceScatter");
    library_.require(f.Send, "ncclSend");
    library_.require(f.Recv, "ncclRecv");
    // What may lack: see the callers.
    library_.find(f.CommSplit, "ncclCommSplit");
    library_.find(f.GetLastError, "ncclGetLastError");
    library_.find(f.AlltoAll, "ncclAlltoAll");
    library_.find(f.Gather, "ncclGather");
    library_.find(f.Scatter, "ncclScatter");
}

Config NcclLibrary::config() const {
    Config config{};
    config.version = static_cast<unsigned int>(std::min(version_, newest_known_version));
    config.size = version_ >= 23000   ? 96
                  : version_ >= 22900 ? 88
                  : version_ >= 22800 ? 80
                  : version_ >= 22700 ? 72
                                      : 48;
    config.blocking = 0;
    return config;
}

UniqueId NcclLibrary::make_id() const {
    UniqueId id{};
    const Result result = functions_.GetUniqueId(&id);
    if (result != Result::Success) fail_rendezvous(explain(result, "ncclGetUniqueId", nullptr));
    return id;
}

std::string NcclLibrary::explain(Result result, const char* call, Comm comm) const {
    const char* name = functions_.GetErrorString(result);
    const char* last = functions_.GetLastError != nullptr ? functions_.GetLastError(comm) : nullptr;
    const bool said = last != nullptr && last[0] != '\0';
    return text(call, ": ", name != nullptr ? name : "NCCL error", " (", static_cast<int>(result), ")",
                said ? ": " : "", said ? last : "");
}

} // namespace nc::nccl
