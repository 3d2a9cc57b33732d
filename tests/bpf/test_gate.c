// SPDX-License-Identifier: BSD-2-Clause
/* The lease: foreign adverts fence a node whose lease has run out, a fenced node answers no ARP,
 * and one that slept hears before it answers. */
#include "tests/bpf/harness.h"

#include <net/if_arp.h>

#define PEER     0xc0000203u /* 192.0.2.3 */
#define STRANGER 0xc0000204u

static uint64_t boot_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* --- adverts --- */

struct advert {
	const char *name;
	uint8_t version_type, vrid, priority, ttl;
	uint16_t fragment;
	uint16_t bytes;    /* of VRRP; 0: 12 */
	uint32_t role;     /* of this node */
	bool lease_runs;   /* has not run out */
	uint8_t speaks;    /* version of VRRP; 0: 3 */
	uint8_t ttl_min;   /* of PEER's adverts */
	bool stranger;     /* sends it, and not PEER */
	uint32_t fenced;   /* before */
	uint32_t expected; /* after */
};

static const struct advert adverts[] = {
	{ "a foreign advert past the lease fences", .role = LEASE_ACTIVE,
	  .expected = FENCE_ADVERT },
	{ "a foreign advert within the lease does not", .role = LEASE_ACTIVE, .lease_runs = true },
	{ "a standby is not fenced", .role = LEASE_STANDBY },
	{ "an undecided node is not fenced", .role = LEASE_NONE },
	{ "a fenced node stays as it is", .role = LEASE_ACTIVE, .fenced = FENCE_DAEMON,
	  .expected = FENCE_DAEMON },
	{ "the advert of another virtual router does not fence", .role = LEASE_ACTIVE, .vrid = 52 },
	{ "an advert that was forwarded does not fence", .role = LEASE_ACTIVE, .ttl = 254 },
	{ "unless routers may lie between, and it is the peer's", .role = LEASE_ACTIVE, .ttl = 254,
	  .ttl_min = 254, .expected = FENCE_ADVERT },
	{ "but not of somebody else", .role = LEASE_ACTIVE, .ttl = 254, .ttl_min = 1,
	  .stranger = true },
	{ "nor from further away", .role = LEASE_ACTIVE, .ttl = 253, .ttl_min = 254 },
	{ "while a stranger's on the link does", .role = LEASE_ACTIVE, .ttl_min = 254,
	  .stranger = true, .expected = FENCE_ADVERT },
	{ "a node that lets go does not fence", .role = LEASE_ACTIVE, .priority = 1 },
	{ "an advert of version 2 does not fence", .role = LEASE_ACTIVE, .version_type = 0x21 },
	{ "an advert of version 2 fences a node that speaks it", .role = LEASE_ACTIVE,
	  .version_type = 0x21, .speaks = 2, .expected = FENCE_ADVERT },
	{ "an advert of version 3 does not fence a node that speaks 2", .role = LEASE_ACTIVE,
	  .speaks = 2 },
	{ "VRRP that is no advert does not fence", .role = LEASE_ACTIVE, .version_type = 0x32 },
	{ "a fragment does not fence", .role = LEASE_ACTIVE, .fragment = 0x2000 },
	{ "half an advert does not fence", .role = LEASE_ACTIVE, .bytes = 3 },
};

/* Row values of zero mean the usual, so a priority of 1 stands for 0. */
static struct frame frame_advert(const struct advert *row)
{
	uint16_t bytes = row->bytes ? row->bytes : 12;
	struct segment segment = { .from = row->stranger ? STRANGER : PEER,
				   .to = 0xe0000012,
				   .ttl = row->ttl ? row->ttl : 255,
				   .fragment = row->fragment };
	struct frame frame = frame_segment(&segment, false);
	uint8_t *vrrp = (uint8_t *)frame_tcp(&frame);

