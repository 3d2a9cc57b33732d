// SPDX-License-Identifier: BSD-2-Clause
/* Gratuitous ARP: the bytes, and when they are sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vrrp/announce.h"
#include "vrrp/ether.h"

static const uint64_t second = 1000000000;
static const uint64_t begin = 77777;

/* As tcpdump shows those of keepalived and arping; RFC 826, and RFC 5944 4.6 for the reply. */
static void frames_are_as_on_the_wire(void **unused)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0xaa, 0xbb, 0xcc };
	static const uint8_t request[ANNOUNCE_ARP] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0xaa, 0xbb, 0xcc, 8,    6,
		0,    1,    8,    0,    6,    4,    0, 1, 2, 0,    0,    0xaa, 0xbb, 0xcc,
		10,   20,   0,    10,   0,    0,    0, 0, 0, 0,    10,   20,   0,    10,
	};
	static const uint8_t reply[ANNOUNCE_ARP] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,    0,    0,    0xaa, 0xbb, 0xcc, 8,    6,
		0,    1,    8,    0,    6,    4,    0,    2,    2,    0,    0,    0xaa, 0xbb, 0xcc,
		10,   20,   0,    10,   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 10,   20,   0,    10,
	};
	static const struct addr addr = { 4, { 10, 20, 0, 10 } };
	uint8_t frame[ANNOUNCE_ARP];

	(void)unused;
	announce_arp(frame, mac, &addr, ANNOUNCE_REQUEST);
	assert_memory_equal(frame, request, sizeof(frame));
	announce_arp(frame, mac, &addr, ANNOUNCE_REPLY);
	assert_memory_equal(frame, reply, sizeof(frame));
}

/* RFC 4861, 4.4. */
static void neighbours_are_told_of_ipv6(void **unused)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0xaa, 0xbb, 0xcc };
	static const struct addr addr = { 6, { 0x20, 0x01, 0x0d, 0xb8, [15] = 0x64 } };
	static const uint8_t right[ANNOUNCE_ND] = {
		0x33, 0x33, 0,   0, 0,    1,    2,    0,    0,   0xaa, 0xbb, 0xcc, 0x86,
		0xdd, 0x60, 0,   0, 0,    0,    32,   58,   255, 0x20, 0x01, 0x0d, 0xb8,
		0,    0,    0,   0, 0,    0,    0,    0,    0,   0,    0,    0x64, 0xff,
		0x02, 0,    0,   0, 0,    0,    0,    0,    0,   0,    0,    0,    0,
		0,    1,    136, 0, 0xbb, 0xee, 0xa0, 0,    0,   0,    0x20, 0x01, 0x0d,
		0xb8, 0,    0,   0, 0,    0,    0,    0,    0,   0,    0,    0,    0x64,
		2,    1,    2,   0, 0,    0xaa, 0xbb, 0xcc,
	};
	uint8_t frame[ANNOUNCE_ND];

	(void)unused;
	announce_nd(frame, mac, &addr, true);
	assert_memory_equal(frame, right, sizeof(frame));
	announce_nd(frame, mac, &addr, false);
	assert_int_equal(frame[58], 0x20);
	/* The sum grows by what the flags lose, and one's complement carries around. */
	assert_int_equal(frame[56] << 8 | frame[57],
			 (right[56] << 8 | right[57]) + 0x8000 - 0xffff);
}

