/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The authenticated channel: Noise_KK_25519_ChaChaPoly_BLAKE2b (The Noise Protocol Framework,
 * revision 34), or Noise_KKpsk2_..., exactly as published, and the keyed tag that a stranger must
 * show before any Diffie-Hellman is done for him.  Pure: keys and bytes in, bytes out; the only
 * door to libsodium in this folder.  Every secret is wiped by the call that ends its life.
 */
#ifndef CASPAIR_SEAL_H
#define CASPAIR_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SEAL_KEY = 32,
	SEAL_TAG = 16,    /* AEAD overhead */
	SEAL_HASH = 64,   /* BLAKE2b */
	SEAL_PRETAG = 16, /* keyed tag in front of the first message */
	SEAL_DIGEST_KEY = 16,
	SEAL_KEY_TEXT = 64, /* "cpk1_" + base64url, with NUL */
	SEAL_MAX_MESSAGE = 65535,
};

struct seal_keypair {
	uint8_t secret[SEAL_KEY];
	uint8_t public[SEAL_KEY];
};

/* Once per process before anything else: 0 or -EIO. */
int seal_init(void);
void seal_keypair_new(struct seal_keypair *pair);
/* false when the secret is not usable (all zero). */
bool seal_keypair_from_secret(struct seal_keypair *pair, const uint8_t secret[SEAL_KEY]);

/* Public keys as text, "cpk1_..."; secrets in files, one line: keys "csk1_...", psks "cps1_...". */
bool seal_public_parse(uint8_t key[SEAL_KEY], const char *text);
void seal_public_print(char text[SEAL_KEY_TEXT], const uint8_t key[SEAL_KEY]);
bool seal_secret_parse(uint8_t key[SEAL_KEY], const char *text);
void seal_secret_print(char text[SEAL_KEY_TEXT], const uint8_t key[SEAL_KEY]);
bool seal_psk_parse(uint8_t psk[SEAL_KEY], const char *text);
void seal_psk_print(char text[SEAL_KEY_TEXT], const uint8_t psk[SEAL_KEY]);
/* What signs configurations: public halves "cvk1_...", the seed of a secret one "css1_...". */
bool seal_verifier_parse(uint8_t key[SEAL_KEY], const char *text);
void seal_verifier_print(char text[SEAL_KEY_TEXT], const uint8_t key[SEAL_KEY]);
bool seal_signer_parse(uint8_t seed[SEAL_KEY], const char *text);
void seal_signer_print(char text[SEAL_KEY_TEXT], const uint8_t seed[SEAL_KEY]);
void seal_wipe(void *secret, size_t length);
/* Memory for secrets: locked, kept out of core dumps, wiped when freed.  NULL: there is none. */
void *seal_alloc(size_t size);
void seal_free(void *secret);

/* One direction of transport: key and implicit counter. */
struct seal_cipher {
	uint8_t key[SEAL_KEY];
	uint64_t nonce;
};
/* out has length + SEAL_TAG; -EOVERFLOW when the counter is used up. */
int seal_encrypt(struct seal_cipher *cipher, uint8_t *out, const uint8_t *text, size_t length);
/* out has length - SEAL_TAG; -EBADMSG for anything the peer did not send just now. */
int seal_decrypt(struct seal_cipher *cipher, uint8_t *out, const uint8_t *sealed, size_t length);

struct seal_handshake {
	bool initiator;
	unsigned int message;           /* next one: 0 or 1 */
	const struct seal_keypair *own; /* borrowed: they stay where they are locked */
	const uint8_t *psk;             /* NULL: the pattern has none */
	struct seal_keypair ephemeral;
	uint8_t remote[SEAL_KEY], remote_ephemeral[SEAL_KEY];
	uint8_t h[SEAL_HASH], ck[SEAL_HASH];
	struct seal_cipher cipher;
	bool has_key;
	bool fixed_ephemeral; /* test vectors only */
};

/* What both sides know beforehand: KK, or with a secret that both share KKpsk2. */
struct seal_terms {
	const struct seal_keypair *own; /* borrowed until the handshake ends, as is the psk */
	const uint8_t *remote;          /* SEAL_KEY bytes */
	const uint8_t *psk;             /* SEAL_KEY bytes, or NULL */
	const uint8_t *prologue;
	size_t length;
	const struct seal_keypair *ephemeral; /* NULL outside of tests */
};
void seal_handshake_start(struct seal_handshake *hs, bool initiator,
			  const struct seal_terms *terms);
/* Next message: 32 bytes of e, then the sealed payload; returns its length, or negative errno. */
int seal_handshake_write(struct seal_handshake *hs, uint8_t *out, size_t size,
			 const uint8_t *payload, size_t length);
/* Returns the payload's length, or -EBADMSG. */
int seal_handshake_read(struct seal_handshake *hs, uint8_t *payload, size_t size,
			const uint8_t *message, size_t length);
/* After both messages.  Wipes the handshake. */
void seal_handshake_split(struct seal_handshake *hs, struct seal_cipher *send,
			  struct seal_cipher *receive);
void seal_handshake_wipe(struct seal_handshake *hs);

/* The keyed tag: key = BLAKE2b-256("caspair pre 1", X25519(own, remote)); cheap to check. */
bool seal_prekey(uint8_t prekey[SEAL_KEY], const struct seal_keypair *own,
		 const uint8_t remote[SEAL_KEY]);
void seal_pretag(uint8_t tag[SEAL_PRETAG], const uint8_t prekey[SEAL_KEY], const uint8_t *data,
		 size_t length);
bool seal_pretag_equal(const uint8_t a[SEAL_PRETAG], const uint8_t b[SEAL_PRETAG]);
void seal_random(void *bytes, size_t length);

/* A keyed hash of 64 bits (SipHash-2-4), for tables whose keys strangers choose. */
uint64_t seal_digest(const uint8_t key[SEAL_DIGEST_KEY], const void *bytes, size_t length);

#endif
