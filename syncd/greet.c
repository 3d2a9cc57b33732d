// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/greet.h"

#include <errno.h>
#include <string.h>

#include "proto/record.h"

enum {
	TYPE_INIT = 1,
	TYPE_RESP = 2,
	TYPE_PSK = 0x10,
	PROLOGUE_MAX = 32 + GREET_PAIR + GREET_HELLO,
	TAGGED_MAX = GREET_HELLO + GREET_HEADER + GREET_IN,
	LENGTH_MAX = GREET_IN - GREET_HEADER - SEAL_PRETAG,
};

static const char magic[4] = { 'C', 'P', 'S', '1' };

const char *const greet_refusal_names[GREET_REFUSALS] = {
	[GREET_OK] = "ok",
	[GREET_BAD_VERSION] = "bad-version",
	[GREET_BAD_LENGTH] = "bad-length",
	[GREET_BAD_TAG] = "bad-tag",
	[GREET_BAD_SEAL] = "bad-seal",
	[GREET_BAD_HELLO] = "bad-hello",
	[GREET_WRONG_NODE] = "wrong-node",
	[GREET_BAD_PSK] = "bad-psk",
};

int greet_self_init(struct greet_self *self, const char *pair, unsigned int node)
{
	size_t length = strlen(pair);

	memset(self, 0, sizeof(*self));
	if (length >= sizeof(self->pair))
		return -ENAMETOOLONG;
	memcpy(self->pair, pair, length);
	self->node = node;
	self->peer = 3 - node;
	self->terms = wire_terms();
	seal_random(&self->boot, sizeof(self->boot));
	return 0;
}

int greet_self_add(struct greet_self *self, const struct seal_keypair *own,
		   const uint8_t remote[SEAL_KEY])
{
	struct greet_keys *keys = &self->keys[self->count];

	if (self->count == GREET_KEYS)
		return -ENOSPC;
	/* A peer with our own key could be our own reflection. */
	if (memcmp(own->public, remote, SEAL_KEY) == 0 || !seal_prekey(keys->prekey, own, remote))
		return -EINVAL;
	keys->own = own;
	memcpy(keys->remote, remote, SEAL_KEY);
	self->count++;
	return 0;
}

bool greet_still_good(const struct greet *greet, const struct greet_self *self)
{
	for (unsigned int i = 0; i < self->count; i++)
		if (memcmp(self->keys[i].own->public, greet->own, SEAL_KEY) == 0 &&
		    memcmp(self->keys[i].remote, greet->remote, SEAL_KEY) == 0)
			return true;
	return false;
}

size_t greet_begin(struct greet *greet, bool initiator, uint8_t out[GREET_OUT])
{
	memset(greet, 0, sizeof(*greet));
	greet->initiator = initiator;
	if (initiator)
		return 0;
	memcpy(greet->hello, magic, sizeof(magic));
	seal_random(greet->hello + sizeof(magic), GREET_HELLO - sizeof(magic));
	greet->hello_seen = true;
	memcpy(out, greet->hello, GREET_HELLO);
	return GREET_HELLO;
}

void greet_wipe(struct greet *greet)
{
	seal_handshake_wipe(&greet->noise);
	seal_wipe(greet, sizeof(*greet));
}

static void refuse(struct greet *greet, enum greet_refusal why)
{
	seal_handshake_wipe(&greet->noise);
	greet->refused = why;
}

/* Lengths stand in front of the name, so no two settings have the same prologue. */
static void start_noise(struct greet *greet, const struct greet_self *self)
{
	static const char label[] = "caspair-sync-1";
	const struct greet_keys *keys = &self->keys[greet->keys];
	uint8_t prologue[PROLOGUE_MAX], *p = prologue;
	unsigned int initiator = greet->initiator ? self->node : self->peer;
	size_t name = strlen(self->pair);

	memcpy(p, label, sizeof(label) - 1);
	p += sizeof(label) - 1;
	*p++ = (uint8_t)name;
	memcpy(p, self->pair, name);
	p += name;
	*p++ = (uint8_t)initiator;
	*p++ = (uint8_t)(3 - initiator);
	memcpy(p, greet->hello, GREET_HELLO);
	p += GREET_HELLO;
	seal_handshake_start(&greet->noise, greet->initiator,
			     &(struct seal_terms){ .own = keys->own,
						   .remote = keys->remote,
						   .psk = self->has_psk ? self->psk : NULL,
						   .prologue = prologue,
						   .length = (size_t)(p - prologue) });
}

