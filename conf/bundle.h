/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One revision of the configuration with all its files, signed, as bytes and as a value.  Pure: no
 * I/O and no clock.
 *
 *	 0      8                   40                          104
 *	+------+-------------------+---------------------------+---------------------------+
 *	|magic | signer (zero: none)| signature (zero: none)   | Body (conf/bundle.proto)  |
 *	+------+-------------------+---------------------------+---------------------------+
 *
 * The signature is over the Body as it stands here: it is never packed anew.  The revision's id is
 * BLAKE2b-256 of signer and Body.
 */
#ifndef CASPAIR_BUNDLE_H
#define CASPAIR_BUNDLE_H

#include "conf/revision.h"
#include "conf/sign.h"

enum {
	BUNDLE_FORMAT_NUMBER = 1,
	BUNDLE_SCHEMA = 1, /* raised when a file of this version means something else to the last */
	BUNDLE_CONTENT = 32,
	BUNDLE_MAX = CONF_MAX_BYTES + (64 << 10), /* all bytes; of the files CONF_MAX_BYTES */
	BUNDLE_FILES = 64,
	BUNDLE_FILE_NAME = 128, /* with NUL, as the next */
	BUNDLE_TEXT = 512,
};

/*
 * An operator's signature of the files for a pair of that name.  A node that rolls back by itself
 * has only its own key to sign with; this tells that an operator wanted these files.
 */
struct bundle_approval {
	bool is_there;
	uint8_t signer[SIGN_KEY];
	uint8_t signature[SIGN_BYTES];
};

/* Read-only once it was made.  Texts are never NULL, and printable. */
struct bundle {
	struct lineage line;
	uint8_t content[BUNDLE_CONTENT]; /* BLAKE2b-256 of the files */
	uint32_t schema;
	uint64_t when_ms;    /* Unix time, for people; of a base 0 */
	uint64_t rolls_back; /* number of the revision whose files these are; 0: no roll-back */
	char *pair, *who, *message;
	struct conf_text *file; /* at least one */
	size_t files;
	bool is_signed;
	uint8_t signer[SIGN_KEY];
	struct bundle_approval approval;
	uint8_t *packed; /* as it is stored and sent */
	size_t length;
};

enum bundle_verdict {
	BUNDLE_GOOD,
	BUNDLE_SAME, /* it is the current one */
	BUNDLE_MALFORMED,
	BUNDLE_FORMAT, /* of another version of this program */
	BUNDLE_UNSIGNED,
	BUNDLE_STRANGER,   /* signed by a key that the configuration in force does not name */
	BUNDLE_FORGED,     /* the signature is not that key's */
	BUNDLE_PAIR,       /* of another pair */
	BUNDLE_OLDER,      /* than the current one */
	BUNDLE_REPLAYED,   /* has the current one's number, but is another one */
	BUNDLE_FOREIGN,    /* newer, but not made from the current one */
	BUNDLE_UNAPPROVED, /* by an operator, as the configuration in force asks for */
	BUNDLE_NO_MEMORY,
	BUNDLE_VERDICTS,
};
/* A sentence for people, and a word for counters. */
const char *bundle_verdict_text(enum bundle_verdict verdict);
const char *bundle_verdict_name(enum bundle_verdict verdict);

/*
 * Signer and signature are looked at before anything else is: `trust` is the configuration in
 * force.  NULL for bytes of our own disk, which may be a base and whose signer may have left since.
 * *bundle is NULL unless the verdict is BUNDLE_GOOD; it keeps a copy of the bytes.
 */
enum bundle_verdict bundle_read(struct bundle **bundle, const uint8_t *bytes, size_t length,
				const Conf__Config *trust);

/* May it follow `current` on a pair of that name? */
enum bundle_verdict bundle_judge(const struct bundle *bundle, const char *pair,
				 const struct lineage *current);

struct bundle_plan {
	const struct lineage *parent; /* NULL: a base */
	const struct conf_text *file;
	size_t files;
	const char *pair, *who, *message; /* the last two may be NULL */
	uint64_t when_ms, rolls_back;
	bool approve;                           /* the key is an operator's */
	const struct bundle_approval *approval; /* of the same files; NULL: none is known */
};
/*
 * Packs and signs; only a base has no key, and who made it and when is left out, so that it is the
 * same on both nodes.  0, -EMSGSIZE for too much of something, -EINVAL, -ENOMEM.
 */
int bundle_make(struct bundle **bundle, const struct bundle_plan *plan, const struct sign_key *key);

void bundle_free(struct bundle *bundle); /* takes NULL */

/* Has an operator that the configuration names approved the files? */
bool bundle_approved(const struct bundle *bundle, const Conf__Config *trust);

/* Its files, read and checked as conf_read() does it. */
struct conf *bundle_conf(const struct bundle *bundle, struct conf_faults *faults);

#endif
