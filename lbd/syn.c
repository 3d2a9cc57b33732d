// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/syn.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <string.h>

enum {
	HOPS = 64,
	WINDOW = 1024,
	IPV4_FRAGMENT = 0x3fff, /* more of them, or not the first; RFC 791, 3.1 */
};

/* The one's complement sum of RFC 1071, folded; `length` is even. */
static uint16_t sum(const void *bytes, size_t length, uint32_t begin)
{
	const uint8_t *at = bytes;
	uint32_t total = begin;

	for (size_t i = 0; i < length; i += 2)
		total += (uint32_t)at[i] << 8 | at[i + 1];
	total = (total & 0xffff) + (total >> 16);
	return (uint16_t)((total & 0xffff) + (total >> 16));
}

static size_t write_ipv4(uint8_t *packet, const struct syn *syn)
{
	struct ip ip = {
		.ip_v = 4,
		.ip_hl = sizeof(ip) / 4,
		.ip_len = htons(sizeof(ip) + sizeof(struct tcphdr)),
		.ip_off = htons(IP_DF),
		.ip_ttl = HOPS,
		.ip_p = IPPROTO_TCP,
		.ip_src = { syn->from.word[3] },
		.ip_dst = { syn->to.word[3] },
	};

	ip.ip_sum = htons((uint16_t)~sum(&ip, sizeof(ip), 0));
	memcpy(packet, &ip, sizeof(ip));
	return sizeof(ip);
}

static size_t write_ipv6(uint8_t *packet, const struct syn *syn)
{
	struct ip6_hdr ip = { .ip6_plen = htons(sizeof(struct tcphdr)),
			      .ip6_nxt = IPPROTO_TCP,
			      .ip6_hlim = HOPS };

	ip.ip6_vfc = 6 << 4;
	memcpy(&ip.ip6_src, &syn->from, sizeof(ip.ip6_src));
	memcpy(&ip.ip6_dst, &syn->to, sizeof(ip.ip6_dst));
	memcpy(packet, &ip, sizeof(ip));
	return sizeof(ip);
}

/* What the checksum covers beside the segment; both families' come to the same kind of sum. */
static uint16_t pseudo_header(const struct syn *syn)
{
	bool ipv4 = flow_ip_family(&syn->from) == FLOW_IPV4;
	size_t skip = ipv4 ? 3 : 0, bytes = sizeof(syn->from) - skip * sizeof(syn->from.word[0]);
	uint32_t begin = IPPROTO_TCP + sizeof(struct tcphdr);

	return sum(&syn->to.word[skip], bytes, sum(&syn->from.word[skip], bytes, begin));
}

size_t syn_write(uint8_t packet[SYN_PACKET_MAX], const struct syn *syn)
{
	struct tcphdr tcp = {
		.th_sport = htons(syn->from_port),
		.th_dport = htons(syn->to_port),
		.th_seq = htonl(syn->seq),
		.th_ack = htonl(syn->ack),
		.th_off = sizeof(tcp) / 4,
		.th_flags = syn->flags,
		.th_win = htons(WINDOW),
	};
	size_t head = flow_ip_family(&syn->from) == FLOW_IPV4 ? write_ipv4(packet, syn)
							      : write_ipv6(packet, syn);

	tcp.th_sum = htons((uint16_t)~sum(&tcp, sizeof(tcp), pseudo_header(syn)));
	memcpy(packet + head, &tcp, sizeof(tcp));
	return head + sizeof(tcp);
}

/* Both return the length of the header, or 0. */
static size_t read_ipv4(struct syn *syn, const uint8_t *packet, size_t length)
{
	struct ip ip;

	if (length < sizeof(ip))
		return 0;
	memcpy(&ip, packet, sizeof(ip));
	if (ip.ip_hl * 4u < sizeof(ip) || ip.ip_p != IPPROTO_TCP ||
	    ntohs(ip.ip_off) & IPV4_FRAGMENT)
		return 0;
	syn->from = flow_ip4(ip.ip_src.s_addr);
	syn->to = flow_ip4(ip.ip_dst.s_addr);
	return ip.ip_hl * 4u;
}

static size_t read_ipv6(struct syn *syn, const uint8_t *packet, size_t length)
{
	struct ip6_hdr ip;

	if (length < sizeof(ip))
		return 0;
	memcpy(&ip, packet, sizeof(ip));
	if (ip.ip6_nxt != IPPROTO_TCP)
		return 0;
	memcpy(&syn->from, &ip.ip6_src, sizeof(syn->from));
	memcpy(&syn->to, &ip.ip6_dst, sizeof(syn->to));
	return sizeof(ip);
}

bool syn_read(struct syn *syn, const uint8_t *packet, size_t length)
{
	struct tcphdr tcp;
	size_t head = 0;

	if (length && packet[0] >> 4 == 4)
		head = read_ipv4(syn, packet, length);
	else if (length && packet[0] >> 4 == 6)
		head = read_ipv6(syn, packet, length);
	if (!head || length < head + sizeof(tcp))
		return false;
	memcpy(&tcp, packet + head, sizeof(tcp));
	syn->from_port = ntohs(tcp.th_sport);
	syn->to_port = ntohs(tcp.th_dport);
	syn->seq = ntohl(tcp.th_seq);
	syn->ack = ntohl(tcp.th_ack);
	syn->flags = tcp.th_flags;
	return true;
}
