// SPDX-License-Identifier: BSD-2-Clause
/* Who gets a client: roles, pins and Maglev, the same in the kernel and in user space. */
#include "tests/bpf/harness.h"

#include "lbd/bpf/choice.h"

/* --- the hash: computed by another program; the first is SplitMix64's own first output --- */

struct vector {
	const char *name;
	uint32_t word[4]; /* of the client's address */
	uint64_t seed, hash;
	uint32_t index;
};

static const struct vector vectors[] = {
	{ "the hash of zeros", { 0x0, 0x0, 0x0, 0x0 }, 0x0, 0xe220a8397b1dcdaf, 50714 },
	{ "the hash of the next address", { 0x0, 0x0, 0x0, 0x1 }, 0x0, 0x6e789e6aa1b965f4, 12274 },
	{ "the hash of an IPv4 client",
	  { 0x0, 0x0, 0xffff, 0xc6336407 },
	  0x123456789abcdef,
	  0xe349d436a7e4cd21,
	  61678 },
	{ "the hash of ones",
	  { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff },
	  UINT64_MAX,
	  0xf204b15d98f6f2d6,
	  48986 },
	{ "the hash of another network",
	  { 0x0, 0x0, 0xffff, 0xa000001 },
	  0x2a,
	  0x123ee4bfe817f108,
	  53889 },
	{ "the hash of an IPv6 client",
	  { 0x20010db8, 0x10002, 0x30004, 0x50006 },
	  0x123456789abcdef,
	  0x2f9d683d4a0daf5e,
	  14496 },
};

static void test_vector(void **state)
{
	const struct vector *row = *state;

	struct flow_ip client;

	for (int i = 0; i < 4; i++)
		client.word[i] = htonl(row->word[i]);
	assert_int_equal(choice_hash(&client, row->seed), row->hash);
	assert_int_equal(choice_index(row->hash), row->index);
}

/* --- roles --- */

/* Two tables alike but for one address, told apart by which is in force. */
static void test_roles_flip_at_once(void **state UNUSED)
{
	struct flow_control control = { .layout = FLOW_LAYOUT };
	static const struct flow_role_table empty;
	struct frame frame;

	map_set(box.bpf->maps.roles, 0, &empty);
	map_set(box.bpf->maps.control, 0, &control);
	assert_int_equal(client_sends(&frame, SYN, 1000, 0, 0), XDP_PASS);
	control.roles_active = 1;
	map_set(box.bpf->maps.control, 0, &control);
	assert_int_equal(client_sends(&frame, SYN, 1000, 0, 0), XDP_REDIRECT);
}

/* Strangers in every slot from the VIP's own to the last that is looked at, or one further. */
static int run_with_crowd(uint32_t strangers)
{
	struct flow_control control = { .layout = FLOW_LAYOUT };
	struct flow_role_table *table = calloc(1, sizeof(*table));
	struct flow_ip vip = ip_of(VIP);
	struct frame frame;

	assert_non_null(table);
	for (uint32_t i = 0; i < strangers; i++)
		table->slot[(flow_role_hash(&vip) + i) % FLOW_ROLE_SLOTS] = (struct flow_role){
			.addr = ip_of(i + 1), .kind = ROLE_GATEWAY
		};
	role_set(table, VIP, ROLE_VIP, 0);
	map_set(box.bpf->maps.roles, 0, table);
	map_set(box.bpf->maps.control, 0, &control);
	free(table);
	return client_sends(&frame, SYN, 1000, 0, 0);
}

static void test_roles_are_probed(void **state UNUSED)
{
	assert_int_equal(run_with_crowd(FLOW_ROLE_PROBES - 1), XDP_REDIRECT);
}

static void test_roles_are_probed_so_far(void **state UNUSED)
{
	assert_int_equal(run_with_crowd(FLOW_ROLE_PROBES), XDP_PASS);
}

/* --- members --- */

static uint16_t slot_for(uint32_t client, uint16_t port)
{
	struct segment segment = {
		.from = client, .to = VIP, .from_port = CLIENT_PORT, .to_port = port, .flags = SYN
	};
	struct frame frame = frame_segment(&segment, false);

	return expect_to_member(&frame, run_frame(&frame, box.outside));
}

static void test_choice_agrees_with_user_space(void **state UNUSED)
{
	uint64_t seed = 0x0123456789abcdef;
	unsigned int differ = 0;

	for (uint32_t client = 0xc6336400; client < 0xc6336500; client++) {
		struct flow_ip ip = ip_of(client);
		uint32_t place = choice_index(choice_hash(&ip, seed));

		assert_int_equal(slot_for(client, RPC_PORT), place % 2);
		differ += place % 2;
	}
	assert_in_range(differ, 64, 192);
}

static void test_choice_follows_the_seed(void **state UNUSED)
{
	unsigned int moved = 0;
	uint16_t before[64];

	for (uint32_t i = 0; i < 64; i++)
		before[i] = slot_for(CLIENT + i, RPC_PORT);
	harness_control(99);
	for (uint32_t i = 0; i < 64; i++)
		moved += slot_for(CLIENT + i, RPC_PORT) != before[i];
	assert_in_range(moved, 8, 56);
}

static void test_choice_is_the_same_for_all_ports(void **state UNUSED)
{
	for (uint32_t client = CLIENT; client < CLIENT + 16; client++) {
		assert_int_equal(slot_for(client, 135), slot_for(client, RPC_PORT));
		assert_int_equal(slot_for(client, 443), slot_for(client, 59530));
	}
}

