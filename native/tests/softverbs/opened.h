// The provider as a test uses it: opened by its path beside the test program, its functions found by name.
#pragma once

#include <dlfcn.h>
#include <infiniband/verbs.h>

#include <filesystem>
#include <stdexcept>
#include <string>

#include "softverbs/softverbs.h"

// The header makes macros of functions that are exported as well.
#undef ibv_query_port
#undef ibv_reg_mr

namespace nc::test {

inline std::filesystem::path softverbs_folder() {
    return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "softverbs";
}

class OpenedVerbs {
public:
    explicit OpenedVerbs(const std::filesystem::path& path = softverbs_folder() / "libibverbs.so.1")
        : library_(::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
        if (library_ == nullptr) throw std::runtime_error(::dlerror());
    }

    void* find(const char* name) const {
        void* function = ::dlsym(library_, name);
        if (function == nullptr) throw std::runtime_error(std::string("the library has no ") + name);
        return function;
    }

private:
    void* library_; // for good: the provider cannot be unloaded
};

#define NC_FIND_VERB(name) decltype(::name)* name = reinterpret_cast<decltype(::name)*>(library.find(#name))

struct Verbs {
    OpenedVerbs library;
    NC_FIND_VERB(ibv_get_device_list);
    NC_FIND_VERB(ibv_free_device_list);
    NC_FIND_VERB(ibv_get_device_name);
    NC_FIND_VERB(ibv_open_device);
    NC_FIND_VERB(ibv_close_device);
    NC_FIND_VERB(ibv_alloc_pd);
    NC_FIND_VERB(ibv_dealloc_pd);
    NC_FIND_VERB(ibv_reg_mr);
    NC_FIND_VERB(ibv_dereg_mr);
    NC_FIND_VERB(ibv_query_port);
    NC_FIND_VERB(ibv_query_gid);
    NC_FIND_VERB(ibv_create_cq);
    NC_FIND_VERB(ibv_destroy_cq);
    NC_FIND_VERB(ibv_create_qp);
    NC_FIND_VERB(ibv_modify_qp);
    NC_FIND_VERB(ibv_destroy_qp);
    NC_FIND_VERB(ibv_create_comp_channel);
    NC_FIND_VERB(ibv_destroy_comp_channel);
    NC_FIND_VERB(ibv_get_cq_event);
    NC_FIND_VERB(ibv_ack_cq_events);
    NC_FIND_VERB(ibv_wc_status_str);
    NC_FIND_VERB(softverbs_set_faults);
    NC_FIND_VERB(softverbs_live_objects);
    NC_FIND_VERB(softverbs_violations);
    NC_FIND_VERB(softverbs_clear_violations);
    NC_FIND_VERB(softverbs_print_violations);
    NC_FIND_VERB(softverbs_set_record);
    NC_FIND_VERB(softverbs_set_devices);
    NC_FIND_VERB(softverbs_set_completion);
    NC_FIND_VERB(softverbs_set_link_layer);
    NC_FIND_VERB(softverbs_set_uc);
    NC_FIND_VERB(softverbs_set_cables);
    NC_FIND_VERB(softverbs_set_no_channel);
    NC_FIND_VERB(softverbs_set_no_peer_memory);
    NC_FIND_VERB(softverbs_reset);
};

#undef NC_FIND_VERB

inline Verbs& verbs() {
    static auto& opened = *new Verbs;
    return opened;
}

} // namespace nc::test
