/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The opening of a channel, before any record: Noise KK behind a keyed tag.  Pure: bytes in, bytes
 * out.  The listening node is R, the connecting one I.
 *
 *	R -> I  HELLO  "CPS1" | 32 random bytes
 *	I -> R  INIT   1 | version | length LE16 | tag 16 | noise message
 *	R -> I  RESP   2 | version | length LE16 | noise message
 *	I -> R  first frame of the transport; before it R sends and believes nothing
 *
 * The tag is over HELLO, header and noise message, under a key that only the pair can compute: who
 * does not know it costs us one hash.  HELLO is in the prologue, so an INIT is good for one
 * connection only.  The payloads say who speaks (sync.Hello), and which language inside the frames;
 * the version above is of nothing but the greeting and the frames themselves.
 *
 * Where both nodes share a secret (psk) as well, the pattern is KKpsk2 and the first byte 16 more.
 */
#ifndef CASPAIR_SYNCD_GREET_H
#define CASPAIR_SYNCD_GREET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/seal.h"
#include "proto/wire.h"

enum {
	GREET_VERSION = 2,
	GREET_HELLO = 36,
	GREET_HEADER = 4,
	GREET_PAYLOAD = 120,                               /* room for a packed sync.Hello */
	GREET_NOISE = SEAL_KEY + GREET_PAYLOAD + SEAL_TAG, /* ours; a later version may say more */
	GREET_OUT = GREET_HEADER + SEAL_PRETAG + GREET_NOISE,
	GREET_IN = 256, /* more is never read before the other side has proved itself */
	GREET_PAIR = 64,
	GREET_KEYS = 4, /* two of ours with two of the peer's */
};

enum greet_refusal {
	GREET_OK = 0,
	GREET_BAD_VERSION, /* not our protocol, or another version of it */
	GREET_BAD_LENGTH,
	GREET_BAD_TAG,    /* a stranger, or a wrong key */
	GREET_BAD_SEAL,   /* wrong key, altered or replayed */
	GREET_BAD_HELLO,  /* authentic, but not what a syncd says */
	GREET_WRONG_NODE, /* of another pair, or not the node we expect */
	GREET_BAD_PSK,    /* good keys, and another psk than ours, or none */
	GREET_REFUSALS
};
extern const char *const greet_refusal_names[GREET_REFUSALS];

/* A key of ours and one of the peer's. */
struct greet_keys {
	const struct seal_keypair *own; /* borrowed */
	uint8_t remote[SEAL_KEY], prekey[SEAL_KEY];
};

/* Who we are and whom we expect; the same for all connections of a process.  Holds secrets. */
struct greet_self {
	struct greet_keys keys[GREET_KEYS]; /* the one we would rather use first */
	unsigned int count;
	bool has_psk;
	uint8_t psk[SEAL_KEY];
	char pair[GREET_PAIR];
	unsigned int node, peer;
	uint64_t boot;
	struct wire_terms terms;
};

/* Without keys.  0, or -ENAMETOOLONG for the pair's name. */
int greet_self_init(struct greet_self *self, const char *pair, unsigned int node);

/*
 * Two keys that go together, behind those that were added before.  While keys are exchanged each
 * node may have two.  0; -EINVAL for a key that cannot be used or is our own; -ENOSPC.
 */
int greet_self_add(struct greet_self *self, const struct seal_keypair *own,
		   const uint8_t remote[SEAL_KEY]);

struct greet {
	bool initiator, done;
	bool hello_seen;
	unsigned int keys; /* which of greet_self's; an initiator's caller chooses */
	uint8_t own[SEAL_KEY], remote[SEAL_KEY]; /* the public keys in use, once done */
	bool psk;                                /* likewise */
	uint64_t boot;                           /* names the peer's process, likewise */
	struct wire wire;                        /* what both speak, likewise */
	uint8_t hello[GREET_HELLO];
	uint8_t in[GREET_IN];
	size_t used;
	struct seal_handshake noise;
	struct seal_cipher send, receive; /* once done */
	enum greet_refusal refused;
};

/* Begins; returns the number of bytes to send now. */
size_t greet_begin(struct greet *greet, bool initiator, uint8_t out[GREET_OUT]);

/*
 * Takes what it needs of `bytes` and returns how much; the rest belongs to the transport. `*length`
 * bytes of `out` are to be sent.  Afterwards greet->done or greet->refused tell, or more is needed.
 */
size_t greet_input(struct greet *greet, const struct greet_self *self, const uint8_t *bytes,
		   size_t count, uint8_t out[GREET_OUT], size_t *length);

/* Whether this greeting, which is done, would still be done with the keys of `self`. */
bool greet_still_good(const struct greet *greet, const struct greet_self *self);

void greet_wipe(struct greet *greet);

#endif
