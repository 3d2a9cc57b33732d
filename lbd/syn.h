/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bare TCP segments in their IP packets, for asking a member whether it answers for a VIP: no
 * options, no data.  Pure.
 */
#ifndef CASPAIR_SYN_H
#define CASPAIR_SYN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/flow_ip.h"

enum {
	SYN_PACKET_MAX = 60,    /* what is written: IPv6 and TCP */
	SYN_FLAGS_OPEN = 0x02,  /* SYN */
	SYN_FLAGS_RESET = 0x04, /* RST */
	SYN_FLAGS_ACK = 0x10,
};

struct syn {
	struct flow_ip from, to;     /* of one family */
	uint16_t from_port, to_port; /* host order, as the rest */
	uint32_t seq, ack;
	uint8_t flags;
};

/* Writes the packet with its checksums (RFC 9293, 3.1; RFC 8200, 8.1); returns its length. */
size_t syn_write(uint8_t packet[SYN_PACKET_MAX], const struct syn *syn);

/*
 * Reads a packet, of which the end may be cut off.  False when it is not one: a fragment, IPv6 with
 * extension headers, not TCP, too short.  Checksums are not looked at: the device may have checked
 * them, or left them to another, and who reads asks for a number that only the answer has.
 */
bool syn_read(struct syn *syn, const uint8_t *packet, size_t length);

#endif
