// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "proto/seal.h"

static int start_library(void **state)
{
	(void)state;
	return seal_init();
}

static void keys_as_text(void **state)
{
	char text[SEAL_KEY_TEXT], changed[SEAL_KEY_TEXT + 8];
	struct seal_keypair pair;
	uint8_t key[SEAL_KEY];

	(void)state;
	seal_keypair_new(&pair);
	seal_public_print(text, pair.public);
	assert_int_equal(strlen(text), 48);
	assert_memory_equal(text, "cpk1_", 5);
	assert_true(seal_public_parse(key, text));
	assert_memory_equal(key, pair.public, SEAL_KEY);
	assert_false(seal_secret_parse(key, text));
	seal_secret_print(text, pair.secret);
	assert_memory_equal(text, "csk1_", 5);
	assert_true(seal_secret_parse(key, text));
	assert_memory_equal(key, pair.secret, SEAL_KEY);
	assert_false(seal_public_parse(key, text));
	snprintf(changed, sizeof(changed), "%s\n", text);
	assert_true(seal_secret_parse(key, changed));
	snprintf(changed, sizeof(changed), "%s\n\n", text);
	assert_false(seal_secret_parse(key, changed));
	snprintf(changed, sizeof(changed), "%s\nx", text);
	assert_false(seal_secret_parse(key, changed));
}

static void bad_key_texts(void **state)
{
	/* 43 digits hold 258 bits: the last two must be zero, so that a key has one spelling. */
	static const char *const bad[] = {
		"",
		"cpk1_",
		"cpk1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"cpk1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"cpk1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",
		"cpk1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"cpk1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+A",
		"cpk1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/A",
		"cpk1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA AA",
		" cpk1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"cpk1_AAAAAAAAAAAAAAAAAAAAA\236AAAAAAAAAAAAAAAAAAAAA",
		"cpk2_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"CPK1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	};
	uint8_t key[SEAL_KEY];

	(void)state;
	assert_true(seal_public_parse(key, "cpk1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(key, 7, sizeof(key));
		if (seal_public_parse(key, bad[i]))
			fail_msg("accepted: %s", bad[i]);
		assert_int_equal(key[0], 7);
	}
}

static void both_ends_make_the_same_tag(void **state)
{
	uint8_t prekey[2][SEAL_KEY], tag[2][SEAL_PRETAG];
	struct seal_keypair one, two;

	(void)state;
	seal_keypair_new(&one);
	seal_keypair_new(&two);
	assert_true(seal_prekey(prekey[0], &one, two.public));
	assert_true(seal_prekey(prekey[1], &two, one.public));
	assert_memory_equal(prekey[0], prekey[1], SEAL_KEY);
	seal_pretag(tag[0], prekey[0], (const uint8_t *)"data", 4);
	seal_pretag(tag[1], prekey[1], (const uint8_t *)"data", 4);
	assert_true(seal_pretag_equal(tag[0], tag[1]));
	for (size_t bit = 0; bit < SEAL_PRETAG * 8; bit++) {
		tag[1][bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(seal_pretag_equal(tag[0], tag[1]));
		tag[1][bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	seal_pretag(tag[1], prekey[1], (const uint8_t *)"datA", 4);
	assert_false(seal_pretag_equal(tag[0], tag[1]));
	prekey[1][0] ^= 1;
	seal_pretag(tag[1], prekey[1], (const uint8_t *)"data", 4);
	assert_false(seal_pretag_equal(tag[0], tag[1]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_as_text),
		cmocka_unit_test(bad_key_texts),
		cmocka_unit_test(both_ends_make_the_same_tag),
	};

	return cmocka_run_group_tests(tests, start_library, NULL);
}
