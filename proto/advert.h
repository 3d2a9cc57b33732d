/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VRRP version 3 advertisement (RFC 9568, 5.1), IPv4.  Pure: bytes to struct and back.
 *
 *	 0                   1                   2                   3
 *	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *	|Version| Type  | Virtual Rtr ID|   Priority    |IPvX Addr Count|
 *	|Reserve| Max Advertise Interval|          Checksum             |
 *	|                         IPvX Address(es)                      |
 */
#ifndef CASPAIR_ADVERT_H
#define CASPAIR_ADVERT_H

#include <stddef.h>
#include <stdint.h>

enum {
	ADVERT_PROTOCOL = 112,
	ADVERT_TTL = 255,
	ADVERT_MAX_ADDRESSES = 255,
	ADVERT_MAX_BYTES = 8 + 4 * ADVERT_MAX_ADDRESSES,
	ADVERT_RELEASE = 0, /* priority of an Active that lets go */
	ADVERT_OWNER = 255,
};

/* RFC 5798 read as with pseudo-header (keepalived, FRR), RFC 9568 without (Cisco, Juniper). */
enum advert_checksum { ADVERT_RFC5798, ADVERT_RFC9568 };

struct advert {
	uint32_t source, destination; /* network order */
	uint8_t vrid;
	uint8_t priority;
	uint8_t count;
	uint16_t interval_cs;                   /* centiseconds, 1..4095 */
	uint32_t address[ADVERT_MAX_ADDRESSES]; /* network order */
	enum advert_checksum checksum;          /* as received, or to be sent */
};

/* Why a packet is not an advertisement for us; the receive ladder, in this order. */
enum advert_verdict {
	ADVERT_OK = 0,
	ADVERT_SHORT,
	ADVERT_BAD_IP, /* not IPv4, header length, total length, protocol */
	ADVERT_BAD_TTL,
	ADVERT_BAD_VERSION,
	ADVERT_BAD_TYPE,
	ADVERT_OTHER_VRID,
	ADVERT_BAD_LENGTH,
	ADVERT_NO_ADDRESS,
	ADVERT_NO_INTERVAL,
	ADVERT_BAD_CHECKSUM,
	ADVERT_OWN,      /* our own source address */
	ADVERT_STRANGER, /* unicast: not from the configured peer */
	ADVERT_VERDICTS
};
/* Names for counters and logs: "short", "bad_ttl", ... */
extern const char *const advert_verdict_names[ADVERT_VERDICTS];

/* What the reader compares with. */
struct advert_expect {
	uint8_t vrid;
	uint32_t own;  /* our own source address */
	uint32_t peer; /* unicast: the only source accepted; 0: any */
};

/*
 * Reads a whole IP packet, as a raw socket delivers it; trailing bytes beyond the IP total length
 * are Ethernet padding and ignored.  Never reads beyond `length`.  `advert` is filled only on
 * ADVERT_OK.
 */
enum advert_verdict advert_read(struct advert *advert, const uint8_t *packet, size_t length,
				const struct advert_expect *expect);

/* Writes the VRRP message (no IP header); returns its length.  `message` has ADVERT_MAX_BYTES. */
size_t advert_write(const struct advert *advert, uint8_t *message);

#endif
