// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "proto/seal.h"
#include "tests/unit/noise_vectors.h"

/* --- two ends of a vector --------------------------------------------------------------------- */

static struct seal_keypair pair_of(const struct bytes *secret)
{
	struct seal_keypair pair;

	assert_int_equal(secret->length, SEAL_KEY);
	assert_true(seal_keypair_from_secret(&pair, secret->byte));
	return pair;
}

static void start(struct seal_handshake *hs, const struct vector *v, bool initiator)
{
	static struct seal_keypair own[2]; /* borrowed by the handshakes */
	const struct seal_keypair e = pair_of(initiator ? &v->init_ephemeral : &v->resp_ephemeral);
	const struct bytes *remote = initiator ? &v->init_remote_static : &v->resp_remote_static;

	own[initiator] = pair_of(initiator ? &v->init_static : &v->resp_static);
	seal_handshake_start(hs, initiator,
			     &(struct seal_terms){ .own = &own[initiator],
						   .remote = remote->byte,
						   .psk = v->psk.length ? v->psk.byte : NULL,
						   .prologue = v->prologue.byte,
						   .length = v->prologue.length,
						   .ephemeral = &e });
}

static void say(const struct vector *v, size_t i, struct seal_handshake *writer,
		struct seal_handshake *reader)
{
	const struct bytes *payload = &v->payload[i], *sealed = &v->ciphertext[i];
	uint8_t message[BYTES_MAX], read[BYTES_MAX];
	int length;

	length = seal_handshake_write(writer, message, sizeof(message), payload->byte,
				      payload->length);
	assert_int_equal(length, sealed->length);
	assert_memory_equal(message, sealed->byte, sealed->length);
	length = seal_handshake_read(reader, read, payload->length, message, sealed->length);
	assert_int_equal(length, payload->length);
	assert_memory_equal(read, payload->byte, payload->length);
}

static void handshake_is_the_published_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < vector_count; i++) {
		const struct vector *v = &vectors[i];
		struct seal_handshake one, two;

		start(&one, v, true);
		start(&two, v, false);
		say(v, 0, &one, &two);
		say(v, 1, &two, &one);
		assert_memory_equal(one.h, two.h, SEAL_HASH);
		assert_memory_equal(one.ck, two.ck, SEAL_HASH);
		if (v->handshake_hash.length)
			assert_memory_equal(one.h, v->handshake_hash.byte, SEAL_HASH);
		seal_handshake_wipe(&one);
		seal_handshake_wipe(&two);
	}
}

struct end {
	struct seal_cipher send, receive;
};

static void connect_ends(const struct vector *v, struct end *one, struct end *two)
{
	struct seal_handshake hs[2];

	start(&hs[0], v, true);
	start(&hs[1], v, false);
	say(v, 0, &hs[0], &hs[1]);
	say(v, 1, &hs[1], &hs[0]);
	seal_handshake_split(&hs[0], &one->send, &one->receive);
	seal_handshake_split(&hs[1], &two->send, &two->receive);
}

static void transport_is_the_published_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < vector_count; i++) {
		const struct vector *v = &vectors[i];
		struct end end[2];

		connect_ends(v, &end[0], &end[1]);
		assert_true(v->messages >= 4);
		for (size_t m = 2; m < v->messages; m++) {
			const struct bytes *text = &v->payload[m], *sealed = &v->ciphertext[m];
			uint8_t out[BYTES_MAX], back[BYTES_MAX];

			assert_int_equal(
				seal_encrypt(&end[m % 2].send, out, text->byte, text->length), 0);
			assert_int_equal(text->length + SEAL_TAG, sealed->length);
			assert_memory_equal(out, sealed->byte, sealed->length);
			assert_int_equal(
				seal_decrypt(&end[1 - m % 2].receive, back, out, sealed->length),
				0);
			assert_memory_equal(back, text->byte, text->length);
		}
	}
}

/* --- what must be refused --------------------------------------------------------------------- */

/* Brings a reader to where message `m` (0 or 1) is the next one. */
static void reader_of(struct seal_handshake *reader, const struct vector *v, size_t m)
{
	struct seal_handshake writer;

	start(reader, v, m == 1);
	if (m == 1) {
		start(&writer, v, false);
		say(v, 0, reader, &writer);
	}
}