	/* An advert in the place of the segment that the frame was made with. */
	if (frame_is_ipv4(&frame))
		frame_ip(&frame)->protocol = 112;
	else if (row->fragment)
		frame.bytes[ETH_HLEN + 40] = 112;
	else
		frame_ip6(&frame)->nexthdr = 112;
	memset(vrrp, 0, 20);
	vrrp[0] = row->version_type ? row->version_type : 0x31;
	vrrp[1] = row->vrid ? row->vrid : 51;
	vrrp[2] = row->priority == 1 ? 0 : 253;
	vrrp[3] = 1;
	frame.size -= 20u - bytes;
	return frame;
}

static void test_advert(void **state)
{
	const struct advert *row = *state;
	uint64_t start = boot_now();
	struct flow_lease lease = { .until_ns = row->lease_runs ? UINT64_MAX : start - 1,
				    .role = row->role,
				    .fenced = row->fenced,
				    .version = row->speaks,
				    .ttl_min = row->ttl_min,
				    .vrid = 51 };
	struct frame frame = frame_advert(row);
	bool fences = row->expected == FENCE_ADVERT;

	lease.peer[frame_family] = ip_of(PEER);
	lease_set(&lease);
	assert_int_equal(run_frame(&frame, box.outside), XDP_PASS);
	lease = lease_now();
	assert_int_equal(lease.fenced, row->expected);
	assert_int_equal(number_of(&lease.fenced_by), fences ? row->stranger ? STRANGER : PEER : 0);
	if (fences)
		assert_in_range(lease.fenced_ns, start, boot_now());
	assert_int_equal(count_of(COUNT_ADVERT_FENCED), fences);
	assert_int_equal(count_of(COUNT_PASSED), 1);
	harness_drain();
	assert_int_equal(box.notices, fences);
	if (fences)
		assert_int_equal(box.notice[0].kind, NOTICE_FENCED);
}

static void test_second_advert_changes_nothing(void **state UNUSED)
{
	static const struct flow_lease over = { .role = LEASE_ACTIVE, .vrid = 51 };
	struct flow_lease first, second;
	struct frame frame;

	lease_set(&over);
	frame = frame_advert(&adverts[0]);
	run_frame(&frame, box.outside);
	first = lease_now();
	frame = frame_advert(&adverts[0]);
	run_frame(&frame, box.outside);
	second = lease_now();
	assert_memory_equal(&first, &second, sizeof(first));
	assert_int_equal(count_of(COUNT_ADVERT_FENCED), 1);
}

/* --- ARP, and neighbour solicitations in its place --- */

struct arp {
	const char *name;
	uint32_t role, fenced;
	uint32_t target;
	uint16_t operation; /* 0: request */
	uint16_t hardware;  /* 0: Ethernet */
	uint16_t cut;       /* bytes missing from the end */
	uint8_t hard;       /* lease, which has run out */
	bool dropped;
};

static const struct arp arps[] = {
	{ "an active node's kernel answers", .role = LEASE_ACTIVE, .target = VIP },
	{ "a fenced node is silent for a VIP", .role = LEASE_ACTIVE, .fenced = FENCE_ADVERT,
	  .target = VIP, .dropped = true },
	{ "a fenced node is silent for the gateway", .role = LEASE_ACTIVE, .fenced = FENCE_DAEMON,
	  .target = GATEWAY, .dropped = true },
	{ "a node whose hard lease is over is silent", .role = LEASE_ACTIVE, .hard = 1,
	  .target = VIP, .dropped = true },
	{ "a fenced node answers for its own address", .role = LEASE_ACTIVE, .fenced = FENCE_ADVERT,
	  .target = NODE_OUTSIDE },
	{ "a fenced node leaves a member's address alone", .role = LEASE_ACTIVE,
	  .fenced = FENCE_ADVERT, .target = MEMBER_0 },
	{ "a fenced node hears ARP replies", .role = LEASE_ACTIVE, .fenced = FENCE_ADVERT,
	  .target = VIP, .operation = ARPOP_REPLY },
	{ "ARP of other hardware is the kernel's", .role = LEASE_ACTIVE, .fenced = FENCE_ADVERT,
	  .target = VIP, .hardware = ARPHRD_INFINIBAND },
	{ "half an ARP packet is the kernel's", .role = LEASE_ACTIVE, .fenced = FENCE_ADVERT,
	  .target = VIP, .cut = 1 },
	{ "a standby is silent for a VIP", .role = LEASE_STANDBY, .target = VIP, .dropped = true },
	{ "a node that has let go is silent for a VIP", .role = LEASE_LEAVING, .target = VIP,
	  .dropped = true },
	{ "a standby answers for its own address", .role = LEASE_STANDBY, .target = NODE_OUTSIDE },
	{ "an undecided node's kernel decides itself", .role = LEASE_NONE, .target = VIP },
	{ "an active node answers as the virtual router", .role = LEASE_ACTIVE,
	  .target = VIRTUAL_ROUTER },
	{ "a fenced node is silent as the virtual router", .role = LEASE_ACTIVE,
	  .fenced = FENCE_ADVERT, .target = VIRTUAL_ROUTER, .dropped = true },
	{ "a standby is silent as the virtual router", .role = LEASE_STANDBY,
	  .target = VIRTUAL_ROUTER, .dropped = true },
};

