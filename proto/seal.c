// SPDX-License-Identifier: BSD-2-Clause
/*
 * Noise_KK_25519_ChaChaPoly_BLAKE2b.  The pattern, in the paper's notation (section 7.5):
 *
 *	KK:
 *	  -> s
 *	  <- s
 *	  ...
 *	  -> e, es, ss
 *	  <- e, ee, se			KKpsk2: <- e, ee, se, psk
 *
 * A handshake that fails is dead: its secrets are wiped and every further call refuses.
 */
#include "proto/seal.h"

#include <endian.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

enum {
	HASH_BLOCK = 128, /* BLAKE2b's, for HMAC */
	NONCE = crypto_aead_chacha20poly1305_ietf_NPUBBYTES,
	KEY_PREFIX = 5,
	KEY_BASE64 = 43, /* 32 bytes, no padding */
	KEY_VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
};

/* seal_handshake.message */
enum { MESSAGE_FIRST, MESSAGE_SECOND, MESSAGE_DONE, MESSAGE_DEAD };

static const char protocol_name[] = "Noise_KK_25519_ChaChaPoly_BLAKE2b";
static const char psk_protocol_name[] = "Noise_KKpsk2_25519_ChaChaPoly_BLAKE2b";
static const char prekey_label[] = "caspair pre 1";
static const char public_prefix[] = "cpk1_";
static const char secret_prefix[] = "csk1_";
static const char psk_prefix[] = "cps1_";
static const char verifier_prefix[] = "cvk1_";
static const char signer_prefix[] = "css1_";

_Static_assert(sizeof(psk_protocol_name) - 1 <= SEAL_HASH, "h is the name itself, zero-padded");
_Static_assert(SEAL_KEY == crypto_scalarmult_BYTES, "X25519");
_Static_assert(SEAL_KEY == crypto_scalarmult_SCALARBYTES, "X25519");
_Static_assert(SEAL_KEY == crypto_aead_chacha20poly1305_ietf_KEYBYTES, "ChaChaPoly");
_Static_assert(SEAL_TAG == crypto_aead_chacha20poly1305_ietf_ABYTES, "ChaChaPoly");
_Static_assert(SEAL_HASH == crypto_generichash_BYTES_MAX, "BLAKE2b");
_Static_assert(SEAL_KEY_TEXT > KEY_PREFIX + KEY_BASE64, "room for a key");

int seal_init(void)
{
	return sodium_init() < 0 ? -EIO : 0;
}

void seal_wipe(void *secret, size_t length)
{
	sodium_memzero(secret, length);
}

void *seal_alloc(size_t size)
{
	void *secret = sodium_malloc(size);

	if (secret)
		memset(secret, 0, size);
	return secret;
}

void seal_free(void *secret)
{
	sodium_free(secret);
}

void seal_random(void *bytes, size_t length)
{
	randombytes_buf(bytes, length);
}

uint64_t seal_digest(const uint8_t key[SEAL_DIGEST_KEY], const void *bytes, size_t length)
{
	uint64_t digest;

	crypto_shorthash((unsigned char *)&digest, bytes, length, key);
	return le64toh(digest);
}

/* --- keys ------------------------------------------------------------------------------------- */

bool seal_keypair_from_secret(struct seal_keypair *pair, const uint8_t secret[SEAL_KEY])
{
	if (sodium_is_zero(secret, SEAL_KEY))
		return false;
	memmove(pair->secret, secret, SEAL_KEY);
	return crypto_scalarmult_base(pair->public, pair->secret) == 0;
}

void seal_keypair_new(struct seal_keypair *pair)
{
	do
		randombytes_buf(pair->secret, SEAL_KEY);
	while (!seal_keypair_from_secret(pair, pair->secret));
}

static void key_print(char text[SEAL_KEY_TEXT], const char *prefix, const uint8_t key[SEAL_KEY])
{
	memcpy(text, prefix, KEY_PREFIX);
	sodium_bin2base64(text + KEY_PREFIX, SEAL_KEY_TEXT - KEY_PREFIX, key, SEAL_KEY,
			  KEY_VARIANT);
}

/*
 * A key has one spelling: what does not print as it was written is refused.  libsodium 1.0.18 takes
 * some bytes above 127 for digits.
 */
