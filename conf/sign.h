/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may push a configuration: Ed25519 keys of the nodes and of operators.  A node's is derived
 * from the secret that it has anyway, so that nobody must make and keep another one.
 */
#ifndef CASPAIR_SIGN_H
#define CASPAIR_SIGN_H

#include "conf/conf.h"
#include "conf/key.h"

enum {
	SIGN_KEY = SEAL_KEY,       /* public */
	SIGN_BYTES = 64,           /* a signature */
	SIGN_TEXT = SEAL_KEY_TEXT, /* "cvk1_...", with NUL */
	SIGN_WHO = 80,
};

struct sign_key; /* the secret half too: in locked memory, wiped when freed */

/*
 * The key of a node: seed = BLAKE2b-256(key = its secret, "caspair sign 1").  0 or -ENOMEM; freed
 * by sign_key_free(), which takes NULL as well.
 */
int sign_key_of_node(struct sign_key **key, const struct seal_keypair *node);
/* An operator's, from a file that is refused as key_read() refuses one: mode, owner, content. */
int sign_key_read(struct sign_key **key, const char *path, char why[KEY_WHY]);
/* Makes one and its file, and prints the public half; never overwrites. */
int sign_key_create(const char *path, char text[SIGN_TEXT], char why[KEY_WHY]);
void sign_key_free(struct sign_key *key);
const uint8_t *sign_key_public(const struct sign_key *key);

/* Over `domain`, which keeps kinds of signatures apart, and the bytes. */
void sign_make(uint8_t signature[SIGN_BYTES], const struct sign_key *key, const char *domain,
	       const void *bytes, size_t length);
bool sign_holds(const uint8_t signature[SIGN_BYTES], const uint8_t key[SIGN_KEY],
		const char *domain, const void *bytes, size_t length);

bool sign_public_parse(uint8_t key[SIGN_KEY], const char *text);
void sign_public_print(char text[SIGN_TEXT], const uint8_t key[SIGN_KEY]);

/* Whose key it is in a configuration: "node lb1", "operator anna"; `who` may be NULL. */
bool sign_whose(const Conf__Config *file, const uint8_t key[SIGN_KEY], char who[SIGN_WHO]);
/* Is it an operator's there? */
bool sign_operator(const Conf__Config *file, const uint8_t key[SIGN_KEY]);
/* Has the configuration any?  Without one nothing can be pushed. */
bool sign_any(const Conf__Config *file);

#endif
