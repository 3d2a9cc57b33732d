/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads tests/data/noise-kk.txt.  For one test program; include it after <cmocka.h>. */
#ifndef CASPAIR_NOISE_VECTORS_H
#define CASPAIR_NOISE_VECTORS_H

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "proto/seal.h"

enum { BYTES_MAX = 256, MESSAGES_MAX = 8, VECTORS = 3 };

struct bytes {
	uint8_t byte[BYTES_MAX];
	size_t length;
};

struct vector {
	char name[900];
	struct bytes psk, prologue, init_static, init_ephemeral, init_remote_static;
	struct bytes resp_static, resp_ephemeral, resp_remote_static, handshake_hash;
	struct bytes payload[MESSAGES_MAX], ciphertext[MESSAGES_MAX];
	size_t messages;
};

static struct vector vectors[VECTORS];
static size_t vector_count;

static unsigned int digit(char c)
{
	assert_true(isxdigit((unsigned char)c));
	return (unsigned int)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void read_hex(struct bytes *bytes, const char *text)
{
	bytes->length = 0;
	for (; *text; text += 2) {
		assert_true(bytes->length < BYTES_MAX);
		bytes->byte[bytes->length++] = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
	}
}

static struct bytes *field_named(struct vector *vector, const char *key)
{
	const struct {
		const char *key;
		struct bytes *bytes;
	} fields[] = {
		{ "prologue", &vector->prologue },
		{ "psk", &vector->psk },
		{ "init_static", &vector->init_static },
		{ "init_ephemeral", &vector->init_ephemeral },
		{ "init_remote_static", &vector->init_remote_static },
		{ "resp_static", &vector->resp_static },
		{ "resp_ephemeral", &vector->resp_ephemeral },
		{ "resp_remote_static", &vector->resp_remote_static },
		{ "handshake_hash", &vector->handshake_hash },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (!strcmp(fields[i].key, key))
			return fields[i].bytes;
	fail_msg("unknown key %s", key);
	return NULL;
}

static void take_line(const char *key, const char *value)
{
	struct vector *vector = vector_count ? &vectors[vector_count - 1] : NULL;

	if (!strcmp(key, "name")) {
		assert_true(vector_count < VECTORS);
		snprintf(vectors[vector_count++].name, sizeof(vectors->name), "%s", value);
		return;
	}
	assert_non_null(vector);
	if (!strcmp(key, "payload")) {
		assert_true(vector->messages < MESSAGES_MAX);
		read_hex(&vector->payload[vector->messages], value);
	} else if (!strcmp(key, "ciphertext")) {
		read_hex(&vector->ciphertext[vector->messages++], value);
	} else {
		read_hex(field_named(vector, key), value);
	}
}

static int load_vectors(void **state)
{
	FILE *file = fopen("tests/data/noise-kk.txt", "re");
	char line[1024], key[32], value[900];

	(void)state;
	if (!file || seal_init()) {
		perror("tests/data/noise-kk.txt (run from the top of the tree)");
		return -1;
	}
	while (fgets(line, sizeof(line), file))
		if (line[0] != '#' && sscanf(line, "%31s = %899s", key, value) == 2)
			take_line(key, value);
	fclose(file);
	return vector_count == VECTORS ? 0 : -1;
}

#endif
