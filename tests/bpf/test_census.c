// SPDX-License-Identifier: BSD-2-Clause
/* What is read of the binds of clients, and what is not taken for one. */
#include "proto/flow_census.h"
#include "tests/bpf/harness.h"

enum {
	BIND = 11,
	ALTER_CONTEXT = 14,
	NEGOTIATE = 9,
	NTLM = 10,
	KERBEROS = 16,
	TRAILER = 72, /* of a bind with one interface */
	BIND_MAX = 8192,
};

/* A bind to be made.  Zero is the usual: MAPI, little endian, type BIND. */
struct wish {
	const char *name;
	uint8_t pdu, version, minor;
	bool big, mapper;
	uint16_t trailer; /* its offset, 0: TRAILER */
	uint16_t auth;    /* bytes of token, 0: no trailer at all */
	uint8_t type, level;
	uint16_t frag; /* a lie about the length */
	int said;      /* level expected, -1: nothing is noted */
	enum census_type noted;
};

static uint8_t pdu[BIND_MAX];

static void put_short(const struct wish *wish, uint8_t *at, uint16_t value)
{
	at[wish->big] = (uint8_t)value;
	at[!wish->big] = (uint8_t)(value >> 8);
}

/* The bind's bytes are in `pdu`; their number. */
static uint16_t make_bind(const struct wish *wish)
{
	static const uint8_t emsmdb[] = { 0x00, 0xdb, 0xf1, 0xa4, 0x47, 0xca, 0x67, 0x10,
					  0xb3, 0x1f, 0x00, 0xdd, 0x01, 0x06, 0x62, 0xda };
	static const uint8_t mapper[] = { 0x08, 0x83, 0xaf, 0xe1, 0x1f, 0x5d, 0xc9, 0x11,
					  0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14, 0xa0, 0xfa };
	static const uint8_t mapper_big[] = { 0xe1, 0xaf, 0x83, 0x08, 0x5d, 0x1f, 0x11, 0xc9,
					      0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14, 0xa0, 0xfa };
	uint16_t trailer = wish->trailer ? wish->trailer : TRAILER;
	uint16_t size = (uint16_t)(wish->auth ? trailer + 8 + wish->auth : trailer);

	memset(pdu, 0x5a, sizeof(pdu));
	pdu[0] = wish->version ? wish->version : 5;
	pdu[1] = wish->minor;
	pdu[2] = wish->pdu ? wish->pdu : BIND;
	pdu[3] = 3;
	pdu[4] = wish->big ? 0 : 0x10;
	put_short(wish, pdu + 8, wish->frag ? wish->frag : size);
	put_short(wish, pdu + 10, wish->auth);
	memcpy(pdu + 32, wish->mapper ? (wish->big ? mapper_big : mapper) : emsmdb, 16);
	pdu[trailer] = wish->type;
	pdu[trailer + 1] = wish->level;
	return size;
}

static int send_bytes(struct frame *frame, uint32_t seq, const uint8_t *data, uint16_t size)
{
	struct segment segment = {
		.from = CLIENT,
		.to = VIP,
		.from_port = CLIENT_PORT,
		.to_port = RPC_PORT,
		.flags = ACK | PSH,
		.seq = seq,
		.ack = 5001,
		.payload = size,
	};

	*frame = frame_segment(&segment, false);
	memcpy(frame_tcp(frame) + 1, data, size);
	frame_seal(frame);
	return run_frame(frame, box.outside);
}

/* A part of `pdu` goes to the member as it came. */
static void send_part(uint16_t from, uint16_t to)
{
	uint16_t size = (uint16_t)(to - from);
	struct frame frame;

	expect_to_member(&frame, send_bytes(&frame, 1001u + from, pdu + from, size));
	assert_memory_equal(frame_tcp(&frame) + 1, pdu + from, size);
}

static bool entry_read(uint32_t array, struct census *entry)
{
	struct census_key key = { .client = ip_of(CLIENT), .array = array };

	memset(entry, 0, sizeof(*entry));
	return !bpf_map_lookup_elem(bpf_map__fd(box.bpf->maps.census), &key, entry);
}

static struct census_total total_now(void)
{
	struct census_total total;
	uint32_t zero = 0;

	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(box.bpf->maps.census_totals), &zero, &total), 0);
	return total;
}

static bool unread(void)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	struct flow flow;

	assert_true(flow_read(&key, &flow));
	return flow.flags & FLOW_UNREAD;
}