static void assert_dead(struct seal_handshake *hs)
{
	const uint8_t zero[SEAL_KEY] = { 0 };
	struct seal_cipher send, receive;
	uint8_t bytes[BYTES_MAX] = { 0 };

	assert_null(hs->own);
	assert_memory_equal(hs->ephemeral.secret, zero, SEAL_KEY);
	assert_memory_equal(hs->ck, zero, SEAL_KEY);
	assert_int_equal(seal_handshake_write(hs, bytes, sizeof(bytes), bytes, 0), -EINVAL);
	assert_int_equal(seal_handshake_read(hs, bytes, sizeof(bytes), bytes, 48), -EINVAL);
	seal_handshake_split(hs, &send, &receive);
	assert_int_equal(seal_encrypt(&send, bytes, bytes, 1), -EOVERFLOW);
	assert_int_equal(seal_decrypt(&receive, bytes, bytes, SEAL_TAG), -EOVERFLOW);
}

static void every_bit_of_the_handshake_counts(void **state)
{
	(void)state;
	for (size_t i = 0; i < vector_count * 2; i++) {
		const struct vector *v = &vectors[i / 2];
		const struct bytes *message = &v->ciphertext[i % 2];

		for (size_t bit = 0; bit < message->length * 8; bit++) {
			struct bytes changed = *message;
			struct seal_handshake reader;
			uint8_t read[BYTES_MAX];

			changed.byte[bit / 8] ^= (uint8_t)(1 << bit % 8);
			reader_of(&reader, v, i % 2);
			if (seal_handshake_read(&reader, read, sizeof(read), changed.byte,
						changed.length) != -EBADMSG)
				fail_msg("%s: message %zu, bit %zu", v->name, i % 2, bit);
			assert_dead(&reader);
		}
	}
}

static void every_other_length_is_refused(void **state)
{
	(void)state;
	for (size_t m = 0; m < 2; m++) {
		const struct bytes *message = &vectors[0].ciphertext[m];

		for (size_t length = 0; length <= BYTES_MAX; length++) {
			struct seal_handshake reader;
			uint8_t read[BYTES_MAX];
			const int expected = length == message->length
						     ? (int)vectors[0].payload[m].length
						     : -EBADMSG;

			reader_of(&reader, &vectors[0], m);
			assert_int_equal(seal_handshake_read(&reader, read, sizeof(read),
							     message->byte, length),
					 expected);
			seal_handshake_wipe(&reader);
		}
	}
}

static void another_prologue_key_or_role_is_refused(void **state)
{
	const struct bytes *message = &vectors[0].ciphertext[0];
	uint8_t read[BYTES_MAX];

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		struct vector v = vectors[0];
		struct seal_handshake reader;

		if (i == 0)
			v.prologue.byte[0] ^= 1;
		else if (i == 1)
			v.resp_remote_static = vectors[1].resp_remote_static;
		else
			v.resp_static = vectors[1].resp_static;
		start(&reader, &v, false);
		assert_int_equal(seal_handshake_read(&reader, read, sizeof(read), message->byte,
						     message->length),
				 -EBADMSG);
	}
}

/* The first message comes back to the one who sent it. */
static void reflection_is_refused(void **state)
{
	uint8_t message[BYTES_MAX], read[BYTES_MAX];
	struct seal_handshake one;
	int length;

	(void)state;
	start(&one, &vectors[0], true);
	length = seal_handshake_write(&one, message, sizeof(message), NULL, 0);
	assert_int_equal(length, SEAL_KEY + SEAL_TAG);
	assert_int_equal(seal_handshake_read(&one, read, sizeof(read), message, (size_t)length),
			 -EBADMSG);
	assert_dead(&one);
}

static void turns_and_room_are_checked(void **state)
{
	uint8_t message[BYTES_MAX];
	struct seal_handshake one, two;

	(void)state;
	start(&one, &vectors[0], true);
	start(&two, &vectors[0], false);
	assert_int_equal(seal_handshake_read(&one, message, 0, message, 48), -EINVAL);
	assert_int_equal(seal_handshake_write(&two, message, BYTES_MAX, NULL, 0), -EINVAL);
	assert_int_equal(seal_handshake_write(&one, message, 47, NULL, 0), -EMSGSIZE);
	assert_int_equal(seal_handshake_write(&one, message, BYTES_MAX, message, 65535), -EMSGSIZE);
	/* Too little room is the caller's mistake, which does not end the handshake. */
	assert_int_equal(seal_handshake_write(&one, message, 48, NULL, 0), 48);
	/* A payload longer than expected is the peer's. */
	assert_int_equal(seal_handshake_write(&one, message, 48, NULL, 0), -EINVAL);
	assert_int_equal(seal_handshake_read(&two, message, 3, vectors[0].ciphertext[0].byte,
					     vectors[0].ciphertext[0].length),
			 -EBADMSG);
	assert_dead(&two);
	seal_handshake_wipe(&one);
}