static bool key_parse(uint8_t key[SEAL_KEY], const char *prefix, const char *text, size_t length)
{
	char again[SEAL_KEY_TEXT];
	uint8_t parsed[SEAL_KEY];
	size_t bytes = 0;
	bool good;

	if (length != KEY_PREFIX + KEY_BASE64)
		return false;
	good = !sodium_base642bin(parsed, sizeof(parsed), text + KEY_PREFIX, KEY_BASE64, NULL,
				  &bytes, NULL, KEY_VARIANT) &&
	       bytes == SEAL_KEY;
	if (good) {
		key_print(again, prefix, parsed);
		good = !sodium_memcmp(again, text, length);
	}
	if (good)
		memcpy(key, parsed, SEAL_KEY);
	sodium_memzero(again, sizeof(again));
	sodium_memzero(parsed, sizeof(parsed));
	return good;
}

/* What a file of one line has: the line's end may still be there. */
static bool line_parse(uint8_t key[SEAL_KEY], const char *prefix, const char *text)
{
	return key_parse(key, prefix, text, strcspn(text, "\n")) &&
	       strlen(text) <= KEY_PREFIX + KEY_BASE64 + 1;
}

bool seal_public_parse(uint8_t key[SEAL_KEY], const char *text)
{
	return key_parse(key, public_prefix, text, strlen(text));
}

void seal_public_print(char text[SEAL_KEY_TEXT], const uint8_t key[SEAL_KEY])
{
	key_print(text, public_prefix, key);
}

bool seal_secret_parse(uint8_t key[SEAL_KEY], const char *text)
{
	return line_parse(key, secret_prefix, text);
}

void seal_secret_print(char text[SEAL_KEY_TEXT], const uint8_t key[SEAL_KEY])
{
	key_print(text, secret_prefix, key);
}

bool seal_psk_parse(uint8_t psk[SEAL_KEY], const char *text)
{
	return line_parse(psk, psk_prefix, text);
}

void seal_psk_print(char text[SEAL_KEY_TEXT], const uint8_t psk[SEAL_KEY])
{
	key_print(text, psk_prefix, psk);
}

bool seal_verifier_parse(uint8_t key[SEAL_KEY], const char *text)
{
	return key_parse(key, verifier_prefix, text, strlen(text));
}

void seal_verifier_print(char text[SEAL_KEY_TEXT], const uint8_t key[SEAL_KEY])
{
	key_print(text, verifier_prefix, key);
}

bool seal_signer_parse(uint8_t seed[SEAL_KEY], const char *text)
{
	return line_parse(seed, signer_prefix, text);
}

void seal_signer_print(char text[SEAL_KEY_TEXT], const uint8_t seed[SEAL_KEY])
{
	key_print(text, signer_prefix, seed);
}

/* --- hashing ---------------------------------------------------------------------------------- */

/* HMAC (RFC 2104) with BLAKE2b; `a` and `b` are the two halves of the text. */
static void hmac(uint8_t out[SEAL_HASH], const uint8_t key[SEAL_HASH], const uint8_t *a,
		 size_t a_length, uint8_t b)
{
	crypto_generichash_state state;
	uint8_t block[HASH_BLOCK] = { 0 };
	uint8_t inner[SEAL_HASH];

	memcpy(block, key, SEAL_HASH);
	for (size_t i = 0; i < HASH_BLOCK; i++)
		block[i] ^= 0x36;
	crypto_generichash_init(&state, NULL, 0, SEAL_HASH);
	crypto_generichash_update(&state, block, sizeof(block));
	crypto_generichash_update(&state, a, a_length);
	if (b)
		crypto_generichash_update(&state, &b, 1);
	crypto_generichash_final(&state, inner, sizeof(inner));

	for (size_t i = 0; i < HASH_BLOCK; i++)
		block[i] ^= 0x36 ^ 0x5c;
	crypto_generichash_init(&state, NULL, 0, SEAL_HASH);
	crypto_generichash_update(&state, block, sizeof(block));
	crypto_generichash_update(&state, inner, sizeof(inner));
	crypto_generichash_final(&state, out, SEAL_HASH);

	sodium_memzero(&state, sizeof(state));
	sodium_memzero(block, sizeof(block));
	sodium_memzero(inner, sizeof(inner));
}

