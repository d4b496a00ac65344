/* How the ranks stand to each other after an operation that failed. */
#pragma once

/* Said by the one who knows, never guessed from a status: a group goes on only if its ranks are known to be in step. */
typedef enum nc_standing {
    NC_OUT_OF_STEP = 0, /* or unknown: bytes of the operation may be under way, or a peer may have gone on without us */
    NC_IN_STEP = 1      /* nothing of the operation was begun, or all ranks agreed on how it ended */
} nc_standing;