static struct frame frame_arp(const struct arp *row)
{
	uint32_t target = htonl(row->target);
	struct frame frame;
	uint8_t *arp;

	frame_ethernet(&frame, MAC_OUT0, MAC_ROUTER, ETH_P_ARP);
	arp = frame.bytes + ETH_HLEN;
	arp[1] = (uint8_t)(row->hardware ? row->hardware : ARPHRD_ETHER);
	arp[2] = 8; /* IPv4 */
	arp[4] = 6;
	arp[5] = 4;
	arp[7] = (uint8_t)(row->operation ? row->operation : ARPOP_REQUEST);
	memcpy(arp + 24, &target, sizeof(target));
	frame.size = ETH_HLEN + 28u - row->cut;
	return frame;
}

/* A solicitation for a request, an advertisement for a reply; RFC 4861, 4.3 and 4.4. */
static struct frame frame_nd(const struct arp *row)
{
	struct segment segment = { .from = CLIENT_ON_LINK, .to = row->target, .ttl = 255 };
	struct frame frame = frame_segment(&segment, false);
	struct flow_ip target = ip_of(row->target);
	uint8_t *nd = (uint8_t *)frame_tcp(&frame);

	frame_ip6(&frame)->nexthdr = IPPROTO_ICMPV6;
	frame_ip6(&frame)->payload_len = htons(24);
	memset(nd, 0, 24);
	nd[0] = row->operation ? 136 : 135;
	memcpy(nd + 8, &target, sizeof(target));
	frame.size = ETH_HLEN + 40u + 24u - row->cut;
	return frame;
}

static void test_arp(void **state)
{
	const struct arp *row = *state;
	struct flow_lease lease = { .role = row->role, .fenced = row->fenced, .hard = row->hard };
	struct frame frame = frame_family == FLOW_IPV4 ? frame_arp(row) : frame_nd(row);

	if (row->hardware && frame_family == FLOW_IPV6)
		skip();
	if (row->target == VIRTUAL_ROUTER && frame_family == FLOW_IPV4)
		skip();
	lease_set(&lease);
	assert_int_equal(run_frame(&frame, box.outside), row->dropped ? XDP_DROP : XDP_PASS);
	assert_int_equal(count_of(COUNT_DROP_ARP) + count_of(COUNT_DROP_ND), row->dropped);
}

/* --- after a sleep --- */

enum {
	SOON = 1,    /* a tenth of a second is not over while a test runs */
	ADVERT = 1,  /* 1.5 of these are over in no time */
	LONG = 4000, /* cs: 1.5 of these, a minute, are not */
};

/* Times are milliseconds ago, by the clock of the lease. */
struct sleep {
	const char *name;
	uint16_t advert_cs;
	uint16_t over;             /* the lease ran out; 0: it runs */
	uint16_t asked, listening; /* 0: never */
	uint32_t role, fenced;     /* 0: LEASE_ACTIVE */
	uint8_t hard;
	bool silent,   /* nobody is answered */
		found; /* to have slept */
};

