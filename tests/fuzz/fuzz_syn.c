// SPDX-License-Identifier: BSD-2-Clause
/* sources: lbd/syn.c */
/* A member's packets, as the answer to being asked for a VIP: what is read can be answered. */
#include <stdlib.h>
#include <string.h>

#include "lbd/syn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	uint8_t packet[SYN_PACKET_MAX];
	struct syn syn, again;

	if (!syn_read(&syn, data, length))
		return 0;
	/* IPv6 carries mapped addresses too, which no answer has; RFC 4291, 2.5.5.2. */
	if (flow_ip_family(&syn.from) != flow_ip_family(&syn.to) ||
	    (data[0] >> 4 == 6 && flow_ip_family(&syn.from) == FLOW_IPV4))
		return 0;
	if (!syn_read(&again, packet, syn_write(packet, &syn)))
		abort();
	if (memcmp(&syn.from, &again.from, sizeof(syn.from)) != 0 || syn.ack != again.ack ||
	    syn.flags != again.flags || syn.from_port != again.from_port)
		abort();
	return 0;
}