/* HKDF with two outputs, section 4.3.  `first` may be `ck`. */
static void hkdf(uint8_t first[SEAL_HASH], uint8_t second[SEAL_HASH], const uint8_t ck[SEAL_HASH],
		 const uint8_t *material, size_t length)
{
	uint8_t temp[SEAL_HASH];

	hmac(temp, ck, material, length, 0);
	hmac(first, temp, NULL, 0, 1);
	hmac(second, temp, first, SEAL_HASH, 2);
	sodium_memzero(temp, sizeof(temp));
}

/* --- CipherState ------------------------------------------------------------------------------ */

/* 32 bits of zeros, then the counter in little endian: section 12.3. */
static void nonce_bytes(uint8_t bytes[NONCE], uint64_t nonce)
{
	memset(bytes, 0, NONCE);
	for (unsigned int i = 0; i < 8; i++)
		bytes[4 + i] = (uint8_t)(nonce >> (8 * i));
}

static int encrypt_with_ad(struct seal_cipher *cipher, uint8_t *out, const uint8_t *text,
			   size_t length, const uint8_t ad[SEAL_HASH])
{
	uint8_t nonce[NONCE];

	if (cipher->nonce == UINT64_MAX)
		return -EOVERFLOW;
	nonce_bytes(nonce, cipher->nonce);
	crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, text, length, ad, ad ? SEAL_HASH : 0,
						  NULL, nonce, cipher->key);
	cipher->nonce++;
	return 0;
}

static int decrypt_with_ad(struct seal_cipher *cipher, uint8_t *out, const uint8_t *sealed,
			   size_t length, const uint8_t ad[SEAL_HASH])
{
	uint8_t nonce[NONCE];

	if (cipher->nonce == UINT64_MAX)
		return -EOVERFLOW;
	nonce_bytes(nonce, cipher->nonce);
	if (crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed, length, ad,
						      ad ? SEAL_HASH : 0, nonce, cipher->key))
		return -EBADMSG;
	cipher->nonce++; /* a forged message does not move the counter */
	return 0;
}

int seal_encrypt(struct seal_cipher *cipher, uint8_t *out, const uint8_t *text, size_t length)
{
	if (length > SEAL_MAX_MESSAGE - SEAL_TAG)
		return -EMSGSIZE;
	return encrypt_with_ad(cipher, out, text, length, NULL);
}

int seal_decrypt(struct seal_cipher *cipher, uint8_t *out, const uint8_t *sealed, size_t length)
{
	if (length < SEAL_TAG || length > SEAL_MAX_MESSAGE)
		return -EBADMSG;
	return decrypt_with_ad(cipher, out, sealed, length, NULL);
}

/* --- SymmetricState --------------------------------------------------------------------------- */

static void mix_hash(struct seal_handshake *hs, const uint8_t *data, size_t length)
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, SEAL_HASH);
	crypto_generichash_update(&state, hs->h, SEAL_HASH);
	crypto_generichash_update(&state, data, length);
	crypto_generichash_final(&state, hs->h, SEAL_HASH);
}

static void mix_key(struct seal_handshake *hs, const uint8_t material[SEAL_KEY])
{
	uint8_t key[SEAL_HASH];

	hkdf(hs->ck, key, hs->ck, material, SEAL_KEY);
	memcpy(hs->cipher.key, key, SEAL_KEY);
	hs->cipher.nonce = 0;
	hs->has_key = true;
	sodium_memzero(key, sizeof(key));
}

/* MixKeyAndHash(psk), section 5.2: HKDF with three outputs. */
static void mix_psk(struct seal_handshake *hs)
{
	uint8_t temp[SEAL_HASH], second[SEAL_HASH], third[SEAL_HASH];

	hmac(temp, hs->ck, hs->psk, SEAL_KEY, 0);
	hmac(hs->ck, temp, NULL, 0, 1);
	hmac(second, temp, hs->ck, SEAL_HASH, 2);
	hmac(third, temp, second, SEAL_HASH, 3);
	mix_hash(hs, second, SEAL_HASH);
	memcpy(hs->cipher.key, third, SEAL_KEY);
	hs->cipher.nonce = 0;
	hs->has_key = true;
	sodium_memzero(temp, sizeof(temp));
	sodium_memzero(second, sizeof(second));
	sodium_memzero(third, sizeof(third));
}

