/* SPDX-License-Identifier: BSD-2-Clause */
/* RPC interfaces as an operator writes them: a service's name, or UUID and version. */
#ifndef CASPAIR_RPCIF_H
#define CASPAIR_RPCIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RPCIF_WORDS = 4, /* in one check */
	RPCIF_PER_WORD = 2,
	RPCIF_MAX = RPCIF_WORDS * RPCIF_PER_WORD,
	RPCIF_TEXT = 48,
};

struct rpcif {
	uint8_t uuid[16]; /* as on the wire: the first three fields little-endian */
	uint16_t major, minor;
};

/*
 * What a word means: "rpc-client-access" (EMSMDB), "address-book" (NSPI and RFR), or
 * "UUID[/MAJOR[.MINOR]]", version 1.0 where none is given.  The number of interfaces, 0 when the
 * word is none of these.
 */
size_t rpcif_parse(struct rpcif found[RPCIF_PER_WORD], const char *word);

/* "emsmdb", "nspi", "rfr", or UUID and version. */
const char *rpcif_print(char text[RPCIF_TEXT], const struct rpcif *interface);

/* The same interface to a client: the minor version does not tell them apart (C706, 6.1.2). */
bool rpcif_same(const struct rpcif *one, const struct rpcif *other);

/* The services' names, for messages; NULL after the last. */
const char *rpcif_name(size_t index);

#endif