/* What the tag is over; returns its length. */
static size_t tagged(uint8_t data[TAGGED_MAX], const struct greet *greet,
		     const uint8_t header[GREET_HEADER], const uint8_t *noise, size_t length)
{
	memcpy(data, greet->hello, GREET_HELLO);
	memcpy(data + GREET_HELLO, header, GREET_HEADER);
	memcpy(data + GREET_HELLO + GREET_HEADER, noise, length);
	return GREET_HELLO + GREET_HEADER + length;
}

/* Which keys the initiator has chosen.  The same work whoever asks, and whatever he has. */
static bool find_keys(struct greet *greet, const struct greet_self *self, const uint8_t *noise,
		      size_t length)
{
	uint8_t data[TAGGED_MAX], tag[SEAL_PRETAG];
	size_t size = tagged(data, greet, greet->in, noise, length);
	bool found = false;

	for (unsigned int i = 0; i < self->count; i++) {
		seal_pretag(tag, self->keys[i].prekey, data, size);
		if (!seal_pretag_equal(tag, greet->in + GREET_HEADER))
			continue;
		greet->keys = i;
		found = true;
	}
	return found;
}

static uint8_t type_of(bool init, const struct greet_self *self)
{
	return (uint8_t)((init ? TYPE_INIT : TYPE_RESP) | (self->has_psk ? TYPE_PSK : 0));
}

/* Writes INIT or RESP; 0 bytes when the payload cannot be sealed. */
static size_t write_message(struct greet *greet, const struct greet_self *self,
			    uint8_t out[GREET_OUT])
{
	Sync__Hello hello = SYNC__HELLO__INIT;
	uint8_t payload[GREET_PAYLOAD], data[TAGGED_MAX];
	uint8_t *noise = out + GREET_HEADER + (greet->initiator ? SEAL_PRETAG : 0);
	char pair[GREET_PAIR];
	int length;

	memcpy(pair, self->pair, sizeof(pair));
	hello.pair = pair;
	hello.node = self->node;
	hello.boot = self->boot;
	hello.version = GREET_VERSION;
	hello.has_wire = hello.has_wire_least = hello.has_features = true;
	hello.wire = self->terms.version;
	hello.wire_least = self->terms.least;
	hello.features = self->terms.features;
	if (sync__hello__get_packed_size(&hello) > sizeof(payload))
		return 0;
	length = seal_handshake_write(&greet->noise, noise, GREET_NOISE, payload,
				      sync__hello__pack(&hello, payload));
	if (length < 0)
		return 0;
	out[0] = type_of(greet->initiator, self);
	out[1] = GREET_VERSION;
	out[2] = (uint8_t)length;
	out[3] = (uint8_t)(length >> 8);
	if (greet->initiator)
		seal_pretag(out + GREET_HEADER, self->keys[greet->keys].prekey, data,
			    tagged(data, greet, out, noise, (size_t)length));
	return (size_t)(noise - out) + (size_t)length;
}

static enum greet_refusal check_hello(struct greet *greet, const struct greet_self *self,
				      const uint8_t *payload, size_t length)
{
	_Alignas(max_align_t) uint8_t memory[1024];
	struct record_arena arena;
	struct wire_terms theirs;
	const Sync__Hello *hello;

	record_arena_init(&arena, memory, sizeof(memory));
	hello = record_hello(&arena, payload, length);
	if (!hello)
		return GREET_BAD_HELLO;
	if (hello->version != GREET_VERSION)
		return GREET_BAD_VERSION;
	if (hello->node != self->peer || strcmp(hello->pair, self->pair) != 0)
		return GREET_WRONG_NODE;
	theirs = (struct wire_terms){ hello->wire, hello->wire_least, hello->features };
	if (!wire_terms_valid(&theirs))
		return GREET_BAD_HELLO;
	greet->wire = wire_between(&self->terms, &theirs);
	greet->boot = hello->boot;
	return GREET_OK;
}