/* RFC 5227, 2.1.1; RFC 4861, 4.3 with the addresses of RFC 4862, 5.4.2. */
static void questions_tell_nobody_anything(void **unused)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0xaa, 0xbb, 0xcc };
	static const struct addr addr4 = { 4, { 10, 20, 0, 10 } };
	static const struct addr addr6 = { 6, { 0x20, 0x01, 0x0d, 0xb8, [15] = 0x64 } };
	static const uint8_t probe[ANNOUNCE_ARP] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0xaa, 0xbb, 0xcc, 8,    6,
		0,    1,    8,    0,    6,    4,    0, 1, 2, 0,    0,    0xaa, 0xbb, 0xcc,
		0,    0,    0,    0,    0,    0,    0, 0, 0, 0,    10,   20,   0,    10,
	};
	static const uint8_t solicitation[ANNOUNCE_ASK_ND] = {
		0x33, 0x33, 0xff, 0, 0,    0x64, 2,    0,    0,    0xaa, 0xbb, 0xcc, 0x86,
		0xdd, 0x60, 0,    0, 0,    0,    0x18, 0x3a, 0xff, 0,    0,    0,    0,
		0,    0,    0,    0, 0,    0,    0,    0,    0,    0,    0,    0,    0xff,
		2,    0,    0,    0, 0,    0,    0,    0,    0,    0,    1,    0xff, 0,
		0,    0x64, 0x87, 0, 0x4c, 0x27, 0,    0,    0,    0,    0x20, 1,    0x0d,
		0xb8, 0,    0,    0, 0,    0,    0,    0,    0,    0,    0,    0,    0x64,
	};
	uint8_t frame[ANNOUNCE_ASK_ND];

	(void)unused;
	announce_ask_arp(frame, mac, &addr4);
	assert_memory_equal(frame, probe, sizeof(probe));
	announce_ask_nd(frame, mac, &addr6);
	assert_memory_equal(frame, solicitation, sizeof(frame));
}

/* As the kernel would send them, but for the MAC address; RFC 1112, 6.4 and RFC 2464, 7. */
static void adverts_are_wrapped(void **unused)
{
	static const uint8_t head4[] = {
		0x01, 0x00, 0x5e, 0x00, 0x00, 0x12, 0x00, 0x00, 0x5e, 0x00, 0x01, 0x33,
		0x08, 0x00, 0x45, 0xc0, 0x00, 0x1c, 0x00, 0x00, 0x40, 0x00, 0xff, 0x70,
		0xd8, 0x9d, 0xc0, 0x00, 0x02, 0x01, 0xe0, 0x00, 0x00, 0x12,
	};
	static const uint8_t head6[] = {
		0x33, 0x33, 0x00, 0x00, 0x00, 0x12, 0x00, 0x00, 0x5e, 0x00, 0x02, 0x33, 0x86, 0xdd,
		0x6c, 0x00, 0x00, 0x00, 0x00, 0x08, 0x70, 0xff, 0xfe, 0x80, 0x00, 0x00, 0x00, 0x00,
		0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0xff, 0x02, 0x00, 0x00,
		0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x12,
	};
	static const uint8_t message[8] = { 0x31, 51, 254, 0, 0, 10, 1, 2 };
	struct ether_advert advert = { { 0, 0, 0x5e, 0, 1, 0x33 },
				       { 4, { 192, 0, 2, 1 } },
				       advert_group(4) };
	uint8_t frame[ETHER_MAX_BYTES];

	(void)unused;
	assert_int_equal(ether_wrap(frame, &advert, message, 8), sizeof(head4) + 8);
	assert_memory_equal(frame, head4, sizeof(head4));
	assert_memory_equal(frame + sizeof(head4), message, 8);
	advert.mac[4] = 2;
	advert.from = (struct addr){ 6, { 0xfe, 0x80, [15] = 1 } };
	advert.to = advert_group(6);
	assert_int_equal(ether_wrap(frame, &advert, message, 8), sizeof(head6) + 8);
	assert_memory_equal(frame, head6, sizeof(head6));
	assert_memory_equal(frame + sizeof(head6), message, 8);
}

/* Runs the schedule as a timer would, up to `until`; returns the number of rounds. */
static unsigned int rounds(struct announce_schedule *schedule, uint64_t until)
{
	unsigned int count = 0;

	while (schedule->next && schedule->next <= until) {
		assert_false(announce_due(schedule, schedule->next - 1));
		assert_true(announce_due(schedule, schedule->next));
		count++;
	}
	return count;
}

static void rounds_at_0_1_5_and_each_60_seconds(void **unused)
{
	static const uint64_t at[] = { 0, 1, 5, 65, 125, 185 };
	struct announce_schedule schedule;

	(void)unused;
	announce_start(&schedule, begin, ANNOUNCE_EVERY);
	for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++) {
		assert_int_equal(schedule.next, begin + at[i] * second);
		assert_true(announce_due(&schedule, schedule.next));
	}
}