static const struct sleep sleeps[] = {
	{ "who leads answers, whatever was before", .advert_cs = ADVERT, .listening = SOON },
	{ "a lease that has just run out is no sleep", .advert_cs = LONG, .over = SOON },
	{ "one that ran out long ago is", .advert_cs = ADVERT, .over = 1000, .silent = true,
	  .found = true },
	{ "not if somebody has asked since", .advert_cs = 200, .over = 5000, .asked = SOON },
	{ "but if that is long ago, too", .advert_cs = ADVERT, .over = 2000, .asked = 1000,
	  .silent = true, .found = true },
	{ "or was under an earlier lease", .advert_cs = ADVERT, .over = 1000, .asked = 2000,
	  .silent = true, .found = true },
	{ "who listens answers nobody", .advert_cs = LONG, .over = 1000, .listening = SOON,
	  .silent = true },
	{ "who has heard nobody serves on", .advert_cs = ADVERT, .over = 2000, .listening = 1000 },
	{ "also if he listened at once, and is asked again after long", .advert_cs = ADVERT,
	  .over = 2000, .asked = 1900, .listening = 1800 },
	{ "what was heard under an earlier lease does not count", .advert_cs = ADVERT, .over = 1000,
	  .listening = 2000, .silent = true, .found = true },
	{ "who does not know the interval serves on", .over = 1000 },
	{ "a hard lease is over, asleep or awake", .advert_cs = ADVERT, .over = 1000, .hard = 1,
	  .silent = true },
	{ "who is fenced does not listen any more", .advert_cs = ADVERT, .over = 1000,
	  .fenced = FENCE_ADVERT, .silent = true },
	{ "nor does a standby", .advert_cs = ADVERT, .over = 1000, .role = LEASE_STANDBY,
	  .silent = true },
};

static uint64_t ms_ago(uint64_t now, uint16_t ms)
{
	uint64_t ago = (uint64_t)ms * 1000000;

	/* The machine may have been started just now. */
	return !ms ? 0 : now > ago ? now - ago : 1;
}

static void lease_of(const struct sleep *row)
{
	const uint64_t now = boot_now();
	const struct flow_lease lease = { .until_ns = row->over ? ms_ago(now, row->over)
								: UINT64_MAX,
					  .asked_ns = ms_ago(now, row->asked),
					  .listen_ns = ms_ago(now, row->listening),
					  .role = row->role ? row->role : LEASE_ACTIVE,
					  .fenced = row->fenced,
					  .advert_cs = row->advert_cs,
					  .hard = row->hard,
					  .vrid = 51 };

	lease_set(&lease);
}

/* Somebody asks for the VIP's link-layer address: true if he is answered. */
static bool answers(void)
{
	static const struct arp asks = { .target = VIP };
	struct frame frame = frame_family == FLOW_IPV4 ? frame_arp(&asks) : frame_nd(&asks);

	return run_frame(&frame, box.outside) == XDP_PASS;
}

/* A client's SYN from a port that he has not used before: true if it gets to a member. */
static bool admits(void)
{
	static uint16_t port = 50000;
	const struct segment segment = { .from = CLIENT,
					 .to = VIP,
					 .from_port = port++,
					 .to_port = RPC_PORT,
					 .flags = SYN,
					 .seq = 1000,
					 .ttl = 64 };
	struct frame frame = frame_segment(&segment, false);
	uint64_t admitted = count_of(COUNT_ADMITTED);
	int verdict = run_frame(&frame, box.outside);

	if (verdict == XDP_DROP)
		return false;
	expect_to_member(&frame, verdict);
	assert_int_equal(count_of(COUNT_ADMITTED), admitted + 1);
	return true;
}

static void test_sleep(void **state)
{
	const struct sleep *row = *state;

	lease_of(row);
	assert_int_equal(answers(), !row->silent);
	assert_int_equal(count_of(COUNT_LISTENED), row->found);
	lease_of(row);
	assert_int_equal(admits(), !row->silent);
	assert_int_equal(count_of(COUNT_LISTENED), 2 * row->found);
	assert_int_equal(count_of(COUNT_DROP_ARP) + count_of(COUNT_DROP_ND), row->silent);
	assert_int_equal(count_of(COUNT_DROP_NOT_OWNER), row->silent);
}

