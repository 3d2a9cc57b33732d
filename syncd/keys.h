/* SPDX-License-Identifier: BSD-2-Clause */
/* Which keys this node may use with which of the peer's: the configuration's, and our key files. */
#ifndef CASPAIR_SYNCD_KEYS_H
#define CASPAIR_SYNCD_KEYS_H

#include <stdbool.h>

#include "conf/conf.h"
#include "syncd/greet.h"

enum { KEYS_OWN = 2 }; /* FILE and FILE.next */

struct keys {
	struct seal_keypair *own[KEYS_OWN];
	struct greet_self *self; /* borrows from `own` */
};

/*
 * Reads FILE, FILE.next where there is one, and pair.psk where the configuration says so, and pairs
 * those keys that it names with the peer's, the next ones first.  False, with the reason logged and nothing held, when no
 * key of ours can be used.  keys_free() when it is true.
 */
bool keys_load(struct keys *keys, const struct conf *conf, unsigned int node, const char *file);

/*
 * Takes over what was loaded anew.  keys->self stays where it is; connections that have not greeted
 * yet must be ended before the old keys go, which is what `left` gets them for: keys_free(left).
 */
void keys_replace(struct keys *keys, struct keys *fresh, struct keys *left);

void keys_free(struct keys *keys);

/* Whether both say the same, to the secrets. */
bool keys_same(const struct keys *a, const struct keys *b);

/* Of the configuration's keys of a node: whether this is the next one. */
bool keys_is_next(const Conf__Node *node, const uint8_t public[SEAL_KEY]);

#endif