/* Nobody has bound yet, and the service is inspected. */
static void inspect_with(uint8_t flags)
{
	static const struct census_total none;
	struct flow_service service = {
		.pool = POOL_RPC,
		.flags = SERVICE_USED | SERVICE_INSPECT | flags,
		.idle_ticks = IDLE_TICKS,
	};

	service.vip[frame_family] = ip_of(VIP);
	map_set(box.bpf->maps.services, SERVICE_RPC, &service);
	map_set(box.bpf->maps.census_totals, 0, &none);
	map_clear(box.bpf->maps.census);
	map_clear(box.bpf->maps.census_dues);
}

static void inspect(void)
{
	inspect_with(0);
}

static void expect_said(int level, enum census_type type)
{
	struct census_total total = total_now();
	struct census entry;

	assert_int_equal(entry_read(0, &entry), level >= 0);
	if (level < 0)
		return;
	assert_int_equal(entry.last.level, level);
	assert_int_equal(entry.last.type, type);
	assert_int_equal(entry.level[level], 1);
	assert_int_equal(entry.type[type], 1);
	assert_int_equal(total.level[level], 1);
	assert_int_equal(total.type[type], 1);
	assert_int_equal(entry.open.seen_ns != 0, level < CENSUS_PRIVACY);
	assert_int_equal(entry.first_ns, entry.last.seen_ns);
	assert_false(unread());
}

static const struct wish wishes[] = {
	{ "level 1", .auth = 40, .type = NTLM, .level = 1, .said = 1, .noted = CENSUS_NTLM },
	{ "level 2", .auth = 40, .type = NTLM, .level = 2, .said = 2, .noted = CENSUS_NTLM },
	{ "level 3", .auth = 40, .type = NTLM, .level = 3, .said = 3, .noted = CENSUS_NTLM },
	{ "level 4", .auth = 40, .type = NTLM, .level = 4, .said = 4, .noted = CENSUS_NTLM },
	{ "level 5", .auth = 40, .type = NTLM, .level = 5, .said = 5, .noted = CENSUS_NTLM },
	{ "level 6", .auth = 40, .type = NTLM, .level = 6, .said = 6, .noted = CENSUS_NTLM },
	{ "negotiate", .auth = 74, .type = NEGOTIATE, .level = 6, .said = 6,
	  .noted = CENSUS_NEGOTIATE },
	{ "Kerberos in more bytes than a segment", .auth = 6000, .type = KERBEROS, .level = 6,
	  .said = 6, .noted = CENSUS_KERBEROS },
	{ "Netlogon is another one", .auth = 40, .type = 68, .level = 5, .said = 5,
	  .noted = CENSUS_OTHER },
	{ "an alter_context", .pdu = ALTER_CONTEXT, .auth = 40, .type = NEGOTIATE, .level = 5,
	  .said = 5, .noted = CENSUS_NEGOTIATE },
	{ "minor version 1", .minor = 1, .auth = 40, .type = NTLM, .level = 2, .said = 2,
	  .noted = CENSUS_NTLM },
	{ "big endian", .big = true, .auth = 40, .type = NTLM, .level = 2, .said = 2,
	  .noted = CENSUS_NTLM },
	{ "big endian, long", .big = true, .trailer = 160, .auth = 600, .type = KERBEROS,
	  .level = 6, .said = 6, .noted = CENSUS_KERBEROS },
	{ "three interfaces", .trailer = 160, .auth = 40, .type = NTLM, .level = 4, .said = 4,
	  .noted = CENSUS_NTLM },
	{ "a trailer in the third page", .trailer = 8100, .auth = 40, .type = NTLM, .level = 2,
	  .said = 2, .noted = CENSUS_NTLM },
	{ "no authentication", .said = 0, .noted = CENSUS_NONE },
	{ "no authentication, big endian", .big = true, .said = 0, .noted = CENSUS_NONE },
	{ "no authentication at the mapper", .mapper = true, .said = -1 },
	{ "the same, big endian", .mapper = true, .big = true, .said = -1 },
	{ "the mapper's with authentication", .mapper = true, .auth = 40, .type = NTLM, .level = 2,
	  .said = 2, .noted = CENSUS_NTLM },
	{ "level 0 there is not", .auth = 40, .type = NTLM, .level = 0, .said = -1 },
	{ "nor level 7", .auth = 40, .type = NTLM, .level = 7, .said = -1 },
	{ "a request", .pdu = 20, .auth = 16, .type = NTLM, .level = 6, .said = -1 },
	{ "version 4", .version = 4, .auth = 40, .type = NTLM, .level = 2, .said = -1 },
	{ "minor version 2", .minor = 2, .auth = 40, .type = NTLM, .level = 2, .said = -1 },
	{ "a token longer than the bind", .frag = 100, .auth = 93, .type = NTLM, .level = 2,
	  .said = -1 },
	{ "a length without an interface", .frag = 71, .said = -1 },
};

