// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "proto/flow_tables.h"
#include "syncd/tally.h"

static const uint8_t key[SEAL_DIGEST_KEY] = { 1, 2, 3 };

static struct tally_scope scope(uint32_t slices, uint32_t part, uint32_t parts)
{
	struct tally_scope made = { .slices = slices, .part = part, .parts = parts };

	memcpy(made.key, key, sizeof(key));
	return made;
}

static struct tally *tally_new(struct tally_scope of)
{
	struct tally *tally = calloc(1, sizeof(*tally));

	assert_int_equal(tally_open(tally, &of, 0), 0);
	return tally;
}

static void tally_free(struct tally *tally)
{
	tally_close(tally);
	free(tally);
}

static struct flow_event flow(uint32_t n, uint32_t member)
{
	return (struct flow_event){ .kind = EVENT_FLOW_PUT,
				    .state = FLOW_ESTABLISHED,
				    .key = { flow_ip4(htonl(n)), flow_ip4(htonl(1)),
					     htons((uint16_t)n), htons(135) },
				    .member = flow_ip4(htonl(member)) };
}

static struct flow_event pin(uint32_t n, uint32_t pool, uint32_t member)
{
	return (struct flow_event){ .kind = EVENT_PIN_PUT,
				    .key.client = flow_ip4(htonl(n)),
				    .pool_id = pool,
				    .member = flow_ip4(htonl(member)) };
}

static void count(struct tally *tally, struct flow_event event)
{
	assert_int_equal(tally_count(tally, &event), 0);
}

/*
 * Two versions compare their tables: what is hashed, and how, is part of the version of the stream
 * (proto/sync.proto), whatever the tables are like.
 */
static void digests_are_what_they_were(void **state)
{
	struct tally *tally = tally_new(scope(1, 0, 1));
	struct flow_event through = flow(7, 9);

	(void)state;
	count(tally, flow(3, 4));
	assert_int_equal(tally->sum[0], 0x53e8c9d712030fe3);
	count(tally, pin(3, 1, 4));
	through.mode = MODE_SNAT;
	through.flags = FLOW_DOOMED | FLOW_PICKED_UP;
	through.source = flow_ip4(htonl(8));
	through.source_port = htons(1234);
	count(tally, through);
	assert_int_equal(tally->sum[0], 0x47457b90d70dfb79);
	tally_free(tally);
}

static void leave_out(struct tally *tally, struct flow_event event)
{
	event.kind = event.kind == EVENT_FLOW_PUT ? EVENT_FLOW_DEL : event.kind;
	assert_int_equal(tally_leave_out(tally, &event), 0);
}

static void assert_same(const struct tally *a, const struct tally *b, bool same)
{
	assert_int_equal(memcmp(a->sum, b->sum, sizeof(a->sum)) == 0, same);
}

static void the_order_does_not_matter(void **state)
{
	struct tally *a = tally_new(scope(64, 0, 1)), *b = tally_new(scope(64, 0, 1));

	(void)state;
	for (uint32_t i = 0; i < 5000; i++) {
		count(a, i % 7 ? flow(i, i % 3) : pin(i, 9, i % 3));
		count(b, (4999 - i) % 7 ? flow(4999 - i, (4999 - i) % 3)
					: pin(4999 - i, 9, (4999 - i) % 3));
	}
	assert_int_equal(a->counted, 5000);
	assert_same(a, b, true);
	tally_free(a);
	tally_free(b);
}

/* Each field that is promised makes a difference, and no other does. */
static void what_is_promised(void **state)
{
	struct flow_event base = flow(7, 3), other[12];
	bool same[12] = { false };
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < 12; i++)
		other[i] = base;
	other[n++].member = flow_ip4(htonl(4));
	other[n++].mode = MODE_DSR;
	other[n++].flags = FLOW_DOOMED;
	other[n++].flags = FLOW_OUTBOUND;
	other[n++].source_port = htons(9);
	other[n++].source = flow_ip4(htonl(9));
	other[n++].key.client_port = htons(8);
	same[n] = true;
	other[n++].flags = FLOW_REPLICA | FLOW_PICKED_UP | FLOW_HEARD | FLOW_REVIVED | FLOW_UNREAD;
	same[n] = true;
	other[n++].client_ack = 5;
	same[n] = true;
	other[n++].epoch = 5;
	same[n] = true;
	other[n++].state = FLOW_CLIENT_FIN;
	same[n] = true;
	other[n].age = 77;
	other[n++].idle = 5;
	for (size_t i = 0; i < n; i++) {
		struct tally *a = tally_new(scope(1, 0, 1)), *b = tally_new(scope(1, 0, 1));

		count(a, base);
		count(b, other[i]);
		assert_same(a, b, same[i]);
		assert_int_equal(tally_equal(&base, &other[i]), same[i]);
		tally_free(a);
		tally_free(b);
	}
	other[0] = base;
	other[0].kind = EVENT_FLOW_DEL;
	assert_false(tally_equal(&base, &other[0]));
}

