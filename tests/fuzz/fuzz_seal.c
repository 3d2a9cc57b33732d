// SPDX-License-Identifier: BSD-2-Clause
/* sources: proto/seal.c */
/*
 * What a stranger can send to the channel, and key files.  First byte: 0 the responder reads
 * message one, 1 the initiator reads message two, 2 a transport message, 3 a key as text.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

static struct seal_keypair pair_of(uint8_t byte)
{
	struct seal_keypair pair;
	uint8_t secret[SEAL_KEY];

	memset(secret, byte, sizeof(secret));
	if (!seal_keypair_from_secret(&pair, secret))
		abort();
	return pair;
}

static void try_handshake(bool initiator, const uint8_t *data, size_t length)
{
	const struct seal_keypair own = pair_of(initiator ? 1 : 2);
	const struct seal_keypair peer = pair_of(initiator ? 2 : 1);
	const struct seal_keypair ephemeral = pair_of(3);
	static uint8_t out[SEAL_MAX_MESSAGE];
	struct seal_handshake hs;
	int result;

	seal_handshake_start(&hs, initiator,
			     &(struct seal_terms){
				     .own = &own, .remote = peer.public, .ephemeral = &ephemeral });
	if (initiator && seal_handshake_write(&hs, out, sizeof(out), NULL, 0) < 0)
		abort();
	result = seal_handshake_read(&hs, out, sizeof(out), data, length);
	if (result >= 0 ? (size_t)result + SEAL_KEY + SEAL_TAG != length : result != -EBADMSG)
		abort();
	/* A handshake that failed is over. */
	if (result < 0 && seal_handshake_write(&hs, out, sizeof(out), NULL, 0) != -EINVAL)
		abort();
	seal_handshake_wipe(&hs);
}

static void try_transport(const uint8_t *data, size_t length)
{
	struct seal_cipher cipher = { .nonce = 0 };
	uint8_t *out = malloc(length >= SEAL_TAG ? length - SEAL_TAG + 1 : 1);

	if (!out)
		return;
	if (seal_decrypt(&cipher, out, data, length) && cipher.nonce)
		abort();
	free(out);
}

static void try_text(const uint8_t *data, size_t length)
{
	char *text = malloc(length + 1), printed[SEAL_KEY_TEXT];
	uint8_t key[SEAL_KEY];

	if (!text)
		return;
	memcpy(text, data, length);
	text[length] = '\0';
	if (seal_public_parse(key, text)) {
		seal_public_print(printed, key);
		if (strcmp(printed, text))
			abort();
	}
	if (seal_secret_parse(key, text)) {
		seal_secret_print(printed, key);
		if (strncmp(printed, text, strlen(printed)))
			abort();
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	if (!length || seal_init())
		return 0;
	switch (data[0]) {
	case 0:
	case 1:
		try_handshake(data[0] == 1, data + 1, length - 1);
		break;
	case 2:
		try_transport(data + 1, length - 1);
		break;
	default:
		try_text(data + 1, length - 1);
	}
	return 0;
}
