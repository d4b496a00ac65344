#include "softverbs/delivery.h"

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <random>
#include <utility>

#include "softverbs/configuration.h"
#include "softverbs/fabric.h"
#include "softverbs/violation.h"

namespace nc::softverbs {
namespace {

// How long a reliable queue pair tries, whatever its attributes say.
constexpr std::int64_t longest_retry_us = 900'000;

std::byte* at(const ibv_sge& piece) {
    return reinterpret_cast<std::byte*>(piece.addr);
}

std::span<const ibv_sge> list(const Pieces& pieces) {
    return std::span(pieces.pieces).first(static_cast<std::size_t>(pieces.count));
}

std::vector<std::byte> gathered(const Pieces& pieces) {
    std::vector<std::byte> data;
    for (const ibv_sge& piece : list(pieces)) data.insert(data.end(), at(piece), at(piece) + piece.length);
    return data;
}

void scatter(std::span<const std::byte> data, const Pieces& pieces) {
    for (const ibv_sge& piece : list(pieces)) {
        const std::size_t length = std::min<std::size_t>(piece.length, data.size());
        if (length > 0) std::memcpy(at(piece), data.data(), length);
        data = data.subspan(length);
    }
}

// Both lists are of the same length.
void copy(const Pieces& from, const Pieces& to) {
    if (to.count == 1) {
        std::byte* place = at(to.pieces[0]);
        for (const ibv_sge& piece : list(from)) {
            std::memmove(place, at(piece), piece.length);
            place += piece.length;
        }
    } else {
        scatter(gathered(from), to);
    }
}

enum class Copied {
    Yes,
    GivenUp, // the sender no longer offers the data
    Refused, // this process may not read the sender's memory
};

Copied read_from(pid_t process, const Frame& frame, const Pieces& to) {
    if (Configuration::instance().no_peer_memory()) return Copied::Refused;
    std::array<iovec, max_sge + 1> here{};
    std::array<iovec, max_sge + 1> there{};
    std::size_t here_count = 0;
    std::size_t there_count = 0;
    for (const ibv_sge& piece : list(to)) here[here_count++] = {at(piece), piece.length};
    for (const RemotePiece& piece : std::span(frame.pieces).first(frame.piece_count))
        there[there_count++] = {reinterpret_cast<void*>(piece.address), piece.length};
    // Behind the data: the token holds the message's id as long as they are valid.
    std::uint64_t token = 0;
    here[here_count++] = {&token, sizeof token};
    there[there_count++] = {reinterpret_cast<void*>(frame.token_address), sizeof token};
    const ssize_t count = ::process_vm_readv(process, here.data(), here_count, there.data(), there_count, 0);
    if (count < 0 && (errno == EPERM || errno == ENOSYS)) return Copied::Refused;
    return count == static_cast<ssize_t>(frame.length + sizeof token) && token == frame.id ? Copied::Yes
                                                                                           : Copied::GivenUp;
}

// With a rule "reorder" completions become visible late, each at a time of its own, but those of one queue pair in
// their order.
void complete(QueuePair& queue_pair, CompletionQueue& queue, const Completion& completion) {
    const auto window = Faults::instance().state("reorder", queue_pair.subject());
    if (!window && queue_pair.hidden_completions == 0) {
        queue.push(completion);
        return;
    }
    static auto& random = *new std::mt19937(std::random_device{}());
    const auto delay = std::chrono::microseconds(std::uniform_int_distribution<int>(0, window.value_or(0))(random));
    queue_pair.hidden_until = std::max(queue_pair.hidden_until, Clock::now() + delay);
    ++queue_pair.hidden_completions;
    Fabric::instance().provider.schedule(
        queue_pair.hidden_until, [number = queue_pair.qp_num, epoch = queue_pair.epoch, &queue, completion](Lock&) {
            QueuePair* owner = Fabric::instance().find(number);
            if (owner == nullptr || owner->epoch != epoch) return;
            --owner->hidden_completions;
            queue.push(completion);
        });
}

void complete_send(QueuePair& queue_pair, SendRequest& request) {
    request.owner = nullptr;
    request.token.invalidate();
    if (*request.status == IBV_WC_SUCCESS && !request.signaled) {
        ++queue_pair.silent_sends;
        return;
    }
    Completion completion;
    completion.work.wr_id = request.work_id;
    completion.work.status = *request.status;
    completion.work.opcode = IBV_WC_SEND;
    completion.work.byte_len = request.length;
    completion.work.qp_num = queue_pair.qp_num;
    completion.queue_pair = &queue_pair;
    completion.sends = 1 + std::exchange(queue_pair.silent_sends, 0);
    complete(queue_pair, queue_pair.send_queue(), completion);
}

void complete_receive(QueuePair& queue_pair, const ReceiveRequest& request, ibv_wc_status status,
                      const Frame* message = nullptr) {
    Completion completion;
    completion.work.wr_id = request.work_id;
    completion.work.status = status;
    completion.work.opcode = IBV_WC_RECV;
    completion.work.byte_len = status == IBV_WC_SUCCESS ? request.length : 0;
    completion.work.qp_num = queue_pair.qp_num;
    completion.work.src_qp = message != nullptr ? message->source_qp : 0;
    completion.queue_pair = &queue_pair;
    completion.receives = 1;
    completion.solicited = message != nullptr && message->solicited != 0;
    complete(queue_pair, queue_pair.receive_queue(), completion);
}

// The time that the attributes leave for an answer. None: for ever.
std::optional<std::chrono::microseconds> retry_time(const QueuePair& queue_pair) {
    const ibv_qp_attr& attributes = queue_pair.attributes;
    if (attributes.timeout == 0) return std::nullopt;
    const double time_us = 4.096 * static_cast<double>(1ULL << (attributes.timeout & 31)) * (attributes.retry_cnt + 1);
    return std::chrono::microseconds(
        std::clamp(static_cast<std::int64_t>(time_us), std::int64_t{1000}, longest_retry_us));
}

void fail_after_retries(QueuePair& queue_pair, const std::shared_ptr<SendRequest>& request) {
    const auto time = retry_time(queue_pair);
    if (!time) return;
    Fabric::instance().provider.schedule(
        Clock::now() + *time, [number = queue_pair.qp_num, epoch = queue_pair.epoch, request](Lock&) {
            QueuePair* owner = Fabric::instance().find(number);
            if (owner == nullptr || owner->epoch != epoch || request->owner != owner || request->status) return;
            request->status = IBV_WC_RETRY_EXC_ERR;
            request->token.invalidate();
            settle(*owner);
        });
}

// Without acknowledgements a sender learns of no failure.
void answered(std::uint32_t queue_pair_number, std::uint64_t id, Outcome outcome) {
    QueuePair* queue_pair = Fabric::instance().find(queue_pair_number);
    if (queue_pair == nullptr || queue_pair->closing) return;
    const bool failed =
        queue_pair->reliable() && (outcome == Outcome::WrongLength || outcome == Outcome::ReceiverFailed);
    const auto found = std::ranges::find_if(
        queue_pair->sends, [id](const auto& request) { return request->id == id && !request->status; });
    if (found == queue_pair->sends.end()) {
        // It completed when it was posted.
        if (failed && queue_pair->state == IBV_QPS_RTS) enter_error_state(*queue_pair);
        return;
    }
    const std::shared_ptr<SendRequest> request = *found;
    if (outcome == Outcome::Unreachable) {
        if (queue_pair->reliable()) fail_after_retries(*queue_pair, request);
        return;
    }
    request->status = !failed                           ? IBV_WC_SUCCESS
                      : outcome == Outcome::WrongLength ? IBV_WC_REM_INV_REQ_ERR
                                                        : IBV_WC_REM_OP_ERR;
    request->token.invalidate();
    settle(*queue_pair);
}

void answer(const Arrival& arrival, Outcome outcome) {
    if (arrival.wire == nullptr) {
        answered(arrival.frame.source_qp, arrival.frame.id, outcome);
        return;
    }
    Frame frame;
    frame.kind = FrameKind::Answer;
    frame.destination_qp = arrival.frame.source_qp;
    frame.source_qp = arrival.frame.destination_qp;
    frame.id = arrival.frame.id;
    frame.outcome = outcome;
    arrival.wire->send(frame);
}

void arrive(Arrival arrival, Lock& lock) {
    QueuePair* queue_pair = Fabric::instance().find(arrival.frame.destination_qp);
    if (queue_pair == nullptr || queue_pair->closing || queue_pair->state == IBV_QPS_ERR ||
        Faults::instance().at("link", queue_pair->subject())) {
        answer(arrival, Outcome::Unreachable);
        return;
    }
    if (const auto delay = Faults::instance().state("slow", queue_pair->subject())) {
        arrival.due = Clock::now() + std::chrono::microseconds(*delay);
        Fabric::instance().provider.schedule(arrival.due, [number = queue_pair->qp_num](Lock& task_lock) {
            if (QueuePair* late = Fabric::instance().find(number)) deliver(*late, task_lock);
        });
    }
    queue_pair->arrivals.push_back(std::move(arrival));
    deliver(*queue_pair, lock);
}

// RoCE v1 and v2 are different packets.
std::uint32_t gid_type_of(const QueuePair& queue_pair) {
    const ibv_ah_attr& address = queue_pair.attributes.ah_attr;
    return address.is_global != 0 ? static_cast<std::uint32_t>(queue_pair.device().gid_type(address.grh.sgid_index))
                                  : 0;
}

// Whether a message is from the one that the queue pair is connected to.
bool accepts(const QueuePair& queue_pair, const Frame& frame) {
    const ibv_ah_attr& peer = queue_pair.attributes.ah_attr;
    const Address& own = queue_pair.device().address;
    const Address source{frame.source_link_local, frame.source_mapped, frame.source_lid};
    const bool for_us = frame.is_global != 0 ? own.has(frame.destination_gid) : own.lid == frame.destination_lid;
    const bool from_peer = peer.is_global != 0 ? source.has(peer.grh.dgid) : source.lid == peer.dlid;
    if (!for_us || !from_peer || frame.source_qp != queue_pair.attributes.dest_qp_num ||
        frame.qp_type != static_cast<std::uint32_t>(queue_pair.qp_type)) {
        Violations::instance().report("a message of queue pair " + std::to_string(frame.source_qp) + " came for " +
                                      queue_pair.title() +
                                      ", which is not connected to it, by number, address and type");
        return false;
    }
    if (frame.first_psn != queue_pair.attributes.rq_psn) {
        Violations::instance().report(queue_pair.title() + " expects packets from number " +
                                      std::to_string(queue_pair.attributes.rq_psn) + ", but the sender began with " +
                                      std::to_string(frame.first_psn));
        return false;
    }
    if (frame.path_mtu != static_cast<std::uint32_t>(queue_pair.attributes.path_mtu)) {
        Violations::instance().report(queue_pair.title() + " has the path MTU " +
                                      std::to_string(queue_pair.attributes.path_mtu) + ", but the sender " +
                                      std::to_string(frame.path_mtu));
        return false;
    }
    if (frame.gid_type != gid_type_of(queue_pair)) {
        Violations::instance().report(queue_pair.title() + " has a GID of type " +
                                      std::to_string(gid_type_of(queue_pair)) + ", but the sender one of type " +
                                      std::to_string(frame.gid_type));
        return false;
    }
    return true;
}

void fail_receive(QueuePair& queue_pair, ibv_wc_status status, const Frame* message = nullptr) {
    complete_receive(queue_pair, queue_pair.receives.front(), status, message);
    queue_pair.receives.pop_front();
    enter_error_state(queue_pair);
}

// Copies without the lock. The request is the head of the queue, and stays there meanwhile.
Copied fill(QueuePair& queue_pair, const ReceiveRequest& request, const Arrival& arrival, Lock& lock) {
    Fabric& fabric = Fabric::instance();
    QueuePair* const sender = arrival.request != nullptr ? arrival.request->owner : nullptr;
    const Pieces to = request.pieces;
    queue_pair.filling = true;
    fabric.regions.hold(to, 1);
    if (sender != nullptr) {
        ++sender->being_read;
        fabric.regions.hold(arrival.request->pieces, 1);
    }
    lock.unlock();
    Copied copied = Copied::Yes;
    if (sender != nullptr) {
        copy(arrival.request->pieces, to);
    } else if (arrival.frame.in_data_frames != 0) {
        scatter(arrival.data, to);
    } else {
        copied = read_from(arrival.wire->process(), arrival.frame, to);
    }
    lock.lock();
    queue_pair.filling = false;
    fabric.regions.hold(to, -1);
    if (sender != nullptr) {
        --sender->being_read;
        fabric.regions.hold(arrival.request->pieces, -1);
    }
    fabric.quiet.notify_all();
    return copied;
}

void ask_for_data(Arrival& arrival) {
    arrival.frame.in_data_frames = 1;
    arrival.data.resize(arrival.frame.length);
    Frame frame;
    frame.kind = FrameKind::Fetch;
    frame.destination_qp = arrival.frame.source_qp;
    frame.source_qp = arrival.frame.destination_qp;
    frame.id = arrival.frame.id;
    arrival.wire->send(frame);
}

void send_data(Wire& wire, const QueuePair& queue_pair, std::uint32_t destination_qp, const SendRequest& request) {
    Frame frame;
    frame.kind = FrameKind::Data;
    frame.destination_qp = destination_qp;
    frame.source_qp = queue_pair.qp_num;
    frame.id = request.id;
    for (const ibv_sge& piece : list(request.pieces)) {
        std::span<const std::byte> rest(at(piece), piece.length);
        while (!rest.empty()) {
            const auto part = rest.first(std::min(rest.size(), data_size));
            wire.send(frame, part);
            rest = rest.subspan(part.size());
        }
    }
}

Frame frame_of(const QueuePair& queue_pair, const SendRequest& request) {
    const ibv_qp_attr& attributes = queue_pair.attributes;
    const Address& own = queue_pair.device().address;
    Frame frame;
    frame.kind = FrameKind::Send;
    frame.destination_qp = attributes.dest_qp_num;
    frame.source_qp = queue_pair.qp_num;
    frame.id = request.id;
    frame.length = request.length;
    frame.qp_type = static_cast<std::uint32_t>(queue_pair.qp_type);
    frame.first_psn = attributes.sq_psn;
    frame.path_mtu = attributes.path_mtu;
    frame.gid_type = gid_type_of(queue_pair);
    frame.is_global = attributes.ah_attr.is_global;
    frame.solicited = request.solicited ? 1 : 0;
    frame.destination_lid = attributes.ah_attr.dlid;
    frame.source_lid = own.lid;
    frame.destination_gid = attributes.ah_attr.grh.dgid;
    frame.source_link_local = own.link_local;
    frame.source_mapped = own.mapped;
    frame.piece_count = static_cast<std::uint32_t>(request.pieces.count);
    for (std::size_t i = 0; i < frame.piece_count; ++i)
        frame.pieces[i] = {request.pieces.pieces[i].addr, request.pieces.pieces[i].length};
    return frame;
}

} // namespace

void transmit(QueuePair& queue_pair, const std::shared_ptr<SendRequest>& request, Lock& lock) {
    Provider& provider = Fabric::instance().provider;
    if (queue_pair.send_queue_stopped) return;
    if (request->status) {
        queue_pair.send_queue_stopped = true;
        settle(queue_pair);
        return;
    }
    const int process = process_of(queue_pair.attributes.dest_qp_num);
    const bool here = process == provider.process();
    bool reachable = Configuration::instance().joined(queue_pair.device().socket, queue_pair.peer) &&
                     !Faults::instance().at("link", queue_pair.subject());
    const bool posted = Configuration::instance().completes_when_posted();
    Arrival arrival;
    arrival.frame = frame_of(queue_pair, *request);
    arrival.frame.in_data_frames = posted ? 1 : 0;
    if (reachable && !here) {
        if (!posted) {
            request->token.validate(request->id);
            arrival.frame.token_address = request->token.address();
        }
        const auto wire = provider.send(process, arrival.frame);
        reachable = wire != nullptr;
        if (posted && reachable) send_data(*wire, queue_pair, arrival.frame.destination_qp, *request);
    } else if (reachable && posted) {
        arrival.data = gathered(request->pieces);
        arrival.received = arrival.data.size();
    } else if (reachable) {
        arrival.request = request;
    }
    if (posted && (reachable || !queue_pair.reliable())) {
        request->status = IBV_WC_SUCCESS;
        settle(queue_pair);
    } else if (!reachable) {
        answered(queue_pair.qp_num, request->id, Outcome::Unreachable);
    }
    if (reachable && here) arrive(std::move(arrival), lock);
}

void deliver(QueuePair& queue_pair, Lock& lock) {
    Fabric& fabric = Fabric::instance();
    while (!queue_pair.filling && !queue_pair.closing &&
           (queue_pair.state == IBV_QPS_RTR || queue_pair.state == IBV_QPS_RTS)) {
        if (!queue_pair.receives.empty() && queue_pair.receives.front().fails) {
            fail_receive(queue_pair, *queue_pair.receives.front().fails);
            return;
        }
        if (queue_pair.arrivals.empty()) return;
        Arrival& next = queue_pair.arrivals.front();
        if (next.due > Clock::now()) return;
        const bool given_up = next.request != nullptr &&
                              (next.request->owner == nullptr || next.request->owner->closing || next.request->status);
        if (given_up || !accepts(queue_pair, next.frame)) {
            if (!given_up) answer(next, Outcome::Unreachable);
            queue_pair.arrivals.pop_front();
            continue;
        }
        if (next.frame.in_data_frames != 0 && next.received < next.frame.length) return;
        if (queue_pair.receives.empty()) {
            if (queue_pair.reliable() || !Configuration::instance().uc_drops()) return;
            answer(next, Outcome::Taken);
            queue_pair.arrivals.pop_front();
            continue;
        }

        Arrival arrival = std::move(next);
        queue_pair.arrivals.pop_front();
        const ReceiveRequest& request = queue_pair.receives.front();
        if (request.length != arrival.frame.length) {
            Violations::instance().report("a SEND of " + std::to_string(arrival.frame.length) +
                                          " bytes met a RECV of " + std::to_string(request.length) + " bytes on " +
                                          queue_pair.title());
            answer(arrival, Outcome::WrongLength);
            fail_receive(queue_pair, IBV_WC_LOC_LEN_ERR, &arrival.frame);
            return;
        }
        std::optional<ibv_wc_status> failure = request.fails_with_message;
        // Its region may have gone since it was posted.
        if (!failure && fabric.regions.check(request.pieces, queue_pair.pd, true)) failure = IBV_WC_LOC_PROT_ERR;
        if (failure) {
            answer(arrival, Outcome::ReceiverFailed);
            fail_receive(queue_pair, *failure, &arrival.frame);
            return;
        }
        switch (fill(queue_pair, request, arrival, lock)) {
            case Copied::Yes:
                complete_receive(queue_pair, queue_pair.receives.front(), IBV_WC_SUCCESS, &arrival.frame);
                queue_pair.receives.pop_front();
                answer(arrival, Outcome::Taken);
                break;
            case Copied::GivenUp:
                answer(arrival, Outcome::Unreachable);
                break;
            case Copied::Refused:
                ask_for_data(arrival);
                queue_pair.arrivals.push_front(std::move(arrival));
                break;
        }
        if (queue_pair.state == IBV_QPS_ERR) flush(queue_pair);
    }
}

void settle(QueuePair& queue_pair) {
    while (!queue_pair.sends.empty() && queue_pair.sends.front()->status) {
        const std::shared_ptr<SendRequest> request = std::move(queue_pair.sends.front());
        queue_pair.sends.pop_front();
        complete_send(queue_pair, *request);
        if (*request->status != IBV_WC_SUCCESS) queue_pair.state = IBV_QPS_ERR;
    }
    if (queue_pair.state == IBV_QPS_ERR) flush(queue_pair);
}

void enter_error_state(QueuePair& queue_pair) {
    queue_pair.state = IBV_QPS_ERR;
    flush(queue_pair);
}

void flush(QueuePair& queue_pair) {
    // What is being copied completes first; whoever copies comes back here.
    if (!queue_pair.filling) {
        for (const ReceiveRequest& request : std::exchange(queue_pair.receives, {}))
            complete_receive(queue_pair, request, request.fails.value_or(IBV_WC_WR_FLUSH_ERR));
        for (const Arrival& arrival : std::exchange(queue_pair.arrivals, {})) answer(arrival, Outcome::Unreachable);
    }
    if (queue_pair.being_read == 0) {
        for (const auto& request : std::exchange(queue_pair.sends, {})) {
            if (!request->status) request->status = IBV_WC_WR_FLUSH_ERR;
            complete_send(queue_pair, *request);
        }
    }
}

void clear(QueuePair& queue_pair, Lock& lock) {
    queue_pair.closing = true;
    Fabric::instance().quiet.wait(lock, [&] { return !queue_pair.filling && queue_pair.being_read == 0; });
    for (const auto& request : std::exchange(queue_pair.sends, {})) {
        request->owner = nullptr;
        request->token.invalidate();
    }
    queue_pair.receives.clear();
    for (const Arrival& arrival : std::exchange(queue_pair.arrivals, {})) answer(arrival, Outcome::Unreachable);
    queue_pair.epoch = Fabric::instance().next_serial++;
    queue_pair.hidden_completions = 0;
    queue_pair.send_queue().purge(queue_pair);
    queue_pair.receive_queue().purge(queue_pair);
    queue_pair.sends_outstanding = queue_pair.receives_outstanding = 0;
    queue_pair.silent_sends = 0;
    queue_pair.send_queue_stopped = false;
    queue_pair.closing = false;
}

void received(const std::shared_ptr<Wire>& wire, const Frame& frame, std::span<const std::byte> data, Lock& lock) {
    QueuePair* queue_pair = Fabric::instance().find(frame.destination_qp);
    switch (frame.kind) {
        case FrameKind::Send: {
            Arrival arrival;
            arrival.frame = frame;
            arrival.wire = wire;
            if (frame.in_data_frames != 0) arrival.data.resize(frame.length);
            arrive(std::move(arrival), lock);
            break;
        }
        case FrameKind::Data: {
            if (queue_pair == nullptr) return;
            const auto found = std::ranges::find_if(queue_pair->arrivals, [&](const Arrival& arrival) {
                return arrival.wire == wire && arrival.frame.id == frame.id;
            });
            if (found == queue_pair->arrivals.end() || data.size() > found->data.size() - found->received) return;
            std::ranges::copy(data, found->data.begin() + static_cast<std::ptrdiff_t>(found->received));
            found->received += data.size();
            if (found->received == found->data.size()) deliver(*queue_pair, lock);
            break;
        }
        case FrameKind::Fetch: {
            if (queue_pair == nullptr) return;
            for (const auto& request : queue_pair->sends) {
                if (request->id == frame.id && !request->status)
                    send_data(*wire, *queue_pair, frame.source_qp, *request);
            }
            break;
        }
        case FrameKind::Answer:
            answered(frame.destination_qp, frame.id, frame.outcome);
            break;
    }
}

void receiver_gone(int process, Lock&) {
    for (const auto& [number, queue_pair] : Fabric::instance().queue_pairs) {
        if (!queue_pair->reliable() || process_of(queue_pair->attributes.dest_qp_num) != process) continue;
        for (const auto& request : queue_pair->sends) {
            if (!request->status) fail_after_retries(*queue_pair, request);
        }
    }
}

void sender_gone(const std::shared_ptr<Wire>& wire, Lock& lock) {
    std::vector<std::uint32_t> numbers;
    for (const auto& [number, queue_pair] : Fabric::instance().queue_pairs) {
        const auto gone = [&](const Arrival& arrival) {
            return arrival.wire == wire && arrival.frame.in_data_frames != 0 && arrival.received < arrival.frame.length;
        };
        if (std::erase_if(queue_pair->arrivals, gone) > 0) numbers.push_back(number);
    }
    for (const std::uint32_t number : numbers) {
        if (QueuePair* queue_pair = Fabric::instance().find(number)) deliver(*queue_pair, lock);
    }
}

} // namespace nc::softverbs
