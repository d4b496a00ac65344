#include <memory>

#include "softverbs/api.h"
#include "softverbs/delivery.h"
#include "softverbs/fabric.h"

using namespace nc::softverbs;

namespace {

constexpr unsigned offered_access = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ |
                                    IBV_ACCESS_REMOTE_ATOMIC | static_cast<unsigned>(IBV_ACCESS_RELAXED_ORDERING);

ibv_mr* register_memory(ibv_pd* handle, void* address, std::size_t length, unsigned access) {
    return made<ibv_mr>([&](ibv_mr*& result) {
        auto& domain = static_cast<ProtectionDomain&>(*handle);
        const Device& device = domain.owner().owner();
        RecordLine line("reg_mr");
        begin(line, device).number("length", length).number("access", access);
        const auto refused = [&](int error) {
            line.error(error);
            return error;
        };
        if (const auto error = Faults::instance().at("reg_mr", device.subject())) return refused(*error);
        const bool remote_write = (access & (IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_ATOMIC)) != 0;
        if (address == nullptr || length == 0)
            return refused(violation(EINVAL, "an empty memory region is registered"));
        if ((access & ~offered_access) != 0)
            return refused(violation(EINVAL, "a memory region is registered with unknown access flags"));
        if (remote_write && (access & IBV_ACCESS_LOCAL_WRITE) == 0)
            return refused(violation(EINVAL, "a memory region may be written by others but not locally"));

        auto region = std::make_unique<MemoryRegion>();
        region->context = domain.context;
        region->pd = &domain;
        region->addr = address;
        region->length = length;
        region->access_flags = static_cast<int>(access);
        const Lock lock(Fabric::instance().mutex);
        Fabric::instance().regions.add(*region);
        ++domain.users;
        ++Fabric::instance().live_objects;
        line.number("lkey", region->lkey);
        result = region.release();
        return 0;
    });
}

bool names(const Pieces& pieces, std::uint32_t lkey) {
    for (int i = 0; i < pieces.count; ++i) {
        if (pieces.pieces[static_cast<std::size_t>(i)].lkey == lkey) return true;
    }
    return false;
}

} // namespace

NC_EXPORT ibv_pd* ibv_alloc_pd(ibv_context* handle) {
    return made<ibv_pd>([&](ibv_pd*& result) {
        auto& context = static_cast<Context&>(*handle);
        RecordLine line("alloc_pd");
        begin(line, context.owner());
        if (const auto error = Faults::instance().at("alloc_pd", context.owner().subject()))
            return line.error(*error), *error;
        result = new ProtectionDomain(context);
        const Lock lock(Fabric::instance().mutex);
        ++context.users;
        ++Fabric::instance().live_objects;
        return 0;
    });
}

NC_EXPORT int ibv_dealloc_pd(ibv_pd* handle) {
    return guarded([&] {
        auto* domain = static_cast<ProtectionDomain*>(handle);
        RecordLine line("dealloc_pd");
        begin(line, domain->owner().owner());
        const Lock lock(Fabric::instance().mutex);
        if (domain->users > 0)
            return line.error(EBUSY), violation(EBUSY, "a protection domain is deallocated that is in use");
        --domain->owner().users;
        --Fabric::instance().live_objects;
        delete domain;
        return 0;
    });
}

NC_EXPORT ibv_mr* ibv_reg_mr(ibv_pd* domain, void* address, size_t length, int access) {
    return register_memory(domain, address, length, static_cast<unsigned>(access));
}

NC_EXPORT ibv_mr* ibv_reg_mr_iova2(ibv_pd* domain, void* address, size_t length, std::uint64_t, unsigned access) {
    return register_memory(domain, address, length, access);
}

// Work requests that still name the region fail, as on hardware.
NC_EXPORT int ibv_dereg_mr(ibv_mr* handle) {
    return guarded([&] {
        auto* region = static_cast<MemoryRegion*>(handle);
        Fabric& fabric = Fabric::instance();
        RecordLine line("dereg_mr");
        begin(line, region->owner().owner().owner()).number("lkey", region->lkey);
        Lock lock(fabric.mutex);
        region->leaving = true;
        fabric.quiet.wait(lock, [&] { return region->copies == 0; });
        for (const auto& [number, queue_pair] : fabric.queue_pairs) {
            if (queue_pair->pd != region->pd) continue;
            bool failed = false;
            for (const auto& request : queue_pair->sends) {
                if (request->status || !names(request->pieces, region->lkey)) continue;
                request->status = IBV_WC_LOC_PROT_ERR;
                request->token.invalidate();
                failed = true;
            }
            if (failed) settle(*queue_pair);
        }
        fabric.regions.remove(*region);
        --region->owner().users;
        --fabric.live_objects;
        delete region;
        return 0;
    });
}