/* Points of small order give a secret that everybody knows: all zero. */
static void keys_of_small_order_are_refused(void **state)
{
	static const uint8_t weak[][SEAL_KEY] = {
		{ 0 },
		{ 1 },
		{ 0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
		  0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
		  0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00 },
	};
	const struct seal_keypair own = pair_of(&vectors[0].init_static);
	uint8_t prekey[SEAL_KEY], message[BYTES_MAX];
	struct seal_handshake hs;

	(void)state;
	for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++) {
		assert_false(seal_prekey(prekey, &own, weak[i]));
		seal_handshake_start(&hs, true,
				     &(struct seal_terms){ .own = &own, .remote = weak[i] });
		assert_int_equal(seal_handshake_write(&hs, message, BYTES_MAX, NULL, 0), -EINVAL);
		/* As an ephemeral key it comes from the wire. */
		start(&hs, &vectors[0], false);
		memset(message, 0, sizeof(message));
		memcpy(message, weak[i], SEAL_KEY);
		assert_int_equal(seal_handshake_read(&hs, message, BYTES_MAX, message, 48),
				 -EBADMSG);
		assert_dead(&hs);
	}
}

/* Lost, repeated, reordered, changed and cut messages do not open; the next right one does. */
static void transport_opens_only_what_comes_next(void **state)
{
	uint8_t sealed[3][SEAL_TAG + 5], text[8];
	struct end one, two;

	(void)state;
	connect_ends(&vectors[0], &one, &two);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(seal_encrypt(&one.send, sealed[i], (const uint8_t *)"hello", 5),
				 0);
	assert_int_equal(seal_decrypt(&two.receive, text, sealed[1], sizeof(sealed[1])), -EBADMSG);
	assert_int_equal(seal_decrypt(&two.receive, text, sealed[0], sizeof(sealed[0])), 0);
	assert_int_equal(seal_decrypt(&two.receive, text, sealed[0], sizeof(sealed[0])), -EBADMSG);
	assert_int_equal(seal_decrypt(&one.receive, text, sealed[1], sizeof(sealed[1])), -EBADMSG);
	for (size_t length = 0; length < sizeof(sealed[1]); length++)
		assert_int_equal(seal_decrypt(&two.receive, text, sealed[1], length), -EBADMSG);
	for (size_t bit = 0; bit < sizeof(sealed[1]) * 8; bit++) {
		sealed[1][bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(seal_decrypt(&two.receive, text, sealed[1], sizeof(sealed[1])),
				 -EBADMSG);
		sealed[1][bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(seal_decrypt(&two.receive, text, sealed[1], sizeof(sealed[1])), 0);
	assert_int_equal(seal_decrypt(&two.receive, text, sealed[2], sizeof(sealed[2])), 0);
	assert_memory_equal(text, "hello", 5);
}

static void counters_end(void **state)
{
	struct seal_cipher cipher = { .nonce = UINT64_MAX - 1 };
	uint8_t sealed[SEAL_TAG];

	(void)state;
	assert_int_equal(seal_encrypt(&cipher, sealed, NULL, 0), 0);
	assert_int_equal(seal_encrypt(&cipher, sealed, NULL, 0), -EOVERFLOW);
	assert_int_equal(seal_decrypt(&cipher, sealed, sealed, SEAL_TAG), -EOVERFLOW);
	cipher.nonce = 0;
	assert_int_equal(seal_encrypt(&cipher, sealed, sealed, SEAL_MAX_MESSAGE), -EMSGSIZE);
}

/* A payload opened where it lies, as the channel does. */
static void works_in_place(void **state)
{
	uint8_t message[BYTES_MAX];
	struct seal_handshake two;
	struct end one, other;

	(void)state;
	start(&two, &vectors[0], false);
	memcpy(message, vectors[0].ciphertext[0].byte, vectors[0].ciphertext[0].length);
	assert_int_equal(seal_handshake_read(&two, message + SEAL_KEY, BYTES_MAX - SEAL_KEY,
					     message, vectors[0].ciphertext[0].length),
			 vectors[0].payload[0].length);
	assert_memory_equal(message + SEAL_KEY, vectors[0].payload[0].byte,
			    vectors[0].payload[0].length);
	seal_handshake_wipe(&two);

	connect_ends(&vectors[0], &one, &other);
	memcpy(message, "text", 4);
	assert_int_equal(seal_encrypt(&one.send, message, message, 4), 0);
	assert_int_equal(seal_decrypt(&other.receive, message, message, 4 + SEAL_TAG), 0);
	assert_memory_equal(message, "text", 4);
}

/* --- keys ------------------------------------------------------------------------------------- */

static void ephemerals_are_fresh(void **state)
{
	uint8_t message[2][SEAL_KEY + SEAL_TAG];
	struct seal_keypair own, peer;
	struct seal_handshake hs;

	(void)state;
	seal_keypair_new(&own);
	seal_keypair_new(&peer);
	for (size_t i = 0; i < 2; i++) {
		seal_handshake_start(&hs, true,
				     &(struct seal_terms){ .own = &own, .remote = peer.public });
		assert_int_equal(seal_handshake_write(&hs, message[i], sizeof(message[i]), NULL, 0),
				 sizeof(message[i]));
		seal_handshake_wipe(&hs);
	}
	assert_memory_not_equal(message[0], message[1], SEAL_KEY);
}

/* The responder shows that it knows the psk; who has another one, or none, gets no further. */
static void a_psk_is_shared_or_it_fails(void **state)
{
	struct vector with = vectors[2], other = vectors[2], without = vectors[2];
	struct seal_handshake one, two;
	uint8_t first[BYTES_MAX], second[BYTES_MAX], read[BYTES_MAX];
	int length;

	(void)state;
	assert_int_equal(with.psk.length, SEAL_KEY);
	other.psk.byte[31] ^= 1;
	without.psk.length = 0;
	start(&one, &with, true);
	start(&two, &other, false);
	length = seal_handshake_write(&one, first, sizeof(first), NULL, 0);
	assert_int_equal(seal_handshake_read(&two, read, sizeof(read), first, (size_t)length), 0);
	length = seal_handshake_write(&two, second, sizeof(second), NULL, 0);
	assert_int_equal(seal_handshake_read(&one, read, sizeof(read), second, (size_t)length),
			 -EBADMSG);
	/* One of them has none: they do not speak the same protocol. */
	start(&one, &with, true);
	start(&two, &without, false);
	length = seal_handshake_write(&one, first, sizeof(first), NULL, 0);
	assert_int_equal(seal_handshake_read(&two, read, sizeof(read), first, (size_t)length),
			 -EBADMSG);
}

/* The vectors give each static key twice: its secret to one end, its public half to the other. */
static void public_key_of_a_secret(void **state)
{
	const uint8_t zero[SEAL_KEY] = { 0 };
	struct seal_keypair pair;

	(void)state;
	for (size_t i = 0; i < vector_count; i++) {
		pair = pair_of(&vectors[i].init_static);
		assert_memory_equal(pair.public, vectors[i].resp_remote_static.byte, SEAL_KEY);
		pair = pair_of(&vectors[i].resp_static);
		assert_memory_equal(pair.public, vectors[i].init_remote_static.byte, SEAL_KEY);
	}
	assert_false(seal_keypair_from_secret(&pair, zero));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handshake_is_the_published_one),
		cmocka_unit_test(transport_is_the_published_one),
		cmocka_unit_test(every_bit_of_the_handshake_counts),
		cmocka_unit_test(every_other_length_is_refused),
		cmocka_unit_test(another_prologue_key_or_role_is_refused),
		cmocka_unit_test(reflection_is_refused),
		cmocka_unit_test(turns_and_room_are_checked),
		cmocka_unit_test(keys_of_small_order_are_refused),
		cmocka_unit_test(transport_opens_only_what_comes_next),
		cmocka_unit_test(counters_end),
		cmocka_unit_test(works_in_place),
		cmocka_unit_test(ephemerals_are_fresh),
		cmocka_unit_test(a_psk_is_shared_or_it_fails),
		cmocka_unit_test(public_key_of_a_secret),
	};

	return cmocka_run_group_tests(tests, load_vectors, NULL);
}