static void another_key_gives_other_sums(void **state)
{
	struct tally_scope of = scope(1, 0, 1);
	struct tally *a = tally_new(of), *b;

	(void)state;
	of.key[15] ^= 1;
	b = tally_new(of);
	count(a, flow(1, 1));
	count(b, flow(1, 1));
	assert_same(a, b, false);
	tally_free(a);
	tally_free(b);
}

/* Named before it is counted, after it, twice, or without being there: it is not in the sum. */
static void what_changes_is_left_out(void **state)
{
	struct tally *a = tally_new(scope(16, 0, 1)), *b = tally_new(scope(16, 0, 1));
	struct flow_event early = flow(5, 1), late = flow(6, 1), none = flow(900, 1);

	(void)state;
	leave_out(a, early);
	for (uint32_t i = 0; i < 2000; i++) {
		count(a, flow(i, 1));
		if (i != 5 && i != 6)
			count(b, flow(i + (i == 900 ? 5000 : 0), 1));
	}
	leave_out(a, late);
	leave_out(a, late);
	leave_out(a, none);
	leave_out(b, none);
	assert_false(tally_left_out(b, &early));
	assert_true(tally_left_out(a, &early));
	assert_true(tally_left_out(a, &late));
	assert_int_equal(a->left_out, 3);
	assert_int_equal(a->counted, 1997);
	count(a, flow(5900, 1));
	assert_same(a, b, true);
	tally_free(a);
	tally_free(b);
}

static void parts_share_the_slices(void **state)
{
	struct tally *whole = tally_new(scope(64, 0, 1)), *part[5];
	uint64_t counted = 0;

	(void)state;
	for (uint32_t p = 0; p < 5; p++)
		part[p] = tally_new(scope(64, p, 5));
	for (uint32_t i = 0; i < 3000; i++) {
		count(whole, flow(i, 1));
		for (uint32_t p = 0; p < 5; p++)
			count(part[p], flow(i, 1));
	}
	for (uint32_t p = 0; p < 5; p++)
		counted += part[p]->counted;
	assert_int_equal(counted, 3000);
	for (uint32_t s = 0; s < 64; s++)
		assert_int_equal(whole->sum[s], part[s % 5]->sum[s]);
	for (uint32_t p = 0; p < 5; p++)
		tally_free(part[p]);
	tally_free(whole);
}

static void a_scope_suits_the_table(void **state)
{
	static const uint64_t sizes[] = { 0, 1, 1000, 65536, 1000000, 10000000, UINT64_MAX };
	struct tally_scope of = scope(0, 0, 0);

	(void)state;
	assert_false(tally_scope_valid(&of));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		tally_divide(&of, sizes[i]);
		assert_true(tally_scope_valid(&of));
		if (sizes[i] <= 10000000)
			assert_true(sizes[i] / of.parts <= TALLY_ENTRIES);
	}
	of = scope(TALLY_SLICES + 1, 0, 1);
	assert_false(tally_scope_valid(&of));
	of = scope(16, 3, 3);
	assert_false(tally_scope_valid(&of));
	of = scope(16, 0, TALLY_PARTS + 1);
	assert_false(tally_scope_valid(&of));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests_are_what_they_were),
		cmocka_unit_test(the_order_does_not_matter),
		cmocka_unit_test(what_is_promised),
		cmocka_unit_test(another_key_gives_other_sums),
		cmocka_unit_test(what_changes_is_left_out),
		cmocka_unit_test(parts_share_the_slices),
		cmocka_unit_test(a_scope_suits_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
