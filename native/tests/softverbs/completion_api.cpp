#include <memory>

#include "softverbs/api.h"
#include "softverbs/completion_queue.h"
#include "softverbs/fabric.h"

using namespace nc::softverbs;

NC_EXPORT ibv_comp_channel* ibv_create_comp_channel(ibv_context* handle) {
    return made<ibv_comp_channel>([&](ibv_comp_channel*& result) {
        auto& context = static_cast<Context&>(*handle);
        RecordLine line("create_comp_channel");
        begin(line, context.owner());
        int error = Configuration::instance().no_channel()
                        ? ENOSYS
                        : Faults::instance().at("create_comp_channel", context.owner().subject()).value_or(0);
        auto channel = std::make_unique<CompletionChannel>(context);
        if (error == 0) error = channel->open();
        line.error(error);
        if (error != 0) return error;
        const Lock lock(Fabric::instance().mutex);
        ++context.users;
        ++Fabric::instance().live_objects;
        result = channel.release();
        return 0;
    });
}

NC_EXPORT int ibv_destroy_comp_channel(ibv_comp_channel* handle) {
    return guarded([&] {
        auto* channel = static_cast<CompletionChannel*>(handle);
        RecordLine line("destroy_comp_channel");
        begin(line, channel->owner().owner());
        const Lock lock(Fabric::instance().mutex);
        if (channel->refcnt > 0)
            return line.error(EBUSY), violation(EBUSY, "a completion channel is destroyed that is in use");
        --channel->owner().users;
        --Fabric::instance().live_objects;
        delete channel;
        return 0;
    });
}

NC_EXPORT ibv_cq* ibv_create_cq(ibv_context* handle, int entries, void* user, ibv_comp_channel* channel_handle,
                                int vector) {
    return made<ibv_cq>([&](ibv_cq*& result) {
        auto& context = static_cast<Context&>(*handle);
        auto* channel = static_cast<CompletionChannel*>(channel_handle);
        RecordLine line("create_cq");
        begin(line, context.owner())
            .number("cqe", static_cast<std::uint32_t>(entries))
            .number("channel", channel != nullptr ? 1 : 0);
        int error = Faults::instance().at("create_cq", context.owner().subject()).value_or(0);
        if (error == 0 && (entries < 1 || entries > max_completions || vector != 0))
            error = violation(EINVAL, "a completion queue of " + std::to_string(entries) + " entries is asked for");
        if (error == 0 && channel != nullptr && channel->context != handle)
            error = violation(EINVAL, "a completion queue is to have a channel of another context");
        line.error(error);
        if (error != 0) return error;
        result = new CompletionQueue(context, entries, user, channel);
        const Lock lock(Fabric::instance().mutex);
        if (channel != nullptr) ++channel->refcnt;
        ++context.users;
        ++Fabric::instance().live_objects;
        return 0;
    });
}

NC_EXPORT int ibv_destroy_cq(ibv_cq* handle) {
    return guarded([&] {
        auto* queue = static_cast<CompletionQueue*>(handle);
        RecordLine line("destroy_cq");
        begin(line, queue->owner().owner());
        const Lock lock(Fabric::instance().mutex);
        if (queue->users > 0)
            return line.error(EBUSY), violation(EBUSY, "a completion queue is destroyed that is in use");
        // The real function would wait for them for ever.
        if (!queue->acknowledged())
            return line.error(EBUSY),
                   violation(EBUSY, "a completion queue is destroyed that has events without acknowledgement");
        if (CompletionChannel* channel = queue->told_by()) {
            channel->forget(*queue);
            --channel->refcnt;
        }
        --queue->owner().users;
        --Fabric::instance().live_objects;
        delete queue;
        return 0;
    });
}

NC_EXPORT int ibv_get_cq_event(ibv_comp_channel* handle, ibv_cq** queue, void** user) {
    const int error = guarded([&] {
        CompletionQueue* told = nullptr;
        if (const int failure = static_cast<CompletionChannel*>(handle)->next(told)) return failure;
        *queue = told;
        *user = told->cq_context;
        return 0;
    });
    if (error == 0) return 0;
    errno = error;
    return -1;
}

NC_EXPORT void ibv_ack_cq_events(ibv_cq* queue, unsigned events) {
    static_cast<CompletionQueue*>(queue)->acknowledge(events);
}

NC_EXPORT const char* ibv_wc_status_str(ibv_wc_status status) {
    switch (status) {
        case IBV_WC_SUCCESS:
            return "success";
        case IBV_WC_LOC_LEN_ERR:
            return "local length error";
        case IBV_WC_LOC_QP_OP_ERR:
            return "local QP operation error";
        case IBV_WC_LOC_EEC_OP_ERR:
            return "local EE context operation error";
        case IBV_WC_LOC_PROT_ERR:
            return "local protection error";
        case IBV_WC_WR_FLUSH_ERR:
            return "Work Request Flushed Error";
        case IBV_WC_MW_BIND_ERR:
            return "memory bind operation error";
        case IBV_WC_BAD_RESP_ERR:
            return "bad response error";
        case IBV_WC_LOC_ACCESS_ERR:
            return "local access error";
        case IBV_WC_REM_INV_REQ_ERR:
            return "remote invalid request error";
        case IBV_WC_REM_ACCESS_ERR:
            return "remote access error";
        case IBV_WC_REM_OP_ERR:
            return "remote operation error";
        case IBV_WC_RETRY_EXC_ERR:
            return "transport retry counter exceeded";
        case IBV_WC_RNR_RETRY_EXC_ERR:
            return "RNR retry counter exceeded";
        case IBV_WC_REM_ABORT_ERR:
            return "aborted error";
        case IBV_WC_FATAL_ERR:
            return "fatal error";
        case IBV_WC_RESP_TIMEOUT_ERR:
            return "response timeout error";
        case IBV_WC_GENERAL_ERR:
            return "general error";
        default:
            return "unknown";
    }
}
