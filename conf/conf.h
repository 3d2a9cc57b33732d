/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration as one read-only value: text in, complaints with line and column out, text and
 * JSON out again.  The schema is conf/schema.proto; its generated struct is used as it is.
 */
#ifndef CASPAIR_CONF_H
#define CASPAIR_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "conf/revision.h"
#include "proto/flow_ip.h"
#include "proto/flow_limits.h"
#include "schema.pb-c.h"

enum {
	CONF_DIGEST_BYTES = 32,
	CONF_MAX_BYTES = 4 << 20,
	CONF_POOL_MAX = FLOW_SERVICE_SOURCES, /* addresses of a family in a snat-pool */
};

/* A file as the operator wrote it; the bytes end in a NUL that is not counted. */
struct conf_text {
	char *name; /* the first: pair.conf; others as they are found beside it: arrays/mel.conf */
	uint8_t *bytes;
	size_t length;
};

/*
 * A configuration that has passed every check.  `file` holds what was written plus all defaults
 * (every has_ of a field with a default is set), and every array holds its profile's services, so
 * that nobody has to look a profile up again.  Owned by the caller of conf_read(); never modified.
 */
struct conf {
	Conf__Config *file;
	uint8_t digest[CONF_DIGEST_BYTES]; /* BLAKE2b of the canonical text: equal on equal meaning
					    */
	/* The same without keys and the sync block: nodes that differ in those alone match. */
	uint8_t shared_digest[CONF_DIGEST_BYTES];
	char digest_text[13];   /* first 12 hex digits of `digest`, for people */
	struct conf_text *text; /* all files */
	size_t texts;
	struct revision revision;   /* of the store; none: a file was read */
	struct conf_source *source; /* where things stood in the file; opaque */
};

enum conf_severity { CONF_ERROR, CONF_WARNING };

struct conf_fault {
	enum conf_severity severity;
	unsigned int line, column; /* from 1; 0: the file as a whole */
	unsigned int file;         /* 0: the one that was read; else conf_faults.file[file - 1] */
	char *text;                /* without the place */
};

/* Every fault of one run, in the order of their places. */
struct conf_faults {
	struct conf_fault *fault;
	size_t count, errors, warnings;
	char **file; /* that were included, as they were named */
	size_t files;
};

/*
 * Reads and checks a file's text.  Returns the configuration, or NULL when there is at least one
 * error; `faults` is filled in both cases and freed by conf_faults_free().
 */
struct conf *conf_read(const char *text, size_t length, struct conf_faults *faults);

/* The same of several files: the first, and exactly those that it includes. */
struct conf *conf_read_texts(const struct conf_text *text, size_t texts,
			     struct conf_faults *faults);

/*
 * The same from a file and what it includes; what cannot be opened is a fault without a place.
 */
struct conf *conf_read_file(const char *path, struct conf_faults *faults);

void conf_free(struct conf *conf);
void conf_faults_free(struct conf_faults *faults);

/* "FILE:LINE:COLUMN", or "FILE" of a fault without a place, in a configuration called `name`. */
enum { CONF_PLACE = 4096 + 256 };
void conf_fault_place(const struct conf_faults *faults, const struct conf_fault *fault,
		      const char *name, char text[CONF_PLACE]);

/* Prints "FILE:LINE:COLUMN: [warning: ]TEXT" lines. */
void conf_faults_print(const struct conf_faults *faults, const char *name, FILE *out);

/* Canonical text (a fixed point of reading and printing) and JSON of any message. */
void conf_print(const Conf__Config *file, FILE *out);
void conf_print_json(const ProtobufCMessage *message, FILE *out);

/*
 * The address of a family that an array has as its VIP or as its gateway, or that a member or a
 * node has.  False, with none in `ip`, where there is none.
 */
bool conf_vip(const Conf__Array *array, enum flow_family family, struct flow_ip *ip);
bool conf_gateway(const Conf__Array *array, enum flow_family family, struct flow_ip *ip);
bool conf_address(const Conf__Member *member, enum flow_family family, struct flow_ip *ip);
bool conf_node_address(const Conf__Node *node, enum flow_family family, struct flow_ip *ip);

/* The addresses of a family in an array's snat-pool, ranges written out; how many. */
size_t conf_pool(const Conf__Array *array, enum flow_family family,
		 struct flow_ip ip[CONF_POOL_MAX]);

/* 1 or 2 for the name of a node block, 0 for a name that the file does not have. */
unsigned int conf_node(const struct conf *conf, const char *name);

/*
 * The choice hash's key, from what both nodes share and nobody changes: the pair's name.  Not from
 * their keys: clients stay with their members when one is exchanged.
 */
uint64_t conf_seed(const struct conf *conf);

/*
 * The name of a pool, equal on both nodes and over restarts: a hash of the array's name and the
 * affinity group, or the service's name where it has no group.  Never 0.
 */
uint32_t conf_pool_id(const Conf__Array *array, const Conf__Service *service);

/* The interfaces the data plane uses: forwarding.interface, else vrrp's. NULL-terminated, borrowed;
 * the array itself is freed by the caller. */
const char **conf_interfaces(const struct conf *conf);

#endif