static void test_sleep_leaves_known_flows_alone(void **state UNUSED)
{
	static const struct sleep listens = { .advert_cs = LONG, .over = 1000, .listening = SOON };
	const uint16_t slot = establish();
	struct frame frame;

	lease_of(&listens);
	assert_false(answers());
	assert_int_equal(expect_to_member(&frame, client_sends(&frame, ACK, 1001, 5001, 20)), slot);
	expect_to_client(&frame, member_sends(&frame, slot, ACK, 5001, 1021));
}

static void wait_ms(unsigned int ms)
{
	struct timespec time = { .tv_nsec = ms * 1000000L };

	nanosleep(&time, NULL);
}

/* vrrpd is dead, nobody else is there, and a client comes now and then. */
static void test_sleep_costs_one_syn(void **state UNUSED)
{
	static const struct sleep slept = { .advert_cs = ADVERT, .over = 1000 };

	lease_of(&slept);
	assert_false(admits());
	for (int i = 0; i < 3; i++) {
		wait_ms(40);
		assert_true(admits());
	}
	assert_int_equal(count_of(COUNT_LISTENED), 1);
	assert_int_equal(count_of(COUNT_DROP_NOT_OWNER), 1);
}

/* Each that asks says that the node is awake. */
static void test_asking_is_being_awake(void **state UNUSED)
{
	static const struct sleep ended = { .advert_cs = LONG, .over = SOON };
	uint64_t start = boot_now();

	lease_of(&ended);
	assert_true(answers());
	assert_in_range(lease_now().asked_ns, start, boot_now());
	start = boot_now();
	assert_true(admits());
	assert_in_range(lease_now().asked_ns, start, boot_now());
	assert_int_equal(lease_now().listen_ns, 0);
}

/* What it listens for. */
static void test_peer_is_heard(void **state UNUSED)
{
	static const struct sleep slept = { .advert_cs = ADVERT, .over = 1000 };
	struct frame advert = frame_advert(&adverts[0]);

	lease_of(&slept);
	assert_false(answers());
	assert_int_equal(run_frame(&advert, box.outside), XDP_PASS);
	assert_int_equal(lease_now().fenced, FENCE_ADVERT);
	wait_ms(40);
	assert_false(answers());
}

/* Whose addresses these are is not known yet: its kernel decides itself, as with any lease. */
static void test_undecided_does_not_listen(void **state UNUSED)
{
	static const struct flow_lease undecided = { .role = LEASE_NONE, .advert_cs = ADVERT };

	lease_set(&undecided);
	assert_true(answers());
	assert_false(admits());
	assert_int_equal(count_of(COUNT_LISTENED), 0);
}

/* vrrpd is awake too, and has heard whatever there was to hear. */
static void test_new_lease_ends_it(void **state UNUSED)
{
	static const struct sleep slept = { .advert_cs = LONG, .over = 1000, .listening = SOON };
	struct flow_lease lease;

	lease_of(&slept);
	assert_false(answers());
	lease = lease_now();
	lease.until_ns = UINT64_MAX;
	lease_set(&lease);
	assert_true(answers());
	assert_true(admits());
}

/* --- what no service takes --- */

struct own {
	const char *name;
	uint32_t to;
	uint16_t port; /* 0: an echo request */
	uint8_t nd;    /* IPv6: of neighbours, this type */
	bool refuse;   /* Accept_Mode is false */
	bool dropped;
};

static const struct own owns[] = {
	{ "a floating address is spoken to", .to = VIP },
	{ "also at a port of no service", .to = VIP, .port = 22 },
	{ "unless the node does not accept", .to = VIP, .refuse = true, .dropped = true },
	{ "at a port of no service", .to = VIP, .port = 22, .refuse = true, .dropped = true },
	{ "at a floating gateway", .to = GATEWAY, .refuse = true, .dropped = true },
	{ "at a port of a floating gateway", .to = GATEWAY, .port = 22, .refuse = true,
	  .dropped = true },
	{ "at the virtual router's link-local address", .to = VIRTUAL_ROUTER, .refuse = true,
	  .dropped = true },
	{ "a node's own address is spoken to all the same", .to = NODE_OUTSIDE, .refuse = true },
	{ "who has the address may be asked", .to = VIP, .nd = 135, .refuse = true },
	{ "and told", .to = VIP, .nd = 136, .refuse = true },
	{ "an advertisement of a router is told to a node", .to = VIP, .nd = 134, .refuse = true,
	  .dropped = true },
};

