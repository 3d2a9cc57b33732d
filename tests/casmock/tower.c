// SPDX-License-Identifier: BSD-2-Clause
#include "tests/casmock/tower.h"

#include <string.h>

enum { FLOOR_UUID = 0x0d, FLOOR_RPC = 0x0b, FLOOR_TCP = 0x07, FLOOR_IP = 0x09 };

/* A floor: its protocol's number, what else is left of it, and what is right of it. */
static uint8_t read_floor(struct reader *tower, struct reader *left, struct reader *right)
{
	*left = read_part(tower, read16(tower));
	*right = read_part(tower, read16(tower));
	return read8(left);
}

bool tower_read(struct reader *r, struct tower *tower)
{
	struct reader left, right;
	const uint8_t *bytes;

	memset(tower, 0, sizeof(*tower));
	if (read16(r) < 4 || read_floor(r, &left, &right) != FLOOR_UUID)
		return false;
	bytes = read_bytes(&left, sizeof(tower->interface.uuid));
	tower->interface.major = read16(&left);
	if (left.cut)
		return false;
	memcpy(tower->interface.uuid, bytes, sizeof(tower->interface.uuid));
	read_floor(r, &left, &right); /* transfer syntax */
	if (read_floor(r, &left, &right) != FLOOR_RPC || read_floor(r, &left, &right) != FLOOR_TCP)
		return false;
	bytes = read_bytes(&right, 2); /* the one number in network order */
	if (bytes)
		tower->port = (uint16_t)(bytes[0] << 8 | bytes[1]);
	return bytes && !r->cut;
}

static void write_uuid_floor(struct writer *w, const struct syntax *syntax)
{
	write16(w, 19);
	write8(w, FLOOR_UUID);
	write_bytes(w, syntax->uuid, sizeof(syntax->uuid));
	write16(w, syntax->major);
	write16(w, 2);
	write16(w, syntax->minor);
}

static void write_floor(struct writer *w, uint8_t protocol, const void *right, uint16_t bytes)
{
	write16(w, 1);
	write8(w, protocol);
	write16(w, bytes);
	write_bytes(w, right, bytes);
}

void tower_write(struct writer *w, const struct tower *tower)
{
	const uint8_t port[] = { (uint8_t)(tower->port >> 8), (uint8_t)tower->port };

	write16(w, 5);
	write_uuid_floor(w, &tower->interface);
	write_uuid_floor(w, &syntax_ndr32);
	write_floor(w, FLOOR_RPC, (const uint8_t[]){ 0, 0 }, 2);
	write_floor(w, FLOOR_TCP, port, sizeof(port));
	write_floor(w, FLOOR_IP, tower->address, sizeof(tower->address));
}