static void questions_come_each_10_seconds(void **unused)
{
	static const uint64_t at[] = { 0, 1, 5, 15, 25 };
	struct announce_schedule schedule;

	(void)unused;
	announce_start(&schedule, begin, ANNOUNCE_ASK_EVERY);
	for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++) {
		assert_int_equal(schedule.next, begin + at[i] * second);
		assert_true(announce_due(&schedule, schedule.next));
	}
}

/* A timer that comes late leaves rounds out; it does not send them all at once. */
static void late_rounds_are_not_made_up_for(void **unused)
{
	struct announce_schedule schedule;

	(void)unused;
	announce_start(&schedule, begin, ANNOUNCE_EVERY);
	assert_true(announce_due(&schedule, begin + 20 * second));
	assert_false(announce_due(&schedule, begin + 20 * second));
	assert_int_equal(schedule.next, begin + 80 * second);
}

static void stopped_is_silent(void **unused)
{
	struct announce_schedule schedule;

	(void)unused;
	announce_start(&schedule, begin, ANNOUNCE_EVERY);
	announce_stop(&schedule);
	assert_int_equal(schedule.next, 0);
	assert_false(announce_due(&schedule, begin + 1000 * second));
	announce_again(&schedule, begin + 1000 * second);
	assert_false(announce_due(&schedule, begin + 1000 * second));
}

/* A rival in each 100 ms costs one round a second, and the plan goes on behind it. */
static void rivals_do_not_make_a_storm(void **unused)
{
	struct announce_schedule schedule;
	unsigned int count = 0;

	(void)unused;
	announce_start(&schedule, begin, ANNOUNCE_EVERY);
	rounds(&schedule, begin + 10 * second);
	for (uint64_t i = 100; i < 200; i++) {
		announce_again(&schedule, begin + i * second / 10);
		count += rounds(&schedule, begin + i * second / 10);
	}
	assert_in_range(count, 9, 11);
	rounds(&schedule, begin + 21 * second);
	assert_in_range(schedule.next, begin + 79 * second, begin + 81 * second);
}

/* Many addresses: in slices, then the plan goes on; leaving drops the rest. */
static void rounds_are_told_in_slices(void **unused)
{
	struct announce_schedule schedule;
	uint64_t now = begin;
	size_t slices = 0;

	(void)unused;
	announce_start(&schedule, begin, ANNOUNCE_EVERY);
	for (size_t told = 0; told < 100; slices++) {
		now = schedule.next;
		assert_true(announce_due(&schedule, now));
		assert_int_equal(schedule.told, told);
		told = told + ANNOUNCE_SLICE < 100 ? told + ANNOUNCE_SLICE : 100;
		announce_told(&schedule, now, told, 100);
		assert_false(announce_due(&schedule, now));
	}
	assert_int_equal(slices, 4);
	assert_in_range(now, begin + 10000000, begin + 50000000);
	assert_int_equal(schedule.next, begin + second);

	assert_true(announce_due(&schedule, begin + second));
	announce_told(&schedule, begin + second, 32, 100);
	announce_again(&schedule, begin + second);
	assert_int_equal(schedule.plan, begin + 2 * second); /* a round, once this one is told */
	announce_stop(&schedule);
	announce_told(&schedule, begin + second, 64, 100);
	assert_int_equal(schedule.next, 0);
}

static void first_rival_is_answered_at_once(void **unused)
{
	struct announce_schedule schedule;

	(void)unused;
	announce_start(&schedule, begin, ANNOUNCE_EVERY);
	rounds(&schedule, begin + 10 * second);
	announce_again(&schedule, begin + 30 * second);
	assert_true(announce_due(&schedule, begin + 30 * second));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_as_on_the_wire),
		cmocka_unit_test(neighbours_are_told_of_ipv6),
		cmocka_unit_test(adverts_are_wrapped),
		cmocka_unit_test(rounds_at_0_1_5_and_each_60_seconds),
		cmocka_unit_test(questions_tell_nobody_anything),
		cmocka_unit_test(questions_come_each_10_seconds),
		cmocka_unit_test(late_rounds_are_not_made_up_for),
		cmocka_unit_test(stopped_is_silent),
		cmocka_unit_test(rivals_do_not_make_a_storm),
		cmocka_unit_test(rounds_are_told_in_slices),
		cmocka_unit_test(first_rival_is_answered_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
