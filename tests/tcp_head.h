/* SPDX-License-Identifier: BSD-2-Clause */
/* The headers of a TCP segment over IPv4, as a tap hears it: from the network header on. */
#ifndef CASPAIR_TESTS_TCP_HEAD_H
#define CASPAIR_TESTS_TCP_HEAD_H

#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes of both headers, with their options; 0: it is something else.  That many may be more than
 * the packet has. */
static inline size_t tcp_head_read(const uint8_t *packet, size_t size, struct iphdr *ip,
				   struct tcphdr *tcp)
{
	size_t head;

	if (size < sizeof(*ip))
		return 0;
	memcpy(ip, packet, sizeof(*ip));
	head = (size_t)ip->ihl * 4;
	if (ip->version != 4 || ip->protocol != IPPROTO_TCP || size < head + sizeof(*tcp))
		return 0;
	memcpy(tcp, packet + head, sizeof(*tcp));
	return head + (size_t)tcp->doff * 4;
}

#endif
