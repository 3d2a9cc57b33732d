// SPDX-License-Identifier: BSD-2-Clause
/* To a VIP: what is refused, and what is left to the kernel. */
#include "tests/bpf/harness.h"

#define TO_VIP .from = CLIENT, .to = VIP, .from_port = CLIENT_PORT

struct refusal {
	const char *name;
	struct segment segment;
	enum patch patch;
	uint8_t value;
	uint16_t cut; /* bytes missing from the end of the frame */
	int verdict;
	enum flow_counter counter;
	uint8_t only; /* 4 or 6: no such thing in the other family */
};

static const struct refusal refusals[] = {
	{ "a port that is no service is the kernel's",
	  { TO_VIP, .to_port = 22, .flags = SYN },
	  .verdict = XDP_PASS,
	  .counter = COUNT_PASSED },
	{ "the port below a range is the kernel's",
	  { TO_VIP, .to_port = 6004, .flags = SYN },
	  .verdict = XDP_PASS,
	  .counter = COUNT_PASSED },
	{ "the port above a range is the kernel's",
	  { TO_VIP, .to_port = 59531, .flags = SYN },
	  .verdict = XDP_PASS,
	  .counter = COUNT_PASSED },
	{ "an address that is nobody's is the kernel's",
	  { .from = CLIENT, .to = NODE_OUTSIDE, .to_port = 443, .flags = SYN },
	  .verdict = XDP_PASS,
	  .counter = COUNT_PASSED },
	{ "UDP to a VIP is the kernel's",
	  { TO_VIP, .to_port = 443 },
	  .patch = PATCH_PROTOCOL,
	  .value = 17,
	  .verdict = XDP_PASS,
	  .counter = COUNT_PASSED },
	{ "ICMP to a VIP is the kernel's",
	  { TO_VIP, .to_port = 443 },
	  .patch = PATCH_PROTOCOL,
	  .value = 1,
	  .verdict = XDP_PASS,
	  .counter = COUNT_PASSED },
	{ "IP of another version is the kernel's",
	  { TO_VIP, .to_port = 443, .flags = SYN },
	  .patch = PATCH_FIRST,
	  .value = 0x55,
	  .verdict = XDP_PASS,
	  .counter = COUNT_PASSED },
	{ "an IP header shorter than the least is the kernel's",
	  { TO_VIP, .to_port = 443, .flags = SYN },
	  .only = 4,
	  .patch = PATCH_FIRST,
	  .value = 0x44,
	  .verdict = XDP_PASS,
	  .counter = COUNT_PASSED },
	{ "a frame that ends in the IP header is the kernel's",
	  { TO_VIP, .to_port = 443, .flags = SYN },
	  .cut = 25,
	  .verdict = XDP_PASS,
	  .counter = COUNT_PASSED },
	{ "a first fragment is refused",
	  { TO_VIP, .to_port = 443, .flags = SYN, .fragment = 0x2000 },
	  .verdict = XDP_DROP,
	  .counter = COUNT_DROP_FRAGMENT },
	{ "a later fragment is refused",
	  { TO_VIP, .to_port = 443, .flags = ACK, .fragment = 0x00b9 },
	  .verdict = XDP_DROP,
	  .counter = COUNT_DROP_FRAGMENT },
	{ "a frame that ends in the TCP header is malformed",
	  { TO_VIP, .to_port = 443, .flags = SYN },
	  .cut = 1,
	  .verdict = XDP_DROP,
	  .counter = COUNT_DROP_MALFORMED },
	{ "IP options that reach past the frame are malformed",
	  { TO_VIP, .to_port = 443, .flags = SYN },
	  .only = 4,
	  .patch = PATCH_FIRST,
	  .value = 0x4f,
	  .verdict = XDP_DROP,
	  .counter = COUNT_DROP_MALFORMED },
	{ "a TCP header shorter than the least is malformed",
	  { TO_VIP, .to_port = 443, .flags = SYN },
	  .patch = PATCH_TCP_HEADER,
	  .value = 0x40,
	  .verdict = XDP_DROP,
	  .counter = COUNT_DROP_MALFORMED },
	{ "TCP options that reach past the packet are malformed",
	  { TO_VIP, .to_port = 443, .flags = SYN },
	  .patch = PATCH_TCP_HEADER,
	  .value = 0xf0,
	  .verdict = XDP_DROP,
	  .counter = COUNT_DROP_MALFORMED },
	{ "a length above the frame's is malformed",
	  { TO_VIP, .to_port = 443, .flags = ACK, .payload = 100 },
	  .cut = 1,
	  .verdict = XDP_DROP,
	  .counter = COUNT_DROP_MALFORMED },
	{ "a length below the headers' is malformed",
	  { TO_VIP, .to_port = 443, .flags = ACK, .payload = 100 },
	  .patch = PATCH_LENGTH,
	  .value = 19,
	  .verdict = XDP_DROP,
	  .counter = COUNT_DROP_MALFORMED },
	{ "SYN with FIN is malformed",
	  { TO_VIP, .to_port = 443, .flags = SYN | FIN },
	  .verdict = XDP_DROP,
	  .counter = COUNT_DROP_MALFORMED },
	{ "SYN with RST is malformed",
	  { TO_VIP, .to_port = 443, .flags = SYN | RST },
	  .verdict = XDP_DROP,
	  .counter = COUNT_DROP_MALFORMED },
	{ "a first fragment of an odd port is refused",
	  { TO_VIP, .to_port = 22, .flags = SYN, .fragment = 0x2000 },
	  .verdict = XDP_DROP,
	  .counter = COUNT_DROP_FRAGMENT },
	{ "a fifth extension header is not followed",
	  { TO_VIP, .to_port = 443, .flags = SYN, .options = 5 },
	  .only = 6,
	  .verdict = XDP_DROP,
	  .counter = COUNT_DROP_EXTENSION },
	{ "an extension header that reaches past the frame is malformed",
	  { TO_VIP, .to_port = 443, .flags = SYN, .options = 1 },
	  .only = 6,
	  .patch = PATCH_EXTENSION,
	  .value = 9,
	  .verdict = XDP_DROP,
	  .counter = COUNT_DROP_MALFORMED },
	{ "a frame that ends in an extension header is the kernel's",
	  { TO_VIP, .to_port = 443, .flags = SYN, .options = 1 },
	  .only = 6,
	  .cut = 21,
	  .verdict = XDP_PASS,
	  .counter = COUNT_PASSED },
	{ "an IPv4 address in an IPv6 header is the kernel's",
	  { TO_VIP, .to_port = 443, .flags = SYN },
	  .only = 6,
	  .patch = PATCH_MAPPED,
	  .verdict = XDP_PASS,
	  .counter = COUNT_PASSED },
	{ "a third VLAN tag is the kernel's",
	  { TO_VIP, .to_port = 443, .flags = SYN, .tags = 3 },
	  .verdict = XDP_PASS,
	  .counter = COUNT_PASSED },
};

static void test_refusal(void **state)
{
	const struct refusal *row = *state;
	struct frame frame = frame_segment(&row->segment, false), before;

	if (row->only && row->only != (frame_is_ipv4(&frame) ? 4 : 6))
		skip();
	frame_patch(&frame, row->patch, row->value);
	frame.size -= row->cut;
	before = frame;
	assert_int_equal(run_frame(&frame, box.outside), row->verdict);
	assert_int_equal(count_of(row->counter), 1);
	assert_int_equal(count_of(COUNT_FORWARDED_IN), 0);
	assert_memory_equal(frame.bytes, before.bytes, before.size);
}

static int set_up(void **state UNUSED)
{
	return harness_open(4096, 1024);
}

int main(void)
{
	struct plan plan = { 0 };

	if (!harness_may_run("parse"))
		return 77;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
		plan_case(&plan, refusals[i].name, test_refusal, &refusals[i]);
	return plan_run("parse", &plan, set_up);
}
