#include "softverbs/posting.h"

#include <algorithm>
#include <cerrno>

#include "softverbs/delivery.h"
#include "softverbs/fabric.h"
#include "softverbs/record.h"
#include "softverbs/transition.h"
#include "softverbs/violation.h"

namespace nc::softverbs {
namespace {

constexpr std::size_t recorded_bytes = 16;

Pieces pieces_of(const ibv_sge* list, int count) {
    Pieces pieces;
    pieces.count = count;
    std::copy_n(list, count, pieces.pieces.begin());
    return pieces;
}

// The status with which a request of such a list fails.
std::optional<ibv_wc_status> check(const QueuePair& queue_pair, const char* kind, const Pieces& pieces, bool written) {
    const auto fails = [&](ibv_wc_status status, const std::string& why) {
        Violations::instance().report(std::string("a ") + kind + " on " + queue_pair.title() + ": " + why);
        return status;
    };
    if (const auto wrong = Fabric::instance().regions.check(pieces, queue_pair.pd, written))
        return fails(IBV_WC_LOC_PROT_ERR, *wrong);
    const std::uint64_t length = pieces.length();
    if (length > max_message)
        return fails(IBV_WC_LOC_LEN_ERR, "a message of " + std::to_string(length) + " bytes is too long");
    if (length == 0 || length % frame_size != 0)
        return fails(IBV_WC_LOC_LEN_ERR, std::to_string(length) + " bytes are no multiple of 4096");
    return std::nullopt;
}

template <class Request>
RecordLine& begin(RecordLine& line, const QueuePair& queue_pair, const Request& request) {
    line.text("host", queue_pair.device().socket.host)
        .text("device", queue_pair.device().socket.device)
        .number("qp", queue_pair.qp_num);
    return line.number("wr_id", request.wr_id);
}

std::uint64_t length_of(const ibv_sge* list, int count) {
    std::uint64_t length = 0;
    for (int i = 0; i < count; ++i) length += list[i].length;
    return length;
}

int refuse(RecordLine& line, int error, const QueuePair& queue_pair, const char* kind, const std::string& why) {
    line.error(error);
    return violation(error, std::string("a ") + kind + " on " + queue_pair.title() + ": " + why);
}

int post_one(QueuePair& queue_pair, const ibv_send_wr& work, Lock& lock) {
    auto request = std::make_shared<SendRequest>();
    {
        RecordLine line("post_send");
        if (line.on()) {
            begin(line, queue_pair, work)
                .number("opcode", work.opcode)
                .number("flags", work.send_flags)
                .number("length", length_of(work.sg_list, work.num_sge));
        }
        if (const auto error = Faults::instance().at("post_send", queue_pair.subject())) {
            line.error(*error);
            return *error;
        }
        const auto refused = [&](int error, const std::string& why) {
            return refuse(line, error, queue_pair, "SEND", why);
        };
        if (queue_pair.state != IBV_QPS_RTS && queue_pair.state != IBV_QPS_ERR)
            return refused(EINVAL, std::string("the state is ") + state_name(queue_pair.state));
        if (work.opcode != IBV_WR_SEND)
            return refused(EINVAL, "opcode " + std::to_string(work.opcode) + " is not offered");
        if ((work.send_flags & ~static_cast<unsigned>(IBV_SEND_SIGNALED | IBV_SEND_SOLICITED | IBV_SEND_FENCE)) != 0)
            return refused(EINVAL, "flags that are not offered");
        if (work.num_sge < 0 || work.num_sge > static_cast<int>(queue_pair.cap.max_send_sge))
            return refused(EINVAL, std::to_string(work.num_sge) + " gather elements");
        if (queue_pair.sends_outstanding >= queue_pair.cap.max_send_wr)
            return refused(ENOMEM, std::to_string(queue_pair.cap.max_send_wr) + " are outstanding already");

        request->id = Fabric::instance().next_message++;
        request->work_id = work.wr_id;
        request->pieces = pieces_of(work.sg_list, work.num_sge);
        request->length = static_cast<std::uint32_t>(request->pieces.length());
        request->signaled = queue_pair.all_signaled || (work.send_flags & IBV_SEND_SIGNALED) != 0;
        request->solicited = (work.send_flags & IBV_SEND_SOLICITED) != 0;
        request->owner = &queue_pair;
        if (queue_pair.state != IBV_QPS_ERR) {
            request->status = check(queue_pair, "SEND", request->pieces, false);
            if (!request->status && request->pieces.count > 0)
                line.hex("first", reinterpret_cast<const void*>(request->pieces.pieces[0].addr),
                         std::min<std::size_t>(recorded_bytes, request->pieces.pieces[0].length));
            const auto fault = Faults::instance().at("send", queue_pair.subject());
            if (!request->status && fault) request->status = static_cast<ibv_wc_status>(*fault);
        }
    }
    ++queue_pair.sends_outstanding;
    queue_pair.sends.push_back(request);
    if (queue_pair.state == IBV_QPS_ERR) {
        flush(queue_pair);
    } else {
        transmit(queue_pair, request, lock);
    }
    return 0;
}

int post_one(QueuePair& queue_pair, const ibv_recv_wr& work, Lock& lock) {
    ReceiveRequest request;
    {
        RecordLine line("post_recv");
        if (line.on())
            begin(line, queue_pair, work)
                .number("opcode", IBV_WC_RECV)
                .number("flags", 0)
                .number("length", length_of(work.sg_list, work.num_sge));
        if (const auto error = Faults::instance().at("post_recv", queue_pair.subject())) {
            line.error(*error);
            return *error;
        }
        const auto refused = [&](int error, const std::string& why) {
            return refuse(line, error, queue_pair, "RECV", why);
        };
        if (queue_pair.state == IBV_QPS_RESET) return refused(EINVAL, "the state is RESET");
        if (work.num_sge < 0 || work.num_sge > static_cast<int>(queue_pair.cap.max_recv_sge))
            return refused(EINVAL, std::to_string(work.num_sge) + " scatter elements");
        if (queue_pair.receives_outstanding >= queue_pair.cap.max_recv_wr)
            return refused(ENOMEM, std::to_string(queue_pair.cap.max_recv_wr) + " are outstanding already");

        request.work_id = work.wr_id;
        request.pieces = pieces_of(work.sg_list, work.num_sge);
        request.length = static_cast<std::uint32_t>(request.pieces.length());
        if (queue_pair.state != IBV_QPS_ERR) {
            request.fails = check(queue_pair, "RECV", request.pieces, true);
            if (const auto fault = Faults::instance().at("recv", queue_pair.subject()))
                request.fails_with_message = static_cast<ibv_wc_status>(*fault);
        }
    }
    ++queue_pair.receives_outstanding;
    queue_pair.receives.push_back(request);
    if (queue_pair.state == IBV_QPS_ERR) {
        flush(queue_pair);
    } else {
        deliver(queue_pair, lock);
    }
    return 0;
}

template <class Request>
int post(ibv_qp* handle, Request* requests, Request** bad) {
    auto& queue_pair = static_cast<QueuePair&>(*handle);
    Lock lock(Fabric::instance().mutex);
    for (Request* request = requests; request != nullptr; request = request->next) {
        if (const int error = post_one(queue_pair, *request, lock)) {
            if (bad != nullptr) *bad = request;
            return error;
        }
    }
    return 0;
}

} // namespace

int post_send(ibv_qp* queue_pair, ibv_send_wr* requests, ibv_send_wr** bad) {
    return post(queue_pair, requests, bad);
}
int post_receive(ibv_qp* queue_pair, ibv_recv_wr* requests, ibv_recv_wr** bad) {
    return post(queue_pair, requests, bad);
}

} // namespace nc::softverbs