/* The token e; with a psk an ephemeral key is a key as well (section 9.2). */
static void mix_e(struct seal_handshake *hs, const uint8_t public[SEAL_KEY])
{
	mix_hash(hs, public, SEAL_KEY);
	if (hs->psk)
		mix_key(hs, public);
}

/* MixKey(DH(...)); false for a public key of low order, whose secret everybody knows. */
static bool mix_dh(struct seal_handshake *hs, const uint8_t secret[SEAL_KEY],
		   const uint8_t public[SEAL_KEY])
{
	uint8_t shared[SEAL_KEY];
	const bool good = !crypto_scalarmult(shared, secret, public);

	if (good)
		mix_key(hs, shared);
	sodium_memzero(shared, sizeof(shared));
	return good;
}

static int encrypt_and_hash(struct seal_handshake *hs, uint8_t *out, const uint8_t *text,
			    size_t length)
{
	const int result = encrypt_with_ad(&hs->cipher, out, text, length, hs->h);

	if (!result)
		mix_hash(hs, out, length + SEAL_TAG);
	return result;
}

static int decrypt_and_hash(struct seal_handshake *hs, uint8_t *out, const uint8_t *sealed,
			    size_t length)
{
	uint8_t h[SEAL_HASH];

	/* `out` may be `sealed`: hash the ciphertext while it is there. */
	memcpy(h, hs->h, sizeof(h));
	mix_hash(hs, sealed, length);
	return decrypt_with_ad(&hs->cipher, out, sealed, length, h);
}

/* --- HandshakeState --------------------------------------------------------------------------- */

void seal_handshake_wipe(struct seal_handshake *hs)
{
	sodium_memzero(hs, sizeof(*hs));
	hs->message = MESSAGE_DEAD;
}

static int handshake_fail(struct seal_handshake *hs, int error)
{
	seal_handshake_wipe(hs);
	return error;
}

void seal_handshake_start(struct seal_handshake *hs, bool initiator, const struct seal_terms *terms)
{
	const uint8_t *own = terms->own->public, *remote = terms->remote;

	*hs = (struct seal_handshake){ .initiator = initiator,
				       .own = terms->own,
				       .psk = terms->psk };
	memcpy(hs->remote, remote, SEAL_KEY);
	if (terms->ephemeral) {
		hs->ephemeral = *terms->ephemeral;
		hs->fixed_ephemeral = true;
	}
	if (terms->psk)
		memcpy(hs->h, psk_protocol_name, sizeof(psk_protocol_name) - 1);
	else
		memcpy(hs->h, protocol_name, sizeof(protocol_name) - 1);
	memcpy(hs->ck, hs->h, SEAL_HASH);
	mix_hash(hs, terms->prologue, terms->length);
	mix_hash(hs, initiator ? own : remote, SEAL_KEY); /* -> s */
	mix_hash(hs, initiator ? remote : own, SEAL_KEY); /* <- s */
}

/* es: the initiator's ephemeral with the responder's static key; se: the other way round. */
static bool mix_ephemeral_static(struct seal_handshake *hs, bool ephemeral_is_own)
{
	if (ephemeral_is_own)
		return mix_dh(hs, hs->ephemeral.secret, hs->remote);
	return mix_dh(hs, hs->own->secret, hs->remote_ephemeral);
}

/* The tokens behind e; equal for the writer and the reader of a message. */
static bool mix_tokens(struct seal_handshake *hs)
{
	if (hs->message == MESSAGE_FIRST)
		return mix_ephemeral_static(hs, hs->initiator) &&      /* es */
		       mix_dh(hs, hs->own->secret, hs->remote);        /* ss */
	if (!mix_dh(hs, hs->ephemeral.secret, hs->remote_ephemeral) || /* ee */
	    !mix_ephemeral_static(hs, !hs->initiator))                 /* se */
		return false;
	if (hs->psk)
		mix_psk(hs);
	return true;
}

