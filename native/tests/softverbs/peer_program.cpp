// A process with one end point, which does what lines on its standard input say. Each line is answered with one line.
//
//   open TYPE                  uc or rc: the end point's address
//   connect QP LID GID         ok, or an errno
//   send ID FRAMES BYTE        of bytes of that value: 0, or an errno
//   receive ID FRAMES          0, or an errno
//   wait the next completion: ID STATUS BYTES BYTE, BYTE being the first and last received one if they are the same
//   close                      objects that are left, and the number of violations
#include <algorithm>
#include <cstddef>
#include <deque>
#include <iostream>
#include <iterator>
#include <memory>
#include <sstream>

#include "softverbs/end_point.h"

namespace {

using namespace nc::test;

constexpr std::size_t half = 256 * verbs_frame;

std::string hex(const ibv_gid& gid) {
    std::ostringstream text;
    for (const auto byte : gid.raw) text << "0123456789abcdef"[byte >> 4] << "0123456789abcdef"[byte & 15];
    return text.str();
}

ibv_gid gid_of(const std::string& text) {
    ibv_gid gid{};
    for (std::size_t i = 0; i < sizeof gid.raw; ++i)
        gid.raw[i] = static_cast<std::uint8_t>(std::stoi(text.substr(2 * i, 2), nullptr, 16));
    return gid;
}

std::string answer(std::unique_ptr<EndPoint>& end, std::deque<ibv_wc>& completed, std::istringstream& words) {
    std::string command;
    words >> command;
    std::ostringstream answer;
    std::uint64_t id = 0;
    std::uint32_t frames = 0;
    if (command == "open") {
        std::string type;
        words >> type;
        EndPointShape shape;
        shape.type = type == "rc" ? IBV_QPT_RC : IBV_QPT_UC;
        shape.bytes = 2 * half;
        end = std::make_unique<EndPoint>(shape);
        const VerbsAddress own = end->address();
        answer << own.queue_pair << ' ' << own.lid << ' ' << hex(own.gid);
    } else if (command == "connect") {
        VerbsAddress peer;
        std::string gid;
        words >> peer.queue_pair >> peer.lid >> gid;
        peer.gid = gid_of(gid);
        answer << end->connect(peer);
    } else if (command == "send") {
        int value = 0;
        words >> id >> frames >> value;
        std::memset(end->buffer, value, frames * verbs_frame);
        answer << end->send(id, end->piece(0, frames * verbs_frame));
    } else if (command == "receive") {
        words >> id >> frames;
        answer << end->receive(id, end->piece(half, frames * verbs_frame));
    } else if (command == "wait") {
        if (completed.empty()) std::ranges::copy(end->wait(1), std::back_inserter(completed));
        const ibv_wc work = completed.front();
        completed.pop_front();
        answer << work.wr_id << ' ' << work.status << ' ' << work.byte_len << ' ';
        const std::byte* received = end->buffer + half;
        const bool same = work.byte_len > 0 && std::all_of(received, received + work.byte_len,
                                                           [received](std::byte byte) { return byte == *received; });
        answer << (work.opcode == IBV_WC_RECV && same ? std::to_integer<int>(*received) : -1);
    } else if (command == "close") {
        end.reset();
        completed.clear();
        answer << verbs().softverbs_live_objects() << ' ' << verbs().softverbs_violations(nullptr, 0);
    }
    return answer.str();
}

} // namespace

int main() {
    std::unique_ptr<EndPoint> end;
    std::deque<ibv_wc> completed;
    std::string line;
    while (std::getline(std::cin, line)) {
        std::istringstream words(line);
        try {
            std::cout << answer(end, completed, words) << std::endl;
        } catch (const std::exception& failure) {
            std::cout << "failed: " << failure.what() << std::endl;
        }
    }
    return 0;
}
