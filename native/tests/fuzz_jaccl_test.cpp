// A peer over RDMA that knows what ranks of ours tell each other, and lies in one number of it: before an operation, in
// its frames, and while a group is formed.
#include <netinet/in.h>

#include "lying_jaccl.h"

namespace nc::test {
namespace NC_FILE {

using namespace jaccl;

class FuzzJaccl : public JacclTest {};

Shape any_shape(Dice& dice) {
    return dice.one_in(2) ? mesh_of(dice.between(2, 4)) : ring_of(dice.between(2, 4), dice.between(1, 2));
}

// In a mesh a frame holds a rank's announcement; in a ring one half of it goes each way, and then the halves of other
// ranks, which are passed on.
TEST_F(FuzzJaccl, AnnouncementsAndLengths) {
    Fuzz fuzz("what a peer announces over jaccl", 400, 3000);
    fuzz.run([](Dice& dice) {
        const Shape shape = any_shape(dice);
        const int n = shape.ranks;
        const int liar = static_cast<int>(dice.below(index(n)));
        const AnnouncedCase operation = announced_case(dice, n, Wire::Jaccl);
        std::vector<std::unique_ptr<FencedPart>> parts;
        for (const Part& part : operation.parts) parts.push_back(std::make_unique<FencedPart>(part));

        const int direction = static_cast<int>(dice.below(2));
        const int hops = shape.ring ? static_cast<int>(dice.below(index(n - 1))) : 0;
        const int origin = ((direction == 0 ? liar - hops : liar + hops) + n) % n;
        const nc_request& announced = parts[index(origin)]->request();
        std::vector<Field> fields = header_fields(announced);
        if (operation.is_uneven) {
            const std::vector<Field> row = length_fields(announced, origin, n, sizeof(Header));
            fields.insert(fields.end(), row.begin(), row.end());
        }
        const std::size_t bytes = sizeof(Header) + (operation.is_uneven ? length_row(n) * sizeof(std::uint64_t) : 0);
        const std::size_t slice = shape.ring ? (bytes + 1) / 2 : bytes;
        const std::size_t begin = shape.ring && direction == 1 ? slice : 0;
        // Of those that this way carries.
        std::erase_if(fields, [&](const Field& field) {
            return field.place < begin || field.place + field.bytes > begin + slice;
        });
        const Field& field = fields[dice.below(fields.size())];
        const std::uint64_t value = dice.lie(field.truth, field.bytes);
        SCOPED_TRACE(text(name_of(shape), ", ", operation.what, ": rank ", liar, " says that ", field.name, " of rank ",
                          origin, " is ", value, ", not ", field.truth));

        const Lie lie{field.place, said(field, value)};
        LyingJaccl ranks(shape, liar);
        JacclGroup& lying = ranks[liar];
        const Link& link = !shape.ring ? *lying.links().front() : direction == 0 ? lying.right(0) : lying.left(0);
        const LyingDevice device(link.device().context(), [&](int message, verbs::SendRequest& request) {
            if (message == hops)
                (void)lie.change(begin, reinterpret_cast<std::byte*>(request.sg_list->addr),
                                 std::min<std::size_t>(slice, request.sg_list->length));
        });
        const MemoryWatch memory;
        const Ends ends = ranks.run(
            [&](int rank, JacclGroup& group) { group.execute(parts[index(rank)]->request(), call_within(ample_ms)); });
        EXPECT_LE(memory.peak(), 2 * bytes_of(operation) + (std::size_t{4} << 20));
        return judged(ends, parts, liar, field.must_be_noticed);
    });
    // Ranks that were told different things use different frames, which is an error for them.
    forget_differing_lengths();
}

// ---- Frames ---------------------------------------------------------------------------------------------------------

// A frame of another length, or a completion that tells one.
TEST_F(FuzzJaccl, LengthsOfFrames) {
    nc::test::verbs().softverbs_print_violations(0);
    Fuzz fuzz("lengths of jaccl's frames", 120);
    fuzz.run([](Dice& dice) {
        const Shape shape = any_shape(dice);
        const int n = shape.ranks;
        const int liar = static_cast<int>(dice.below(index(n)));
        const AnnouncedCase operation = announced_case(dice, n, Wire::Jaccl);
        std::vector<std::unique_ptr<FencedPart>> parts;
        for (const Part& part : operation.parts) parts.push_back(std::make_unique<FencedPart>(part));
        const int lied_in = static_cast<int>(dice.below(4));
        const bool completes = dice.one_in(2);
        // The softverbs refuse lengths that are no multiple of a page, as the sender's own fault.
        const auto length =
            completes ? static_cast<std::uint32_t>(dice.lie(4096, 4)) : 4096 * dice.one_of({2U, 4U, 7U, 128U});
        SCOPED_TRACE(text(name_of(shape), ", ", operation.what, ": message ", lied_in, " of rank ", liar,
                          completes ? " completes with " : " has ", length));

        LyingJaccl ranks(shape, liar);
        const int victim = completes ? ranks[liar].links().front()->peer() : liar;
        std::vector<std::unique_ptr<LyingDevice>> devices;
        std::atomic<int> received{0};
        // A frame may happen to have that length.
        std::atomic<bool> is_told{false};
        for (const auto& device : ranks[victim].fabric().devices) {
            const auto change = [&](int message, verbs::SendRequest& request) {
                if (message == lied_in) request.sg_list->length = length;
            };
            const auto completed = [&](verbs::WorkCompletion& completion) {
                if (completion.status != verbs::status_success || completion.wr_id >> 16 != 2 || received++ != lied_in)
                    return;
                is_told = completion.byte_len != length;
                completion.byte_len = length;
            };
            if (completes) {
                devices.push_back(std::make_unique<LyingDevice>(device->context(), LyingDevice::Change(), completed));
            } else {
                devices.push_back(std::make_unique<LyingDevice>(device->context(), change));
            }
        }
        const Ends ends = ranks.run(
            [&](int rank, JacclGroup& group) { group.execute(parts[index(rank)]->request(), call_within(ample_ms)); });
        // A provider that tells no length says zero.
        return judged(ends, parts, liar, completes && victim != liar && is_told && length != 0);
    });
    forget_violations();
    nc::test::verbs().softverbs_print_violations(1);
}

// ---- Split ----------------------------------------------------------------------------------------------------------

// As split.cpp has it.
struct SplitAnnouncement {
    std::int32_t color;
    std::int32_t key;
    Contact contact;
};

TEST_F(FuzzJaccl, AnnouncementsOfASplit) {
    nc::test::verbs().softverbs_print_violations(0);
    const ReservedPorts unused(2);
    Fuzz fuzz("what a peer announces in a split of jaccl", 100);
    constexpr std::size_t contact = offsetof(SplitAnnouncement, contact);
    const std::vector<Field> fields{
        {"color", offsetof(SplitAnnouncement, color), 4, 0, false},
        {"key", offsetof(SplitAnnouncement, key), 4, 0, false},
        {"is_open", contact + offsetof(Contact, is_open), 4, 1, false},
        {"address_bytes", contact + offsetof(Contact, address_bytes), 4, sizeof(sockaddr_in), false},
        {"family", contact + offsetof(Contact, storage), 2, AF_INET, false},
        {"port", contact + offsetof(Contact, storage) + 2, 2, 0, false},
        {"token", contact + offsetof(Contact, token), 8, 0, false},
        {"joined", 0, 4, 1, false},
        {"lost", 4, 4, 0xffffffff, false}};
    fuzz.run(
        [&](Dice& dice) {
            const int n = dice.between(2, 4);
            const int liar = static_cast<int>(dice.below(index(n)));
            const Field& field = fields[dice.below(fields.size())];
            // Nobody else's port is to be called.
            const std::uint64_t value =
                field.name == "port" ? dice.one_of<std::uint16_t>({0, htons(unused[0].port()), htons(unused[1].port())})
                                     : dice.lie(field.truth, field.bytes);
            SCOPED_TRACE(text("rank ", liar, " of ", n, " says that its ", field.name, " is ", value));
            const Lie lie{field.place, said(field, value)};
            LyingJaccl ranks(mesh_of(n), liar);
            // The first message is the header, the second the announcement, the third the outcome.
            const int lied_in = field.name == "joined" || field.name == "lost" ? 2 : 1;
            const LyingDevice device(ranks[liar].links().front()->device().context(), [&](int message,
                                                                                          verbs::SendRequest& request) {
                if (message == lied_in)
                    (void)lie.change(0, reinterpret_cast<std::byte*>(request.sg_list->addr), request.sg_list->length);
            });
            std::vector<nc_backend_group> made(index(n));
            const Ends ends = ranks.run([&](int rank, JacclGroup& group) {
                nc_backend_options options{};
                options.forming_timeout_ms = 300 * slowness;
                options.fault = [](void*, const nc_error*) {};
                nc_group* none = nullptr;
                nc_request request = request_of(NC_SPLIT);
                request.new_group = &none;
                made[index(rank)] = group.split(request, call_within(ample_ms), options);
            });
            bool is_refused = false;
            for (int rank = 0; rank < n; ++rank) {
                const nc_backend_group& part = made[index(rank)];
                if (part.handle != nullptr) {
                    static_cast<JacclGroup*>(part.handle)->abort();
                    delete static_cast<JacclGroup*>(part.handle);
                }
                if (rank == liar) continue;
                const nc_status status = ends.status[index(rank)];
                const std::string what =
                    text("rank ", rank, ": ", status_name(status), ": ", ends.message[index(rank)]);
                if (status == NC_OK) {
                    EXPECT_TRUE(part.size >= 1 && part.size <= n && part.rank >= 0 && part.rank < part.size)
                        << part.rank << " of " << part.size;
                    continue;
                }
                is_refused = true;
                EXPECT_TRUE(status == NC_RENDEZVOUS_FAILED || status == NC_PEER_LOST || status == NC_TIMEOUT ||
                            status == NC_MISMATCH)
                    << what;
                EXPECT_NE(ends.message[index(rank)].find("rank "), std::string::npos) << what;
                EXPECT_LT(ends.peer[index(rank)], n) << what;
            }
            return std::string(is_refused ? "refused" : "harmless");
        },
        4);
    forget_violations();
    nc::test::verbs().softverbs_print_violations(1);
}

} // namespace NC_FILE
} // namespace nc::test
