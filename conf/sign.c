// SPDX-License-Identifier: BSD-2-Clause
#include "conf/sign.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

static const char node_domain[] = "caspair sign 1";

struct sign_key {
	uint8_t secret[crypto_sign_SECRETKEYBYTES];
	uint8_t public[SIGN_KEY];
};

_Static_assert(SIGN_KEY == crypto_sign_PUBLICKEYBYTES, "Ed25519");
_Static_assert(SIGN_BYTES == crypto_sign_BYTES, "Ed25519");
_Static_assert(SEAL_KEY == crypto_sign_SEEDBYTES, "Ed25519");

/* The first half of the secret is the seed that it is made of. */
static void grow(struct sign_key *key)
{
	uint8_t seed[SEAL_KEY];

	memcpy(seed, key->secret, sizeof(seed));
	crypto_sign_seed_keypair(key->public, key->secret, seed);
	seal_wipe(seed, sizeof(seed));
}

int sign_key_of_node(struct sign_key **key, const struct seal_keypair *node)
{
	*key = seal_init() == 0 ? seal_alloc(sizeof(**key)) : NULL;
	if (!*key)
		return -ENOMEM;
	crypto_generichash((*key)->secret, SEAL_KEY, (const uint8_t *)node_domain,
			   sizeof(node_domain) - 1, node->secret, SEAL_KEY);
	grow(*key);
	return 0;
}

int sign_key_read(struct sign_key **key, const char *path, char why[KEY_WHY])
{
	int error;

	*key = seal_init() == 0 ? seal_alloc(sizeof(**key)) : NULL;
	if (!*key) {
		snprintf(why, KEY_WHY, "out of memory");
		return -ENOMEM;
	}
	error = key_read_signer((*key)->secret, path, why);
	if (error == 0) {
		grow(*key);
		return 0;
	}
	sign_key_free(*key);
	*key = NULL;
	return error;
}

int sign_key_create(const char *path, char text[SIGN_TEXT], char why[KEY_WHY])
{
	struct sign_key *key;
	int error = key_create_signer(path, why);

	if (error == 0)
		error = sign_key_read(&key, path, why);
	if (error < 0)
		return error;
	sign_public_print(text, key->public);
	sign_key_free(key);
	return 0;
}

void sign_key_free(struct sign_key *key)
{
	seal_free(key);
}

const uint8_t *sign_key_public(const struct sign_key *key)
{
	return key->public;
}

/* Ed25519ph, so that several parts need not be copied together. */
static void hash(crypto_sign_state *state, const char *domain, const void *bytes, size_t length)
{
	crypto_sign_init(state);
	crypto_sign_update(state, (const uint8_t *)domain, strlen(domain) + 1);
	crypto_sign_update(state, bytes, length);
}

void sign_make(uint8_t signature[SIGN_BYTES], const struct sign_key *key, const char *domain,
	       const void *bytes, size_t length)
{
	crypto_sign_state state;

	hash(&state, domain, bytes, length);
	crypto_sign_final_create(&state, signature, NULL, key->secret);
}

bool sign_holds(const uint8_t signature[SIGN_BYTES], const uint8_t key[SIGN_KEY],
		const char *domain, const void *bytes, size_t length)
{
	crypto_sign_state state;

	hash(&state, domain, bytes, length);
	return crypto_sign_final_verify(&state, signature, key) == 0;
}

bool sign_public_parse(uint8_t key[SIGN_KEY], const char *text)
{
	return seal_verifier_parse(key, text);
}

void sign_public_print(char text[SIGN_TEXT], const uint8_t key[SIGN_KEY])
{
	seal_verifier_print(text, key);
}

static bool is_key(const char *text, const uint8_t key[SIGN_KEY])
{
	uint8_t parsed[SIGN_KEY];

	return text && sign_public_parse(parsed, text) && memcmp(parsed, key, SIGN_KEY) == 0;
}

static bool say(char who[SIGN_WHO], const char *what, const char *name)
{
	if (who)
		snprintf(who, SIGN_WHO, "%s %s", what, name);
	return true;
}

static const Conf__Operator *operator_of(const Conf__Config *file, const uint8_t key[SIGN_KEY])
{
	for (size_t i = 0; i < file->n_operator_; i++)
		if (is_key(file->operator_[i]->signing_key, key))
			return file->operator_[i];
	return NULL;
}

bool sign_operator(const Conf__Config *file, const uint8_t key[SIGN_KEY])
{
	return operator_of(file, key) != NULL;
}

bool sign_whose(const Conf__Config *file, const uint8_t key[SIGN_KEY], char who[SIGN_WHO])
{
	const Conf__Operator *person = operator_of(file, key);

	for (size_t i = 0; i < file->n_node; i++)
		if (is_key(file->node[i]->signing_key, key) ||
		    is_key(file->node[i]->next_signing_key, key))
			return say(who, "node", file->node[i]->name);
	return person && say(who, "operator", person->name);
}

bool sign_any(const Conf__Config *file)
{
	for (size_t i = 0; i < file->n_node; i++)
		if (file->node[i]->signing_key)
			return true;
	return file->n_operator_ > 0;
}