static void test_wish(void **state)
{
	const struct wish *wish = *state;
	uint16_t size = make_bind(wish);

	inspect();
	establish();
	assert_true(unread());
	send_part(0, size > 9000 ? 8900 : size);
	expect_said(wish->said, wish->noted);
	assert_int_equal(unread(), wish->said < 0 && !wish->mapper);
}

/* Wherever a bind is cut in two behind its header, in the trailer too. */
static void test_split(void **state UNUSED)
{
	static const struct wish wish = { .trailer = 160, .auth = 40, .type = NTLM, .level = 5 };
	static const uint16_t cuts[] = { 16, 47, 48, 72, 159, 160, 161, 162, 200 };

	for (size_t i = 0; i < sizeof(cuts) / sizeof(*cuts); i++) {
		uint16_t size = make_bind(&wish);

		harness_reset(NULL);
		inspect();
		establish();
		send_part(0, cuts[i]);
		assert_int_equal(unread(), cuts[i] < 162);
		send_part(cuts[i], size);
		expect_said(5, CENSUS_NTLM);
	}
}

/* Its parts in three segments, the first one twice, and the last one before the second. */
static void test_split_out_of_order(void **state UNUSED)
{
	static const struct wish wish = { .trailer = 160, .auth = 40, .type = NTLM, .level = 3 };
	uint16_t size = make_bind(&wish);

	inspect();
	establish();
	send_part(0, 100);
	send_part(0, 100);
	send_part(170, size);
	assert_true(unread());
	send_part(100, 170);
	expect_said(3, CENSUS_NTLM);
}

/* What an earlier connection from the same port still owed is not asked of the next one. */
static void test_split_never_ended(void **state UNUSED)
{
	static const struct wish wish = { .auth = 40, .type = NTLM, .level = 4 };
	uint16_t size = make_bind(&wish);
	struct frame frame;

	inspect();
	establish();
	send_part(0, 40);
	client_sends(&frame, RST, 1041, 5001, 0);
	establish();
	send_part(0, size);
	expect_said(4, CENSUS_NTLM);
}

/* Less than a header tells nothing, and harms nothing. */
static void test_header_in_two(void **state UNUSED)
{
	static const struct wish wish = { .auth = 40, .type = NTLM, .level = 4 };
	uint16_t size = make_bind(&wish);

	inspect();
	establish();
	send_part(0, 15);
	send_part(15, size);
	expect_said(-1, CENSUS_NONE);
	assert_true(unread());
}

/* The handshake's own ACK was lost: the bind makes the flow. */
static void test_bind_ends_the_handshake(void **state UNUSED)
{
	static const struct wish wish = { .auth = 40, .type = KERBEROS, .level = 6 };
	uint16_t slot, size = make_bind(&wish);
	struct frame frame;

	inspect();
	slot = expect_to_member(&frame, client_sends(&frame, SYN, 1000, 0, 0));
	member_sends(&frame, slot, SYN | ACK, 5000, 1001);
	send_part(0, size);
	expect_said(6, CENSUS_KERBEROS);
}

/* Keepalives and bare ACKs before the bind do not use up the patience. */
static void test_late_bind(void **state UNUSED)
{
	static const struct wish wish = { .auth = 40, .type = NTLM, .level = 2 };
	uint16_t size = make_bind(&wish);
	struct frame frame;

	inspect();
	establish();
	for (int i = 0; i < 20; i++)
		client_sends(&frame, ACK, 1000, 5001, 1);
	send_part(0, size);
	expect_said(2, CENSUS_NTLM);
}

/* What is no RPC is given up, and a bind afterwards is not read. */
static void test_limit(void **state UNUSED)
{
	static const struct wish wish = { .auth = 40, .type = NTLM, .level = 2 };
	uint16_t size = make_bind(&wish);
	struct frame frame;

	inspect();
	establish();
	for (uint32_t i = 0; i < 9; i++)
		client_sends(&frame, ACK | PSH, 1001 + i * 1400, 5001, 1400);
	assert_false(unread());
	assert_int_equal(total_now().unread, 1);
	send_bytes(&frame, 1001 + 9 * 1400, pdu, size);
	expect_said(-1, CENSUS_NONE);
}

