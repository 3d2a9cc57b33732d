// SPDX-License-Identifier: BSD-2-Clause
/* Who claims an address of ours, and how often it is defended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vrrp/announce.h"
#include "vrrp/dispute.h"

enum { ETHER_HEADER = 14, ARP_BYTES = 28, ND_BYTES = 72 };

static const uint64_t begin = 777, second = 1000000000;
static const uint8_t stranger[6] = { 2, 0, 0, 0xaa, 0xbb, 0xcc };
static const struct addr vip4 = { 4, { 10, 20, 0, 10 } };
static const struct addr vip6 = { 6, { 0x20, 0x01, 0x0d, 0xb8, [15] = 0x64 } };

/* What announces an address is what claims it. */
static void arp(uint8_t packet[ARP_BYTES], enum announce_form form)
{
	uint8_t frame[ANNOUNCE_ARP];

	announce_arp(frame, stranger, &vip4, form);
	memcpy(packet, frame + ETHER_HEADER, ARP_BYTES);
}

static void nd(uint8_t packet[ND_BYTES])
{
	uint8_t frame[ANNOUNCE_ND];

	announce_nd(frame, stranger, &vip6, false);
	memcpy(packet, frame + ETHER_HEADER, ND_BYTES);
}

static void both_forms_of_arp_claim(void **unused)
{
	static const enum announce_form forms[] = { ANNOUNCE_REQUEST, ANNOUNCE_REPLY };
	uint8_t packet[ARP_BYTES];
	struct claim claim;

	(void)unused;
	for (size_t i = 0; i < 2; i++) {
		memset(&claim, 0, sizeof(claim));
		arp(packet, forms[i]);
		assert_true(dispute_read_arp(&claim, packet, sizeof(packet)));
		assert_int_equal(addr_compare(&claim.addr, &vip4), 0);
		assert_memory_equal(claim.mac, stranger, sizeof(stranger));
	}
}

/* An ARP packet with one byte changed that makes it none, or nobody's. */
static void other_arp_claims_nothing(void **unused)
{
	static const struct {
		size_t at;
		uint8_t value;
	} rows[] = {
		{ 1, 6 },                        /* hardware */
		{ 2, 0x86 },                     /* protocol */
		{ 4, 8 },                        /* sizes */
		{ 5, 16 },   { 6, 1 }, { 7, 0 }, /* operation */
		{ 7, 3 },    { 8, 3 },           /* a MAC address of many */
	};
	uint8_t packet[ARP_BYTES];
	struct claim claim;

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		arp(packet, ANNOUNCE_REQUEST);
		packet[rows[i].at] = rows[i].value;
		assert_false(dispute_read_arp(&claim, packet, sizeof(packet)));
	}
	arp(packet, ANNOUNCE_REQUEST);
	memset(packet + 14, 0, 4); /* a probe: RFC 5227, 2.1.1 */
	assert_false(dispute_read_arp(&claim, packet, sizeof(packet)));
	arp(packet, ANNOUNCE_REQUEST);
	memset(packet + 8, 0, 6);
	assert_false(dispute_read_arp(&claim, packet, sizeof(packet)));
	arp(packet, ANNOUNCE_REQUEST);
	for (size_t length = 0; length < ARP_BYTES; length++)
		assert_false(dispute_read_arp(&claim, packet, length));
}

static void an_advertisement_claims(void **unused)
{
	static const uint8_t sender[6] = { 2, 0, 0, 1, 1, 1 };
	uint8_t packet[ND_BYTES];
	struct claim claim;

	(void)unused;
	nd(packet);
	assert_true(dispute_read_nd(&claim, packet, sizeof(packet), sender));
	assert_int_equal(addr_compare(&claim.addr, &vip6), 0);
	assert_memory_equal(claim.mac, stranger, sizeof(stranger));
	/* Behind another option, and without any. */
	packet[64] = 14;
	assert_true(dispute_read_nd(&claim, packet, sizeof(packet), sender));
	assert_memory_equal(claim.mac, sender, sizeof(sender));
	packet[5] = 24;
	assert_true(dispute_read_nd(&claim, packet, sizeof(packet), sender));
	assert_memory_equal(claim.mac, sender, sizeof(sender));
}

static void damaged_advertisements_claim_nothing(void **unused)
{
	static const struct {
		size_t at;
		uint8_t value;
	} rows[] = {
		{ 0, 0x45 }, { 6, 17 }, { 7, 254 },            /* a router has forwarded it */
		{ 5, 23 },   { 5, 33 }, { 4, 1 },   { 5, 28 }, /* lengths */
		{ 40, 135 }, { 41, 1 }, { 65, 0 },  { 65, 2 }, { 66, 3 },
	};
	uint8_t packet[ND_BYTES];
	struct claim claim;

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		nd(packet);
		packet[rows[i].at] = rows[i].value;
		assert_false(dispute_read_nd(&claim, packet, sizeof(packet), stranger));
	}
	nd(packet);
	for (size_t length = 0; length < ND_BYTES; length++)
		assert_false(dispute_read_nd(&claim, packet, length, stranger));
}

