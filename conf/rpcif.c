// SPDX-License-Identifier: BSD-2-Clause
#include "conf/rpcif.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UUID_TEXT = 36 };

struct known {
	const char *word; /* of the configuration */
	const char *name;
	struct rpcif interface;
};

/* MS-OXCRPC 1.9, MS-NSPI 1.9, MS-OXABREF 1.9 */
static const struct known known[] = {
	{ "rpc-client-access",
	  "emsmdb",
	  { { 0x00, 0xdb, 0xf1, 0xa4, 0x47, 0xca, 0x67, 0x10, 0xb3, 0x1f, 0x00, 0xdd, 0x01, 0x06,
	      0x62, 0xda },
	    0,
	    81 } },
	{ "address-book",
	  "nspi",
	  { { 0x18, 0x5a, 0xcc, 0xf5, 0x64, 0x42, 0x1a, 0x10, 0x8c, 0x59, 0x08, 0x00, 0x2b, 0x2f,
	      0x84, 0x26 },
	    56,
	    0 } },
	{ "address-book",
	  "rfr",
	  { { 0xe0, 0xf5, 0x44, 0x15, 0x3c, 0x61, 0xd1, 0x11, 0x93, 0xdf, 0x00, 0xc0, 0x4f, 0xd7,
	      0xbd, 0x09 },
	    1,
	    0 } },
};
enum { KNOWN = sizeof(known) / sizeof(known[0]) };

/* Where each byte of the text stands on the wire. */
static const uint8_t wire_place[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

static bool dash_at(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

static int digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

static bool read_uuid(uint8_t uuid[16], const char *word)
{
	size_t digits = 0;

	memset(uuid, 0, 16);
	for (size_t i = 0; i < UUID_TEXT; i++) {
		uint8_t *byte;

		if (dash_at(i)) {
			if (word[i] != '-')
				return false;
			continue;
		}
		if (!isxdigit((unsigned char)word[i]))
			return false;
		byte = &uuid[wire_place[digits++ / 2]];
		*byte = (uint8_t)(*byte << 4 | digit(word[i]));
	}
	return true;
}

/* A decimal number of 16 bits; where it ends, NULL when it is none. */
static const char *read_number(uint16_t *number, const char *at)
{
	unsigned int value = 0;
	const char *first = at;

	for (; isdigit((unsigned char)*at) && value <= UINT16_MAX; at++)
		value = value * 10 + (unsigned int)(*at - '0');
	*number = (uint16_t)value;
	return at > first && value <= UINT16_MAX ? at : NULL;
}

static bool read_version(struct rpcif *interface, const char *at)
{
	interface->major = 1;
	interface->minor = 0;
	if (!*at)
		return true;
	if (*at != '/')
		return false;
	at = read_number(&interface->major, at + 1);
	if (at && *at == '.')
		at = read_number(&interface->minor, at + 1);
	return at && !*at;
}

size_t rpcif_parse(struct rpcif found[RPCIF_PER_WORD], const char *word)
{
	size_t count = 0;

	for (size_t i = 0; i < KNOWN && count < RPCIF_PER_WORD; i++)
		if (!strcmp(known[i].word, word))
			found[count++] = known[i].interface;
	if (!count && read_uuid(found[0].uuid, word) && read_version(&found[0], word + UUID_TEXT))
		count = 1;
	return count;
}

const char *rpcif_print(char text[RPCIF_TEXT], const struct rpcif *interface)
{
	int used = 0;

	for (size_t i = 0; i < KNOWN; i++)
		if (rpcif_same(&known[i].interface, interface))
			return known[i].name;
	for (size_t i = 0; i < 16; i++) {
		const char *dash = i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "";

		used += snprintf(text + used, RPCIF_TEXT - (size_t)used, "%s%02x", dash,
				 interface->uuid[wire_place[i]]);
	}
	snprintf(text + used, RPCIF_TEXT - (size_t)used, "/%u.%u", interface->major,
		 interface->minor);
	return text;
}

bool rpcif_same(const struct rpcif *one, const struct rpcif *other)
{
	return one->major == other->major && !memcmp(one->uuid, other->uuid, sizeof(one->uuid));
}

const char *rpcif_name(size_t index)
{
	static const char *const names[] = { "rpc-client-access", "address-book", NULL };

	return names[index];
}
