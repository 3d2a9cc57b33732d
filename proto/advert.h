/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VRRP advertisement: version 3 over IPv4 and IPv6 (RFC 9568, 5), version 2 over IPv4 (RFC
 *3768, 5) without authentication.  Pure: bytes to struct and back.
 *
 *	 0                   1                   2                   3
 *	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *	|Version| Type  | Virtual Rtr ID|   Priority    |IPvX Addr Count|
 *	|Reserve| Max Advertise Interval|          Checksum             |   version 3: centiseconds
 *	|   Auth Type   |   Adver Int   |          Checksum             |   version 2: seconds
 *	|                         IPvX Address(es)                      |
 *	|            Authentication Data, 8 bytes                       |   version 2
 */
#ifndef CASPAIR_ADVERT_H
#define CASPAIR_ADVERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/addr.h"

enum {
	ADVERT_PROTOCOL = 112,
	ADVERT_TTL = 255,
	ADVERT_MAX_ADDRESSES = 255,
	ADVERT_MAX_BYTES = 8 + 16 * ADVERT_MAX_ADDRESSES + 8,
	ADVERT_RELEASE = 0, /* priority of an Active that lets go */
	ADVERT_OWNER = 255,
};

/*
 * Version 3 over IPv4: RFC 5798 read as with pseudo-header (keepalived, FRR), RFC 9568 without
 * (Cisco, Juniper).  Over IPv6 it is always with one and in version 2 always without, whatever is
 * asked for.
 */
enum advert_checksum { ADVERT_RFC5798, ADVERT_RFC9568 };

struct advert {
	struct addr source, destination;
	uint8_t version; /* 2 or 3 */
	uint8_t vrid;
	uint8_t priority;
	uint8_t count;
	uint16_t interval_cs;          /* centiseconds; 1..4095, or whole seconds in version 2 */
	enum advert_checksum checksum; /* as received, or to be sent */
	struct addr address[ADVERT_MAX_ADDRESSES];
};

/* Why a packet is not an advertisement for us; the receive ladder, in this order. */
enum advert_verdict {
	ADVERT_OK = 0,
	ADVERT_SHORT,
	ADVERT_BAD_IP, /* header length, total length, protocol */
	ADVERT_BAD_TTL,
	ADVERT_BAD_VERSION, /* not the version of this virtual router; over IPv6, not 3 */
	ADVERT_BAD_TYPE,
	ADVERT_OTHER_VRID,
	ADVERT_BAD_AUTH, /* version 2 with an authentication type */
	ADVERT_BAD_LENGTH,
	ADVERT_NO_ADDRESS,
	ADVERT_NO_INTERVAL,
	ADVERT_BAD_CHECKSUM,
	ADVERT_OWN,             /* our own source address */
	ADVERT_STRANGER,        /* unicast: not from the configured peer */
	ADVERT_BAD_DESTINATION, /* to the group where unicast is spoken, or the other way */
	ADVERT_NOT_LINK_LOCAL,  /* IPv6: the first address is not; RFC 9568, erratum 8300 */
	ADVERT_OTHER_INTERVAL,  /* version 2, which does not learn it; RFC 3768, 7.1 */
	ADVERT_VERDICTS
};
/* Names for counters and logs: "short", "bad_ttl", ... */
extern const char *const advert_verdict_names[ADVERT_VERDICTS];

/* What the reader compares with. */
struct advert_expect {
	uint8_t version;
	uint8_t vrid;
	uint8_t ttl_min; /* least TTL or hop limit */
	bool unicast;
	struct addr own;      /* our own source address; of family 0: not known */
	struct addr peer;     /* unicast: the only source accepted */
	uint16_t interval_cs; /* version 2: the only one accepted */
};

/* What surrounds the message: read from the IP header, or told by the kernel. */
struct advert_envelope {
	struct addr source, destination;
	uint8_t ttl; /* hop limit */
	const uint8_t *message;
	size_t length;
};

/*
 * Takes the IPv4 header off a packet as a raw socket delivers it: ADVERT_OK, ADVERT_SHORT or
 * ADVERT_BAD_IP.  Trailing bytes beyond the IP total length are Ethernet padding and ignored.  The
 * message lies in `packet` and is at least as long as its fixed part.
 */
enum advert_verdict advert_unwrap(struct advert_envelope *envelope, const uint8_t *packet,
				  size_t length);

/* Reads the message.  Never reads beyond its length.  `advert` is filled only on ADVERT_OK. */
enum advert_verdict advert_read(struct advert *advert, const struct advert_envelope *envelope,
				const struct advert_expect *expect);

/* Writes the VRRP message (no IP header); returns its length.  `message` has ADVERT_MAX_BYTES. */
size_t advert_write(const struct advert *advert, uint8_t *message);

/* 224.0.0.18 or ff02::12; `family` is that of struct addr. */
struct addr advert_group(uint8_t family);

#endif
