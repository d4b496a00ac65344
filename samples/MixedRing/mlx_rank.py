# One rank of a ring. The others may run this script or the .NET program beside it, in any mixture: both make the same calls in the same order, with equal counts
# and types.

import mlx.core as mx

group = mx.distributed.init(strict=True, backend="ring")  # MLX_RANK and MLX_HOSTFILE, from either launcher
rank, size = group.rank(), group.size()


def floats(*values):
    return mx.array(list(values), dtype=mx.float32)


def run(array):
    # MLX computes when it is asked for values; asked at once, it does the operations in the order of the program, as .NET does.
    mx.eval(array)
    return array


def text(array):
    return "[" + " ".join(f"{value:g}" for value in array.tolist()) + "]"


total = run(mx.distributed.all_sum(floats(1, 2, rank), group=group))
largest = run(mx.distributed.all_max(floats(rank, -rank), group=group))
everyone = run(mx.distributed.all_gather(floats(10 * rank), group=group))

# The ring sends to neighbours only.
run(mx.distributed.send(floats(rank + 0.5), (rank + 1) % size, group=group))
from_left = run(mx.distributed.recv_like(floats(0), (rank - 1) % size, group=group))

print(f"rank {rank} of {size}, MLX: {text(total)} {text(largest)} {text(everyone)} {text(from_left)}", flush=True)