/* How many bytes the message under way has; the first four say so. */
static size_t wanted(const struct greet *greet)
{
	size_t tag = greet->initiator ? 0 : SEAL_PRETAG;

	if (!greet->hello_seen)
		return GREET_HELLO;
	if (greet->used < GREET_HEADER)
		return GREET_HEADER;
	return GREET_HEADER + tag + (size_t)(greet->in[2] | greet->in[3] << 8);
}

/*
 * A psk on one side only is told behind the tag: that is not for a stranger to ask.  Nothing covers
 * the header of a RESP, so that must be as expected.
 */
static void check_header(struct greet *greet, const struct greet_self *self)
{
	uint8_t type = greet->initiator ? greet->in[0] : (uint8_t)(greet->in[0] & ~TYPE_PSK);
	uint8_t expected = greet->initiator ? type_of(false, self) : TYPE_INIT;
	size_t length = (size_t)(greet->in[2] | greet->in[3] << 8);

	if (type != expected || greet->in[1] != GREET_VERSION)
		refuse(greet, GREET_BAD_VERSION);
	else if (length < SEAL_KEY + SEAL_TAG || length > LENGTH_MAX)
		refuse(greet, GREET_BAD_LENGTH);
}

static size_t take_hello(struct greet *greet, const struct greet_self *self, uint8_t out[GREET_OUT])
{
	if (memcmp(greet->in, magic, sizeof(magic)) != 0) {
		refuse(greet, GREET_BAD_VERSION);
		return 0;
	}
	memcpy(greet->hello, greet->in, GREET_HELLO);
	greet->hello_seen = true;
	start_noise(greet, self);
	return write_message(greet, self, out);
}

/* R has taken our tag and answers, so the keys are right: it is the psk that is not. */
static enum greet_refusal bad_seal(const struct greet *greet, const struct greet_self *self)
{
	return greet->initiator && self->has_psk ? GREET_BAD_PSK : GREET_BAD_SEAL;
}

/* INIT at R, RESP at I. */
static size_t take_message(struct greet *greet, const struct greet_self *self,
			   uint8_t out[GREET_OUT])
{
	const uint8_t *noise = greet->in + GREET_HEADER + (greet->initiator ? 0 : SEAL_PRETAG);
	size_t length = greet->used - (size_t)(noise - greet->in), answer = 0;
	uint8_t payload[GREET_IN];
	enum greet_refusal why;
	int got;

	if (!greet->initiator) {
		if (!find_keys(greet, self, noise, length)) {
			refuse(greet, GREET_BAD_TAG);
			return 0;
		}
		if (greet->in[0] != type_of(true, self)) {
			refuse(greet, GREET_BAD_PSK);
			return 0;
		}
		start_noise(greet, self);
	}
	got = seal_handshake_read(&greet->noise, payload, sizeof(payload), noise, length);
	why = got < 0 ? bad_seal(greet, self) : check_hello(greet, self, payload, (size_t)got);
	if (why) {
		refuse(greet, why);
		return 0;
	}
	if (!greet->initiator)
		answer = write_message(greet, self, out);
	seal_handshake_split(&greet->noise, &greet->send, &greet->receive);
	memcpy(greet->own, self->keys[greet->keys].own->public, SEAL_KEY);
	memcpy(greet->remote, self->keys[greet->keys].remote, SEAL_KEY);
	greet->psk = self->has_psk;
	greet->done = true;
	return answer;
}

size_t greet_input(struct greet *greet, const struct greet_self *self, const uint8_t *bytes,
		   size_t count, uint8_t out[GREET_OUT], size_t *length)
{
	size_t taken = 0;

	*length = 0;
	while (!greet->done && !greet->refused) {
		size_t want = wanted(greet) - greet->used;
		size_t n = count - taken < want ? count - taken : want;

		memcpy(greet->in + greet->used, bytes + taken, n);
		greet->used += n;
		taken += n;
		if (n < want)
			break;
		if (!greet->hello_seen) {
			*length = take_hello(greet, self, out);
			greet->used = 0;
		} else if (greet->used == GREET_HEADER) {
			check_header(greet, self);
		} else {
			*length = take_message(greet, self, out);
			greet->used = 0;
		}
	}
	return taken;
}
