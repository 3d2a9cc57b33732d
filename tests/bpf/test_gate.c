// SPDX-License-Identifier: BSD-2-Clause
/* The lease: foreign adverts fence a node whose lease has run out, and a fenced node answers no
 * ARP. */
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
	for (size_t i = 0; i < sizeof(owns) / sizeof(*owns); i++)
		plan_case(&plan, owns[i].name, test_own, &owns[i]);
	plan_case(&plan, "a second advert changes nothing", test_second_advert_changes_nothing,
		  NULL);
	plan_case(&plan, "IPv6 and VLAN tags are the kernel's", test_other_protocols_pass, NULL);
	return plan_run("gate", &plan, set_up);
}