static bool may_write(const struct seal_handshake *hs)
{
	return hs->message == (hs->initiator ? MESSAGE_FIRST : MESSAGE_SECOND);
}

static bool may_read(const struct seal_handshake *hs)
{
	return hs->message == (hs->initiator ? MESSAGE_SECOND : MESSAGE_FIRST);
}

int seal_handshake_write(struct seal_handshake *hs, uint8_t *out, size_t size,
			 const uint8_t *payload, size_t length)
{
	const size_t overhead = SEAL_KEY + SEAL_TAG;

	if (!may_write(hs))
		return -EINVAL;
	if (length > SEAL_MAX_MESSAGE - overhead || size < length + overhead)
		return -EMSGSIZE;
	if (!hs->fixed_ephemeral)
		seal_keypair_new(&hs->ephemeral);
	memcpy(out, hs->ephemeral.public, SEAL_KEY);
	mix_e(hs, hs->ephemeral.public);
	if (!mix_tokens(hs) || encrypt_and_hash(hs, out + SEAL_KEY, payload, length))
		return handshake_fail(hs, -EINVAL);
	hs->message++;
	return (int)(length + overhead);
}

int seal_handshake_read(struct seal_handshake *hs, uint8_t *payload, size_t size,
			const uint8_t *message, size_t length)
{
	const size_t overhead = SEAL_KEY + SEAL_TAG;

	if (!may_read(hs))
		return -EINVAL;
	if (length < overhead || length > SEAL_MAX_MESSAGE || length - overhead > size)
		return handshake_fail(hs, -EBADMSG);
	memcpy(hs->remote_ephemeral, message, SEAL_KEY);
	mix_e(hs, hs->remote_ephemeral);
	if (!mix_tokens(hs) || decrypt_and_hash(hs, payload, message + SEAL_KEY, length - SEAL_KEY))
		return handshake_fail(hs, -EBADMSG);
	hs->message++;
	return (int)(length - overhead);
}

void seal_handshake_split(struct seal_handshake *hs, struct seal_cipher *send,
			  struct seal_cipher *receive)
{
	struct seal_cipher *first = hs->initiator ? send : receive;
	struct seal_cipher *second = hs->initiator ? receive : send;
	uint8_t keys[2][SEAL_HASH];

	/* Out of turn there is no key: ciphers that refuse everything. */
	*send = *receive = (struct seal_cipher){ .nonce = UINT64_MAX };
	if (hs->message == MESSAGE_DONE) {
		hkdf(keys[0], keys[1], hs->ck, NULL, 0);
		memcpy(first->key, keys[0], SEAL_KEY);
		memcpy(second->key, keys[1], SEAL_KEY);
		first->nonce = second->nonce = 0;
		sodium_memzero(keys, sizeof(keys));
	}
	seal_handshake_wipe(hs);
}

/* --- the keyed tag ---------------------------------------------------------------------------- */

bool seal_prekey(uint8_t prekey[SEAL_KEY], const struct seal_keypair *own,
		 const uint8_t remote[SEAL_KEY])
{
	crypto_generichash_state state;
	uint8_t shared[SEAL_KEY];
	const bool good = !crypto_scalarmult(shared, own->secret, remote);

	if (good) {
		crypto_generichash_init(&state, NULL, 0, SEAL_KEY);
		crypto_generichash_update(&state, (const uint8_t *)prekey_label,
					  sizeof(prekey_label) - 1);
		crypto_generichash_update(&state, shared, sizeof(shared));
		crypto_generichash_final(&state, prekey, SEAL_KEY);
		sodium_memzero(&state, sizeof(state));
	}
	sodium_memzero(shared, sizeof(shared));
	return good;
}

void seal_pretag(uint8_t tag[SEAL_PRETAG], const uint8_t prekey[SEAL_KEY], const uint8_t *data,
		 size_t length)
{
	crypto_generichash(tag, SEAL_PRETAG, data, length, prekey, SEAL_KEY);
}

bool seal_pretag_equal(const uint8_t a[SEAL_PRETAG], const uint8_t b[SEAL_PRETAG])
{
	return sodium_memcmp(a, b, SEAL_PRETAG) == 0;
}