static void test_own(void **state)
{
	const struct own *row = *state;
	const struct flow_lease lease = { .role = LEASE_ACTIVE, .refuse = row->refuse };
	const struct segment segment = { .from = CLIENT,
					 .to = row->to,
					 .from_port = 40000,
					 .to_port = row->port,
					 .flags = SYN,
					 .payload = 4 };
	struct frame frame = frame_segment(&segment, false);

	if ((row->nd || row->to == VIRTUAL_ROUTER) && frame_family == FLOW_IPV4)
		skip();
	if (!row->port && frame_is_ipv4(&frame))
		frame_ip(&frame)->protocol = IPPROTO_ICMP;
	else if (!row->port)
		frame_ip6(&frame)->nexthdr = IPPROTO_ICMPV6;
	if (!row->port)
		*(uint8_t *)frame_tcp(&frame) = row->nd ? row->nd : 8;
	lease_set(&lease);
	assert_int_equal(run_frame(&frame, box.outside), row->dropped ? XDP_DROP : XDP_PASS);
	assert_int_equal(count_of(COUNT_DROP_NOT_ACCEPTED), row->dropped);
	assert_int_equal(count_of(COUNT_PASSED), !row->dropped);
}

static void test_other_protocols_pass(void **state UNUSED)
{
	struct frame frame;

	frame_ethernet(&frame, MAC_OUT0, MAC_ROUTER, ETH_P_IPV6);
	frame.size = 64;
	assert_int_equal(run_frame(&frame, box.outside), XDP_PASS);
	frame_ethernet(&frame, MAC_OUT0, MAC_ROUTER, ETH_P_8021Q);
	frame.size = 64;
	assert_int_equal(run_frame(&frame, box.outside), XDP_PASS);
	assert_int_equal(count_of(COUNT_PASSED), 2);
}

static int set_up(void **state UNUSED)
{
	return harness_open(64, 64);
}

int main(void)
{
	struct plan plan = { 0 };

	if (!harness_may_run("gate"))
		return 77;
	for (size_t i = 0; i < sizeof(adverts) / sizeof(*adverts); i++)
		plan_case(&plan, adverts[i].name, test_advert, &adverts[i]);
	for (size_t i = 0; i < sizeof(arps) / sizeof(*arps); i++)
		plan_case(&plan, arps[i].name, test_arp, &arps[i]);
	for (size_t i = 0; i < sizeof(sleeps) / sizeof(*sleeps); i++)
		plan_case(&plan, sleeps[i].name, test_sleep, &sleeps[i]);
	for (size_t i = 0; i < sizeof(owns) / sizeof(*owns); i++)
		plan_case(&plan, owns[i].name, test_own, &owns[i]);
	plan_case(&plan, "a second advert changes nothing", test_second_advert_changes_nothing,
		  NULL);
	plan_case(&plan, "known flows go on after a sleep", test_sleep_leaves_known_flows_alone,
		  NULL);
	plan_case(&plan, "a quiet network that is taken for a sleep costs one SYN",
		  test_sleep_costs_one_syn, NULL);
	plan_case(&plan, "who asks shows that the node is awake", test_asking_is_being_awake, NULL);
	plan_case(&plan, "the peer is heard", test_peer_is_heard, NULL);
	plan_case(&plan, "a node that has not decided does not listen",
		  test_undecided_does_not_listen, NULL);
	plan_case(&plan, "a new lease ends the listening", test_new_lease_ends_it, NULL);
	plan_case(&plan, "IPv6 and VLAN tags are the kernel's", test_other_protocols_pass, NULL);
	return plan_run("gate", &plan, set_up);
}
