// SPDX-License-Identifier: BSD-2-Clause
#include "vrrp/dispute.h"

#include <netinet/in.h>
#include <string.h>

enum {
	ARP_BYTES = 28,
	IP6_HEADER = 40,
	ND_ADVERTISEMENT = 136,
	ND_BYTES = 24, /* before the options */
	ND_OPTION = 8, /* their unit of length */
	ND_TARGET_MAC = 2,
	HOP_LIMIT = 255, /* what a router has forwarded has less */
};

/* Of one station. */
static bool usable(const uint8_t mac[6])
{
	static const uint8_t none[6];

	return !(mac[0] & 1) && memcmp(mac, none, sizeof(none)) != 0;
}

bool dispute_read_arp(struct claim *claim, const uint8_t *packet, size_t length)
{
	static const uint8_t kind[] = { 0, 1, 0x08, 0, 6, 4, 0 }; /* IPv4 over Ethernet */
	static const uint8_t nobody[4];

	if (length < ARP_BYTES || memcmp(packet, kind, sizeof(kind)) != 0)
		return false;
	if (packet[7] != 1 && packet[7] != 2)
		return false;
	if (memcmp(packet + 14, nobody, sizeof(nobody)) == 0 || !usable(packet + 8))
		return false;
	claim->addr = (struct addr){ .family = 4 };
	memcpy(claim->addr.bytes, packet + 14, 4);
	memcpy(claim->mac, packet + 8, sizeof(claim->mac));
	return true;
}

/* False: the options are damaged.  Without the one that is looked for `mac` stays as it is. */
static bool read_options(uint8_t mac[6], const uint8_t *option, size_t left)
{
	while (left) {
		size_t size = left >= ND_OPTION ? option[1] * (size_t)ND_OPTION : 0;

		if (!size || size > left)
			return false;
		if (option[0] == ND_TARGET_MAC)
			memcpy(mac, option + 2, 6);
		option += size;
		left -= size;
	}
	return true;
}

bool dispute_read_nd(struct claim *claim, const uint8_t *packet, size_t length,
		     const uint8_t from[6])
{
	const uint8_t *message = packet + IP6_HEADER;
	size_t size;

	if (length < IP6_HEADER + ND_BYTES || packet[0] >> 4 != 6 || packet[6] != IPPROTO_ICMPV6 ||
	    packet[7] != HOP_LIMIT || message[0] != ND_ADVERTISEMENT || message[1] != 0)
		return false;
	size = (size_t)(packet[4] << 8 | packet[5]);
	if (size < ND_BYTES || size > length - IP6_HEADER)
		return false;
	memcpy(claim->mac, from, sizeof(claim->mac));
	if (!read_options(claim->mac, message + ND_BYTES, size - ND_BYTES) || !usable(claim->mac))
		return false;
	claim->addr = (struct addr){ .family = 6 };
	memcpy(claim->addr.bytes, message + 8, 16);
	return true;
}

/* The dispute about that address; NULL: there is none, and no room for it. */
static struct dispute *find(struct disputes *disputes, const struct addr *addr)
{
	for (size_t i = 0; i < disputes->count; i++) {
		if (addr_compare(&disputes->list[i].claim.addr, addr) == 0)
			return &disputes->list[i];
	}
	if (disputes->count == VIP_MAX)
		return NULL;
	disputes->list[disputes->count] = (struct dispute){ 0 };
	return &disputes->list[disputes->count++];
}

static bool may_defend(const struct dispute *dispute, uint64_t now)
{
	return !dispute->defended || now - dispute->defended >= DISPUTE_PAUSE;
}

static void defend(struct disputes *disputes, struct dispute *dispute, uint64_t now)
{
	dispute->defended = now;
	dispute->owed = false;
	disputes->defences++;
}

unsigned int dispute_note(struct disputes *disputes, const struct claim *claim, uint64_t now)
{
	struct dispute *dispute = find(disputes, &claim->addr);
	unsigned int follows = 0;

	disputes->claims++;
	if (!dispute)
		return 0;
	if (!dispute->since) {
		dispute->since = now;
		follows |= DISPUTE_BEGINS;
	}
	dispute->claim = *claim;
	dispute->seen = now;
	if (may_defend(dispute, now)) {
		defend(disputes, dispute, now);
		follows |= DISPUTE_DEFEND;
	} else {
		dispute->owed = true;
	}
	return follows;
}

const struct addr *dispute_due(struct disputes *disputes, uint64_t now)
{
	for (size_t i = 0; i < disputes->count; i++) {
		struct dispute *dispute = &disputes->list[i];

		if (!dispute->owed || !may_defend(dispute, now))
			continue;
		defend(disputes, dispute, now);
		return &dispute->claim.addr;
	}
	return NULL;
}

bool dispute_owes(const struct disputes *disputes)
{
	for (size_t i = 0; i < disputes->count; i++) {
		if (disputes->list[i].owed)
			return true;
	}
	return false;
}

bool dispute_over(struct disputes *disputes, uint64_t now, struct dispute *over)
{
	for (size_t i = 0; i < disputes->count; i++) {
		struct dispute *dispute = &disputes->list[i];

		if (now - dispute->seen < DISPUTE_QUIET)
			continue;
		*over = *dispute;
		disputes->count--;
		memmove(dispute, dispute + 1, (disputes->count - i) * sizeof(*dispute));
		return true;
	}
	return false;
}

void dispute_forget(struct disputes *disputes)
{
	disputes->count = 0;
}