static void a_claim_is_answered_once_a_second(void **unused)
{
	static struct disputes disputes;
	const struct claim claim = { .addr = vip4, .ifindex = 2 };
	unsigned int defences = 0;

	(void)unused;
	memset(&disputes, 0, sizeof(disputes));
	assert_int_equal(dispute_note(&disputes, &claim, begin), DISPUTE_BEGINS | DISPUTE_DEFEND);
	assert_int_equal(dispute_note(&disputes, &claim, begin + 1), 0);
	assert_int_equal(dispute_note(&disputes, &claim, begin + second - 1), 0);
	assert_int_equal(dispute_note(&disputes, &claim, begin + second), DISPUTE_DEFEND);
	for (uint64_t i = 1; i <= 10000; i++)
		defences += dispute_note(&disputes, &claim, begin + second + i * second / 1000);
	assert_int_equal(defences, 10 * DISPUTE_DEFEND);
	assert_int_equal(disputes.defences, 12);
	assert_int_equal(disputes.claims, 10004);
	assert_int_equal(disputes.count, 1);
}

/* The last word must not be the stranger's. */
static void a_defence_that_waits_comes(void **unused)
{
	static struct disputes disputes;
	const struct claim claim = { .addr = vip4 }, other = { .addr = vip6 };

	(void)unused;
	memset(&disputes, 0, sizeof(disputes));
	dispute_note(&disputes, &other, begin);
	dispute_note(&disputes, &claim, begin);
	assert_false(dispute_owes(&disputes));
	assert_null(dispute_due(&disputes, begin + second));
	dispute_note(&disputes, &claim, begin + 1);
	assert_true(dispute_owes(&disputes));
	assert_null(dispute_due(&disputes, begin + second - 1));
	assert_int_equal(addr_compare(dispute_due(&disputes, begin + second), &vip4), 0);
	assert_null(dispute_due(&disputes, begin + second));
	assert_false(dispute_owes(&disputes));
	assert_int_equal(disputes.defences, 3);
	/* One that comes with the next claim is not owed twice. */
	dispute_note(&disputes, &claim, begin + second + 1);
	assert_int_equal(dispute_note(&disputes, &claim, begin + 2 * second), DISPUTE_DEFEND);
	assert_false(dispute_owes(&disputes));
	dispute_note(&disputes, &claim, begin + 2 * second);
	dispute_forget(&disputes);
	assert_false(dispute_owes(&disputes));
}

/* Whoever changes his MAC address gets no more answers by that, and the latest is told. */
static void a_dispute_is_about_an_address(void **unused)
{
	static struct disputes disputes;
	struct claim claim = { .addr = vip4 };
	const struct claim other = { .addr = vip6 };

	(void)unused;
	memset(&disputes, 0, sizeof(disputes));
	dispute_note(&disputes, &claim, begin);
	memcpy(claim.mac, stranger, sizeof(stranger));
	assert_int_equal(dispute_note(&disputes, &claim, begin + 1), 0);
	assert_memory_equal(disputes.list[0].claim.mac, stranger, sizeof(stranger));
	assert_int_equal(dispute_note(&disputes, &other, begin + 1),
			 DISPUTE_BEGINS | DISPUTE_DEFEND);
	assert_int_equal(disputes.count, 2);
	assert_int_equal(disputes.list[0].since, begin);
}

static void silence_ends_it(void **unused)
{
	static struct disputes disputes;
	const struct claim claim = { .addr = vip4 }, other = { .addr = vip6 };
	struct dispute over;

	(void)unused;
	memset(&disputes, 0, sizeof(disputes));
	dispute_note(&disputes, &claim, begin);
	dispute_note(&disputes, &other, begin + second);
	assert_false(dispute_over(&disputes, begin + DISPUTE_QUIET - 1, &over));
	assert_true(dispute_over(&disputes, begin + DISPUTE_QUIET, &over));
	assert_int_equal(addr_compare(&over.claim.addr, &vip4), 0);
	assert_false(dispute_over(&disputes, begin + DISPUTE_QUIET, &over));
	assert_int_equal(disputes.count, 1);
	assert_int_equal(dispute_note(&disputes, &claim, begin + DISPUTE_QUIET) & DISPUTE_BEGINS,
			 DISPUTE_BEGINS);
	dispute_forget(&disputes);
	assert_int_equal(disputes.count, 0);
	assert_int_equal(disputes.claims, 3);
}

/* More addresses than can be planned: those that have no place are counted. */
static void there_is_an_end_to_it(void **unused)
{
	static struct disputes disputes;
	struct claim claim = { .addr = vip6 };

	(void)unused;
	memset(&disputes, 0, sizeof(disputes));
	for (unsigned int i = 0; i < VIP_MAX; i++) {
		claim.addr.bytes[12] = (uint8_t)(i >> 8);
		claim.addr.bytes[13] = (uint8_t)i;
		assert_true(dispute_note(&disputes, &claim, begin) & DISPUTE_DEFEND);
	}
	assert_int_equal(dispute_note(&disputes, &(struct claim){ .addr = vip4 }, begin), 0);
	assert_int_equal(disputes.claims, VIP_MAX + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_forms_of_arp_claim),
		cmocka_unit_test(other_arp_claims_nothing),
		cmocka_unit_test(an_advertisement_claims),
		cmocka_unit_test(damaged_advertisements_claim_nothing),
		cmocka_unit_test(a_claim_is_answered_once_a_second),
		cmocka_unit_test(a_defence_that_waits_comes),
		cmocka_unit_test(a_dispute_is_about_an_address),
		cmocka_unit_test(silence_ends_it),
		cmocka_unit_test(there_is_an_end_to_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
