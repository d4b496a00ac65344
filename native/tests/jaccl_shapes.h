// How the ranks of a jaccl group are joined, as device matrices.
#pragma once

#include <ostream>
#include <string>

#include "base/error.h"

namespace nc::test {

// Rank r has the devices r<r> (mesh), or r<r>L<k> and r<r>R<k> (ring, to the left and to the right; with two ranks only
// the latter).
struct Shape {
    bool ring = false;
    int ranks = 2;
    int wires = 1; // of a ring
};
inline Shape mesh_of(int ranks) {
    return {false, ranks, 1};
}
inline Shape ring_of(int ranks, int wires = 1) {
    return {true, ranks, wires};
}

inline std::string names_json(int rank, char side, int wires) {
    std::string json;
    for (int wire = 0; wire < wires; ++wire) json += text(wire == 0 ? "[" : ",", "\"r", rank, side, wire, '"');
    return json + "]";
}

inline std::string name_of(const Shape& shape) {
    return shape.ring ? text("ring_of_", shape.ranks, "_with_", shape.wires, shape.wires == 1 ? "_wire" : "_wires")
                      : text("mesh_of_", shape.ranks);
}

inline void PrintTo(const Shape& shape, std::ostream* stream) {
    *stream << name_of(shape);
}

// The device matrix.
inline std::string matrix_json(const Shape& shape) {
    std::string json;
    for (int i = 0; i < shape.ranks; ++i) {
        json += i == 0 ? "[[" : "],[";
        for (int j = 0; j < shape.ranks; ++j) {
            if (j > 0) json += ",";
            const bool is_right = j == (i + 1) % shape.ranks;
            const bool is_left = i == (j + 1) % shape.ranks;
            if (i == j || (shape.ring && !is_left && !is_right)) {
                json += "null";
            } else {
                json += shape.ring ? names_json(i, is_right ? 'R' : 'L', shape.wires) : text("\"r", i, '"');
            }
        }
    }
    return json + "]]";
}

} // namespace nc::test
