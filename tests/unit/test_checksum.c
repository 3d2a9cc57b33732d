// SPDX-License-Identifier: BSD-2-Clause
/* Checksums that were left to the device are completed, and no other ones. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "lbd/checksum.h"

/* A SYN-ACK of 10.30.0.21:7000 to 10.20.0.100:40000, and one of IPv6; checksums by Scapy's rules.
 */
enum { V4 = 14 + 20 + 24, V6 = 14 + 40 + 24, TAGGED = V4 + 8 };

static void header_of_tcp(uint8_t *tcp)
{
	static const uint8_t bytes[] = { 0x1b, 0x58, 0x9c, 0x40, 0, 0, 0x13, 0x88, 0, 0, 3, 0xe9,
					 0x60, 0x12, 0xff, 0xff, 0, 0, 0,    0,    2, 4, 5, 0xb4 };

	memcpy(tcp, bytes, sizeof(bytes));
}

static void make_v4(uint8_t *frame)
{
	static const uint8_t ip[] = { 0x45, 0, 0,  44, 0, 0,  0x40, 0,  64, 6,
				      0,    0, 10, 30, 0, 21, 10,   20, 0,  100 };

	memset(frame, 0x11, 12);
	frame[12] = 8;
	frame[13] = 0;
	memcpy(frame + 14, ip, sizeof(ip));
	header_of_tcp(frame + 34);
}

static void make_v6(uint8_t *frame)
{
	static const uint8_t ip[40] = { 0x60, [5] = 24, [6] = 6, [7] = 64,    [8] = 0x20,
					1,    0xd,      0xb8,    [23] = 0x15, [24] = 0x20,
					1,    0xd,      0xb8,    [39] = 0x64 };

	memset(frame, 0x11, 12);
	frame[12] = 0x86;
	frame[13] = 0xdd;
	memcpy(frame + 14, ip, sizeof(ip));
	header_of_tcp(frame + 54);
}

/* The slow way: bytes of pseudo header and segment in one row. */
static uint16_t sum_of(const uint8_t *addresses, size_t bytes, const uint8_t *tcp, size_t length)
{
	uint8_t row[128] = { 0 };
	uint32_t sum = 0;

	memcpy(row, addresses, bytes);
	row[bytes + 1] = 6;
	row[bytes + 3] = (uint8_t)length;
	memcpy(row + bytes + 4, tcp, length);
	for (size_t i = 0; i < sizeof(row); i += 2)
		sum += (uint32_t)(row[i] << 8 | row[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static void put(uint8_t *at, uint16_t word)
{
	at[0] = (uint8_t)(word >> 8);
	at[1] = (uint8_t)word;
}

static void leave(const uint8_t *addresses, size_t bytes, uint8_t *tcp, size_t length)
{
	static const uint8_t nothing[24];

	put(tcp + 16, sum_of(addresses, bytes, nothing, length));
}

/* The sum over nothing but the pseudo header. */
static void left_to_the_device(void **state)
{
	uint8_t frame[V6];

	(void)state;
	make_v4(frame);
	leave(frame + 26, 8, frame + 34, 24);
	checksum_complete(frame, V4);
	assert_int_equal(sum_of(frame + 26, 8, frame + 34, 24), 0xffff);
	make_v6(frame);
	leave(frame + 22, 32, frame + 54, 24);
	checksum_complete(frame, V6);
	assert_int_equal(sum_of(frame + 22, 32, frame + 54, 24), 0xffff);
}

static void in_one_ones_complement_nothing_is_nothing(void **state)
{
	uint8_t frame[V4];

	(void)state;
	make_v4(frame);
	/* Addresses that make the pseudo header's sum 0xffff; some write that as 0. */
	put(frame + 32, 0);
	put(frame + 32, (uint16_t)(0xffff - sum_of(frame + 26, 8, frame + 34, 0) - 24));
	put(frame + 34 + 16, 0);
	checksum_complete(frame, V4);
	assert_int_equal(sum_of(frame + 26, 8, frame + 34, 24), 0xffff);
}

static void any_other_stays(void **state)
{
	uint8_t frame[V4], before[V4];

	(void)state;
	make_v4(frame);
	put(frame + 50, (uint16_t)~sum_of(frame + 26, 8, frame + 34, 24));
	memcpy(before, frame, V4);
	checksum_complete(frame, V4);
	assert_memory_equal(frame, before, V4);
	/* A damaged one stays damaged. */
	frame[40] ^= 1;
	memcpy(before, frame, V4);
	checksum_complete(frame, V4);
	assert_memory_equal(frame, before, V4);
}

static void behind_tags(void **state)
{
	uint8_t plain[V4], frame[TAGGED];
	static const uint8_t tags[] = { 0x88, 0xa8, 0, 7, 0x81, 0, 0, 9 };

	(void)state;
	make_v4(plain);
	leave(plain + 26, 8, plain + 34, 24);
	memcpy(frame, plain, 12);
	memcpy(frame + 12, tags, sizeof(tags));
	memcpy(frame + 20, plain + 12, V4 - 12);
	checksum_complete(frame, TAGGED);
	assert_int_equal(sum_of(frame + 34, 8, frame + 42, 24), 0xffff);
}

/* Cut anywhere, nothing is read or written beyond; the sanitizer watches. */
static void cut_short(void **state)
{
	uint8_t frame[V6];

	(void)state;
	for (size_t length = 0; length < V6; length++) {
		make_v6(frame);
		leave(frame + 22, 32, frame + 54, 24);
		checksum_complete(frame, length);
		assert_int_not_equal(sum_of(frame + 22, 32, frame + 54, 24), 0xffff);
	}
	for (size_t length = 0; length < V4; length++) {
		make_v4(frame);
		leave(frame + 26, 8, frame + 34, 24);
		checksum_complete(frame, length);
		assert_int_not_equal(sum_of(frame + 26, 8, frame + 34, 24), 0xffff);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(left_to_the_device),
		cmocka_unit_test(in_one_ones_complement_nothing_is_nothing),
		cmocka_unit_test(any_other_stays),
		cmocka_unit_test(behind_tags),
		cmocka_unit_test(cut_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