/* One bind a connection; the second one of a client counts on. */
static void test_two_connections(void **state UNUSED)
{
	static const struct wish open = { .auth = 40, .type = NTLM, .level = 2 },
				 sealed = { .auth = 40, .type = KERBEROS, .level = 6 };
	struct census entry;
	struct frame frame;

	inspect();
	establish();
	send_part(0, make_bind(&open));
	send_part(0, make_bind(&open));
	client_sends(&frame, RST, 1041, 5001, 0);
	establish();
	send_part(0, make_bind(&sealed));
	assert_true(entry_read(0, &entry));
	assert_int_equal(entry.level[2], 1);
	assert_int_equal(entry.level[6], 1);
	assert_int_equal(entry.last.level, 6);
	assert_int_equal(entry.last.type, CENSUS_KERBEROS);
	assert_int_equal(entry.open.level, 2);
	assert_int_equal(entry.open.type, CENSUS_NTLM);
	assert_true(entry.open.seen_ns < entry.last.seen_ns);
	assert_true(entry.first_ns == entry.open.seen_ns);
}

static void test_not_asked_for(void **state UNUSED)
{
	static const struct wish wish = { .auth = 40, .type = NTLM, .level = 2 };
	uint16_t size = make_bind(&wish);
	struct census entry;

	inspect();
	harness_services();
	establish();
	assert_false(unread());
	send_part(0, size);
	assert_false(entry_read(0, &entry));
	assert_int_equal(total_now().level[2], 0);
}

/* What lbd hears of a service that wants encryption: who has bound without, once. */
static void test_open_binds_are_told(void **state UNUSED)
{
	static const struct wish open = { .auth = 40, .type = NTLM, .level = 5 },
				 sealed = { .auth = 40, .type = KERBEROS, .level = 6 },
				 mapper = { .mapper = true };
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	struct frame frame;

	inspect_with(SERVICE_ENCRYPTED);
	establish();
	send_part(0, make_bind(&mapper));
	client_sends(&frame, RST, 1001u + TRAILER, 5001, 0);
	establish();
	send_part(0, make_bind(&sealed));
	client_sends(&frame, RST, 1121, 5001, 0);
	harness_drain();
	assert_int_equal(box.open_binds, 0);
	establish();
	send_part(0, make_bind(&open));
	send_part(0, make_bind(&open));
	harness_drain();
	assert_int_equal(box.open_binds, 1);
	assert_int_equal(box.open_bind.kind, NOTICE_OPEN_BIND);
	assert_memory_equal(&box.open_bind.key, &key, sizeof(key));
}

/* And of one that does not, nothing. */
static void test_open_binds_are_allowed(void **state UNUSED)
{
	static const struct wish open = { .said = 0 };

	inspect();
	establish();
	send_part(0, make_bind(&open));
	expect_said(0, CENSUS_NONE);
	harness_drain();
	assert_int_equal(box.open_binds, 0);
}

static int set_up(void **state UNUSED)
{
	return harness_open(64, 64);
}

static const struct {
	const char *name;
	CMUnitTestFunction test;
} cases[] = {
	{ "a bind in two segments", test_split },
	{ "a bind in three, out of order", test_split_out_of_order },
	{ "half a bind, and then a new connection", test_split_never_ended },
	{ "a header in two segments is not read", test_header_in_two },
	{ "the bind ends the handshake", test_bind_ends_the_handshake },
	{ "keepalives before the bind", test_late_bind },
	{ "what is no RPC is given up", test_limit },
	{ "two connections of a client", test_two_connections },
	{ "a service that is not inspected", test_not_asked_for },
	{ "binds that are not accepted are told", test_open_binds_are_told },
	{ "a service that accepts every bind", test_open_binds_are_allowed },
};

int main(void)
{
	struct plan plan = { 0 };

	if (!harness_may_run("census"))
		return 77;
	for (size_t i = 0; i < sizeof(wishes) / sizeof(*wishes); i++)
		plan_case(&plan, wishes[i].name, test_wish, &wishes[i]);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		plan_case(&plan, cases[i].name, cases[i].test, NULL);
	return plan_run("census", &plan, set_up);
}
