/* A libnccl.so.2 that is there, says which version it is, and does nothing: for the tests of how libraries are found
 * and taken. */
#include <stdlib.h>

__attribute__((visibility("default"))) int ncclGetVersion(int* version) {
    const char* text = getenv("NC_STUB_NCCL_VERSION");
    if (text == NULL) return 3;
    *version = atoi(text);
    return 0;
}

#define NC_STUB(name)                                       \
    __attribute__((visibility("default"))) int name(void) { \
        return 3;                                           \
    }
NC_STUB(ncclGetUniqueId)
NC_STUB(ncclCommInitRankConfig)
#ifndef NC_STUB_INCOMPLETE
NC_STUB(ncclCommFinalize)
#endif
NC_STUB(ncclCommDestroy)
NC_STUB(ncclCommAbort)
NC_STUB(ncclCommGetAsyncError)
NC_STUB(ncclCommCount)
NC_STUB(ncclCommUserRank)
NC_STUB(ncclGroupStart)
NC_STUB(ncclGroupEnd)
NC_STUB(ncclAllReduce)
NC_STUB(ncclReduce)
NC_STUB(ncclBroadcast)
NC_STUB(ncclAllGather)
NC_STUB(ncclReduceScatter)
NC_STUB(ncclSend)
NC_STUB(ncclRecv)

/* No words for any result. */
__attribute__((visibility("default"))) const char* ncclGetErrorString(int result) {
    (void)result;
    return NULL;
}
