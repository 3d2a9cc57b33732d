// SPDX-License-Identifier: BSD-2-Clause
/* Programs that user space calls, by BPF_PROG_TEST_RUN. */
#include <arpa/inet.h>
#include <errno.h>

#include <bpf/bpf.h>
#include <linux/if_ether.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include "lbd/dataplane.h"

/* The kernel takes a context for a program of this type in and out by ctx_in alone. */
static int run(int program, struct flow_call *call)
{
	struct bpf_test_run_opts options = { .sz = sizeof(options),
					     .ctx_in = call,
					     .ctx_size_in = sizeof(*call) };

	if (bpf_prog_test_run_opts(program, &options))
		return -errno;
	return (int)options.retval;
}

int dataplane_emit(struct dataplane *plane, const struct flow_event *event)
{
	struct flow_call call = { .count = 1 };

	plane->inbox[0] = *event;
	return run(plane->emit, &call);
}

int dataplane_sweep(struct dataplane *plane, uint32_t count, struct flow_call *call)
{
	*call = (struct flow_call){ .count = count };
	return run(plane->sweep, call);
}

int dataplane_carry(struct dataplane *plane, uint32_t count, struct flow_call *call)
{
	*call = (struct flow_call){ .count = count };
	return run(plane->carry, call);
}

/* A run of orders of one family; the headers of IPv4 are 20 bytes shorter. */
static int reset_run(struct dataplane *plane, uint32_t first, uint32_t count, int device)
{
	bool ipv6 = flow_ip_family(&plane->inbox[first].key.client) == FLOW_IPV6;
	uint8_t paper[ETH_HLEN + sizeof(struct ipv6hdr) + sizeof(struct tcphdr)] = { 0 };
	struct ethhdr *eth = (struct ethhdr *)paper;
	struct __sk_buff context = { .cb = { first }, .ifindex = (uint32_t)device };
	struct bpf_test_run_opts options = { .sz = sizeof(options),
					     .data_in = paper,
					     .data_size_in = ipv6 ? sizeof(paper)
								  : sizeof(paper) - 20,
					     .ctx_in = &context,
					     .ctx_size_in = sizeof(context),
					     .repeat = (int)count };

	eth->h_proto = htons(ipv6 ? ETH_P_IPV6 : ETH_P_IP);
	return bpf_prog_test_run_opts(plane->reset, &options) ? -errno : 0;
}

int dataplane_reset(struct dataplane *plane, uint32_t count, int device, uint32_t *done)
{
	int error = 0;

	*done = 0;
	for (uint32_t first = 0, next; !error && first < count; first = next) {
		enum flow_family family = flow_ip_family(&plane->inbox[first].key.client);

		for (next = first + 1; next < count; next++)
			if (flow_ip_family(&plane->inbox[next].key.client) != family)
				break;
		error = reset_run(plane, first, next - first, device);
	}
	for (uint32_t i = 0; i < count; i++)
		*done += plane->inbox[i].state;
	return error;
}

int dataplane_release(struct dataplane *plane, struct flow_held *packet)
{
	struct __sk_buff context = { .cb = { packet->ifindex } };
	struct bpf_test_run_opts options = { .sz = sizeof(options),
					     .data_in = packet->frame,
					     .data_size_in = packet->length,
					     .ctx_in = &context,
					     .ctx_size_in = sizeof(context) };

	if (bpf_prog_test_run_opts(plane->release, &options))
		return -errno;
	return options.retval ? -EIO : 0;
}
