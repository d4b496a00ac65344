/* What tests may ask of the software provider beside the verbs: found with dlsym in softverbs/libibverbs.so.1.
 * README.md explains the words and the grammars.
 *
 * All of them may be called from any thread at any time. Null stands for the environment's value, or for the default
 * where that is not set, unless it says otherwise. Those that return int return 0, or EINVAL for what cannot be read
 * (which changes nothing and is explained on the standard error), or another errno. */
#ifndef NC_TESTS_SOFTVERBS_H
#define NC_TESTS_SOFTVERBS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Replaces the rules of NC_SOFTVERBS_FAULTS; all counts begin anew. Null or "" stand for no rules. */
typedef int softverbs_set_faults_function(const char* rules);
softverbs_set_faults_function softverbs_set_faults;

/* Contexts, protection domains, memory regions, completion queues, queue pairs and completion channels that have not
 * been destroyed. */
typedef size_t softverbs_live_objects_function(void);
softverbs_live_objects_function softverbs_live_objects;

/* How many strictness violations there were so far. Their texts, one per line, go into buffer, cut to size; buffer may
 * be null if size is 0. */
typedef size_t softverbs_violations_function(char* buffer, size_t size);
softverbs_violations_function softverbs_violations;

/* Forgets the violations so far. */
typedef void softverbs_clear_violations_function(void);
softverbs_clear_violations_function softverbs_clear_violations;

/* Whether violations are printed; they are counted either way. A test that provokes them by the hundred does not want
 * to read them. */
typedef void softverbs_print_violations_function(int prints);
softverbs_print_violations_function softverbs_print_violations;

/* Records into this file from now on, behind what it holds; with null nothing is recorded, whatever the environment
 * says. */
typedef int softverbs_set_record_function(const char* path);
softverbs_set_record_function softverbs_set_record;

/* The devices of this host, for device lists asked for from now on: "name,name,...". "" stands for none. */
typedef int softverbs_set_devices_function(const char* names);
softverbs_set_devices_function softverbs_set_devices;

/* "matched" or "posted", for sends posted from now on. */
typedef int softverbs_set_link_layer_function(const char* link_layer);
softverbs_set_link_layer_function softverbs_set_link_layer;
typedef int softverbs_set_completion_function(const char* completion);
softverbs_set_completion_function softverbs_set_completion;

/* "queue" or "drop". */
typedef int softverbs_set_uc_function(const char* uc);
softverbs_set_uc_function softverbs_set_uc;

/* "host:device-host:device,...". Null does not stand for the environment's value but for a switch: every device reaches
 * every other. */
typedef int softverbs_set_cables_function(const char* cables);
softverbs_set_cables_function softverbs_set_cables;

/* Whether ibv_create_comp_channel fails: "1", or "" or "0". */
typedef int softverbs_set_no_channel_function(const char* no_channel);
softverbs_set_no_channel_function softverbs_set_no_channel;

/* Whether data of other processes must come through sockets, as it does where a process may not read another's memory:
 * "1", or "" or "0". */
typedef int softverbs_set_no_peer_memory_function(const char* no_peer_memory);
softverbs_set_no_peer_memory_function softverbs_set_no_peer_memory;

/* Everything that can be set as the environment says, no violations. What is alive stays so. */
typedef void softverbs_reset_function(void);
softverbs_reset_function softverbs_reset;

#ifdef __cplusplus
}
#endif

#endif
