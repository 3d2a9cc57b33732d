// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/keys.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "conf/key.h"
#include "conf/log.h"

/* What a key is called in the configuration, the one that is used rather first. */
static const char *text_of(const Conf__Node *node, size_t i)
{
	return i == 0 ? node->next_public_key : node->public_key;
}

bool keys_is_next(const Conf__Node *node, const uint8_t public[SEAL_KEY])
{
	uint8_t next[SEAL_KEY];

	return node->next_public_key && seal_public_parse(next, node->next_public_key) &&
	       memcmp(next, public, SEAL_KEY) == 0;
}

static bool read_files(struct keys *keys, const char *file)
{
	char path[PATH_MAX], why[KEY_WHY];
	int err = key_read(&keys->own[0], file, why);

	if (!err && snprintf(path, sizeof(path), "%s.next", file) < (int)sizeof(path)) {
		err = key_read(&keys->own[1], path, why);
		if (err == -ENOENT)
			err = 0;
	}
	if (err)
		log_error("%s", why);
	return !err;
}

/* The secret key to a public one of our node, or NULL. */
static const struct seal_keypair *own_key(const struct keys *keys, const uint8_t public[SEAL_KEY])
{
	for (size_t i = 0; i < KEYS_OWN; i++)
		if (keys->own[i] && memcmp(keys->own[i]->public, public, SEAL_KEY) == 0)
			return keys->own[i];
	return NULL;
}

/* Each of the peer's keys with this one of ours. */
static bool pair_up(struct keys *keys, const struct seal_keypair *own, const Conf__Node *peer)
{
	uint8_t remote[SEAL_KEY];

	for (size_t i = 0; i < 2; i++) {
		const char *text = text_of(peer, i);

		if (!text)
			continue;
		if (!seal_public_parse(remote, text) ||
		    greet_self_add(keys->self, own, remote) != 0) {
			log_error("%s of node %s cannot be used: each node needs a key of its own "
				  "(pairctl keygen)",
				  text, peer->name);
			return false;
		}
	}
	return true;
}

static bool pair_all(struct keys *keys, const Conf__Node *own, const Conf__Node *peer,
		     const char *file)
{
	uint8_t public[SEAL_KEY];

	for (size_t i = 0; i < 2; i++) {
		const struct seal_keypair *key = NULL;
		const char *text = text_of(own, i);

		if (!text)
			continue;
		if (seal_public_parse(public, text))
			key = own_key(keys, public);
		if (key && !pair_up(keys, key, peer))
			return false;
		if (!key && own->next_public_key)
			log_warning("no secret key of node %s to %s: neither %s nor %s.next has it",
				    own->name, text, file, file);
	}
	if (keys->self->count == 0)
		log_error("%s is not the key of node %s: its public half differs from public-key "
			  "in the configuration",
			  file, own->name);
	else if (keys->own[1] && !own->next_public_key &&
		 memcmp(keys->own[1]->public, keys->self->keys[0].own->public, SEAL_KEY) != 0)
		log_info("%s.next is not used yet: next-public-key of node %s does not name it",
			 file, own->name);
	return keys->self->count > 0;
}

static bool load_psk(struct keys *keys, const char *file)
{
	char why[KEY_WHY];
	uint8_t *psk;

	if (key_read_psk(&psk, file, why) != 0) {
		log_error("%s", why);
		return false;
	}
	memcpy(keys->self->psk, psk, SEAL_KEY);
	keys->self->has_psk = true;
	seal_free(psk);
	return true;
}

bool keys_load(struct keys *keys, const struct conf *conf, unsigned int node, const char *file)
{
	const Conf__Node *own = conf->file->node[node - 1], *peer = conf->file->node[2 - node];
	bool good;

	*keys = (struct keys){ .self = seal_alloc(sizeof(*keys->self)) };
	if (!keys->self) {
		log_error("no locked memory for keys: raise the limit (ulimit -l)");
		return false;
	}
	if (greet_self_init(keys->self, conf->file->pair, node) != 0) {
		log_error("the pair's name is too long");
		good = false;
	} else {
		good = read_files(keys, file) && pair_all(keys, own, peer, file) &&
		       (!conf->file->sync->psk || load_psk(keys, file));
	}
	if (!good)
		keys_free(keys);
	return good;
}

void keys_replace(struct keys *keys, struct keys *fresh, struct keys *left)
{
	uint64_t boot = keys->self->boot;

	*left = (struct keys){ .self = fresh->self };
	memcpy(left->own, keys->own, sizeof(left->own));
	*keys->self = *fresh->self;
	keys->self->boot = boot; /* the same process speaks */
	memcpy(keys->own, fresh->own, sizeof(keys->own));
	memset(fresh, 0, sizeof(*fresh));
}

void keys_free(struct keys *keys)
{
	for (size_t i = 0; i < KEYS_OWN; i++)
		key_free(keys->own[i]);
	seal_free(keys->self);
	memset(keys, 0, sizeof(*keys));
}

bool keys_same(const struct keys *a, const struct keys *b)
{
	const struct greet_self *one = a->self, *other = b->self;

	if (one->count != other->count || one->has_psk != other->has_psk ||
	    memcmp(one->psk, other->psk, SEAL_KEY) != 0)
		return false;
	for (unsigned int i = 0; i < one->count; i++)
		if (memcmp(one->keys[i].own->public, other->keys[i].own->public, SEAL_KEY) != 0 ||
		    memcmp(one->keys[i].remote, other->keys[i].remote, SEAL_KEY) != 0)
			return false;
	return true;
}