static void test_choice_from_the_active_half(void **state UNUSED)
{
	pool_set(POOL_RPC, 1, 7);
	for (uint32_t client = CLIENT; client < CLIENT + 16; client++)
		assert_int_equal(slot_for(client, RPC_PORT), 1);
}

static void test_choice_of_an_empty_table(void **state UNUSED)
{
	struct frame frame;

	maglev_set(POOL_RPC, 1, FLOW_NO_MEMBER, FLOW_NO_MEMBER);
	pool_set(POOL_RPC, 1, 0);
	assert_int_equal(client_sends(&frame, SYN, 1000, 0, 0), XDP_DROP);
	assert_int_equal(client_sends(&frame, ACK, 1000, 1, 0), XDP_DROP);
	assert_int_equal(count_of(COUNT_DROP_NO_MEMBER), 2);
	maglev_set(POOL_RPC, 1, 1, 1);
}

static void test_pin_decides_before_maglev(void **state UNUSED)
{
	struct pin pin = { .member = 1 };

	for (uint32_t client = CLIENT; client < CLIENT + 16; client++) {
		pin.member = !slot_for(client, RPC_PORT);
		pin_write(client, POOL_RPC_ID, &pin);
		assert_int_equal(slot_for(client, 443), pin.member);
	}
}

static void test_pin_of_another_pool_does_not_count(void **state UNUSED)
{
	uint16_t slot = slot_for(CLIENT, 25);
	struct pin pin = { .member = !slot };

	pin_write(CLIENT, POOL_RPC_ID, &pin);
	pin_write(CLIENT, POOL_SMTP_ID, &pin); /* a pool without affinity has no pins */
	assert_int_equal(slot_for(CLIENT, 25), slot);
}

static void test_pin_to_a_drained_member_admits_elsewhere(void **state UNUSED)
{
	struct pin pin = { .member = SLOT_DRAINED };

	pin_write(CLIENT, POOL_RPC_ID, &pin);
	assert_int_not_equal(slot_for(CLIENT, RPC_PORT), SLOT_DRAINED);
}

static void test_pin_holds_when_nothing_is_up(void **state UNUSED)
{
	struct pin pin = { .member = SLOT_DRAINED };

	pin_write(CLIENT, POOL_RPC_ID, &pin);
	pool_set(POOL_RPC, 0, 0);
	assert_int_equal(slot_for(CLIENT, RPC_PORT), SLOT_DRAINED);
}

static void test_derived_follows_a_pin_to_a_drained_member(void **state UNUSED)
{
	struct pin pin = { .member = SLOT_DRAINED };
	struct frame frame;

	pin_write(CLIENT, POOL_RPC_ID, &pin);
	assert_int_equal(expect_to_member(&frame, client_sends(&frame, ACK, 1, 1, 20)),
			 SLOT_DRAINED);
	assert_int_equal(count_of(COUNT_DERIVED), 1);
}

/* No node has a record yet: the client is silent, and its pin gets another member meanwhile. */
static void test_derived_stays_where_it_was(void **state UNUSED)
{
	struct pin pin = { .member = SLOT_DRAINED };
	struct frame frame;

	pin_write(CLIENT, POOL_RPC_ID, &pin);
	assert_int_equal(expect_to_member(&frame, client_sends(&frame, ACK, 1, 1, 0)),
			 SLOT_DRAINED);
	pin.member = 1;
	pin_write(CLIENT, POOL_RPC_ID, &pin);
	assert_int_equal(expect_to_member(&frame, client_sends(&frame, ACK, 1, 1, 20)),
			 SLOT_DRAINED);
	assert_int_equal(count_of(COUNT_DERIVED), 1);
}

static int set_up(void **state UNUSED)
{
	return harness_open(4096, 1024);
}

static const struct {
	const char *name;
	CMUnitTestFunction test;
} cases[] = {
	{ "the flip of the roles is followed at once", test_roles_flip_at_once },
	{ "an address is found behind others", test_roles_are_probed },
	{ "but only as far as agreed", test_roles_are_probed_so_far },
	{ "user space derives the same members", test_choice_agrees_with_user_space },
	{ "another seed gives other members", test_choice_follows_the_seed },
	{ "all ports of a client meet at one member", test_choice_is_the_same_for_all_ports },
	{ "the flip of a table is followed at once", test_choice_from_the_active_half },
	{ "an empty pool is a counted drop", test_choice_of_an_empty_table },
	{ "a pin decides before Maglev", test_pin_decides_before_maglev },
	{ "a pin counts in its own pool alone", test_pin_of_another_pool_does_not_count },
	{ "a drained member's pin admits nothing", test_pin_to_a_drained_member_admits_elsewhere },
	{ "a pin holds when nothing is up", test_pin_holds_when_nothing_is_up },
	{ "mid-stream packets follow any pin", test_derived_follows_a_pin_to_a_drained_member },
	{ "and go on where the first one went", test_derived_stays_where_it_was },
};

int main(void)
{
	struct plan plan = { 0 };

	if (!harness_may_run("choice"))
		return 77;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		plan_case(&plan, cases[i].name, cases[i].test, NULL);
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++)
		plan_case(&plan, vectors[i].name, test_vector, &vectors[i]);
	return plan_run("choice", &plan, set_up);
}
