#include "jaccl/verbs_library.h"

#include <cerrno>
#include <cstdlib>

namespace nc::jaccl {
namespace {

constexpr const char* library_variable = "NC_VERBS_LIBRARY";

LibrarySearch search_for(const std::string& path) {
#ifdef __APPLE__
    return {"librdma.dylib", path, library_variable, {"/usr/lib"}};
#else
    return {"libibverbs.so.1",
            path,
            library_variable,
            {"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/local/lib",
             "/opt/mellanox/lib"}};
#endif
}

// The list of a library's devices, given back at the end.
class DeviceList {
public:
    explicit DeviceList(const VerbsLibrary& library) : api_(library.api()) {
        errno = 0;
        devices_ = api_.get_device_list(&count_);
        if (devices_ != nullptr) return;
        const int error = errno;
        throw Error(NC_BACKEND_UNAVAILABLE,
                    text("RDMA cannot be used on this machine: ibv_get_device_list of ", library.path(), ": ",
                         error != 0 ? system_error_text(error) : "it returned no list"),
                    -1, error);
    }
    ~DeviceList() { api_.free_device_list(devices_); }
    DeviceList(const DeviceList&) = delete;
    DeviceList& operator=(const DeviceList&) = delete;

    int count() const { return count_; }
    verbs::DeviceHandle* operator[](int i) const { return devices_[i]; }
    std::string name(int i) const {
        const char* name = api_.get_device_name(devices_[i]);
        return name != nullptr ? name : "";
    }

private:
    const verbs::Functions& api_;
    int count_ = 0;
    verbs::DeviceHandle** devices_ = nullptr;
};

} // namespace

const VerbsLibrary& VerbsLibrary::load(const std::string& path) {
    const char* named = std::getenv(library_variable);
    return LoadedLibraries<VerbsLibrary>::load(!path.empty() || named == nullptr ? path : named, path);
}

VerbsLibrary::VerbsLibrary(const std::string& path) : library_(search_for(path)) {
    verbs::Functions& f = functions_;
    library_.require(f.get_device_list, "ibv_get_device_list");
    library_.require(f.free_device_list, "ibv_free_device_list");
    library_.require(f.get_device_name, "ibv_get_device_name");
    library_.require(f.open_device, "ibv_open_device");
    library_.require(f.close_device, "ibv_close_device");
    library_.require(f.alloc_pd, "ibv_alloc_pd");
    library_.require(f.dealloc_pd, "ibv_dealloc_pd");
    library_.require(f.query_port, "ibv_query_port");
    library_.require(f.query_gid, "ibv_query_gid");
    library_.require(f.reg_mr, "ibv_reg_mr");
    library_.require(f.dereg_mr, "ibv_dereg_mr");
    library_.require(f.create_cq, "ibv_create_cq");
    library_.require(f.destroy_cq, "ibv_destroy_cq");
    library_.require(f.create_qp, "ibv_create_qp");
    library_.require(f.modify_qp, "ibv_modify_qp");
    library_.require(f.destroy_qp, "ibv_destroy_qp");
    const bool sleeps = library_.find(f.create_comp_channel, "ibv_create_comp_channel") &&
                        library_.find(f.destroy_comp_channel, "ibv_destroy_comp_channel") &&
                        library_.find(f.get_cq_event, "ibv_get_cq_event") &&
                        library_.find(f.ack_cq_events, "ibv_ack_cq_events");
    if (!sleeps) f.create_comp_channel = nullptr;
    (void)library_.find(f.wc_status_str, "ibv_wc_status_str");
    // What the header's ibv_query_gid_ex calls.
    (void)library_.find(f.query_gid_ex, "_ibv_query_gid_ex");
}

std::vector<std::string> VerbsLibrary::device_names() const {
    const DeviceList list(*this);
    std::vector<std::string> names;
    for (int i = 0; i < list.count(); ++i) names.push_back(list.name(i));
    return names;
}

verbs::Context* VerbsLibrary::open(const std::string& name) const {
    const DeviceList list(*this);
    std::string others;
    for (int i = 0; i < list.count(); ++i) {
        if (list.name(i) == name) {
            errno = 0;
            verbs::Context* context = functions_.open_device(list[i]);
            if (context != nullptr) return context;
            const int error = errno;
            fail_rendezvous(text("the RDMA device ", name, " cannot be opened: ", system_error_text(error)), -1, error);
        }
        others += (others.empty() ? "" : ", ") + list.name(i);
    }
    fail_rendezvous(text("this machine has no RDMA device named ", name,
                         others.empty() ? "; it has none at all" : "; it has ", others));
}

std::string VerbsLibrary::explain(int status) const {
    const char* words = functions_.wc_status_str != nullptr ? functions_.wc_status_str(status) : nullptr;
    return words != nullptr ? text(words, " (status ", status, ")") : text("status ", status);
}

} // namespace nc::jaccl
