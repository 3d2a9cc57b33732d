/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether the names of the arrays lead where they should: inside to the VIP, outside nowhere, for
 * clients of Outlook Anywhere that resolve an array's name try it first and wait for TCP to give
 * up. Pure: answers and times are handed in.
 *
 * A question is one name put to one resolver, in both families.
 */
#ifndef CASPAIR_FQDN_H
#define CASPAIR_FQDN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/flow_ip.h"
#include "schema.pb-c.h"

enum {
	FQDN_RESOLVERS = 4, /* of each side; conf/rules.c keeps to it */
	FQDN_SHOWN = 4,     /* addresses of an answer that are kept */
	FQDN_TEXT = 160,
};

/* What a resolver said of one family. */
enum fqdn_said {
	FQDN_NOT_YET = 0,
	FQDN_ADDRESSES,
	FQDN_NONE, /* there is no such name, or it has no such address */
	FQDN_SILENT,
	FQDN_REFUSED, /* or it failed, and said so */
	FQDN_GARBLED, /* the answer cannot be read */
	FQDN_FAULT,   /* it could not be asked */
	FQDN_SAIDS
};

struct fqdn_answer {
	uint32_t said;  /* enum fqdn_said */
	uint32_t count; /* of different addresses; the first FQDN_SHOWN are kept */
	struct flow_ip addr[FQDN_SHOWN];
};

enum fqdn_verdict { FQDN_UNKNOWN, FQDN_OK, FQDN_WRONG };

struct fqdn_question {
	const char *array, *name;  /* borrowed from the configuration */
	const char *resolver_text; /* likewise */
	struct flow_ip resolver;
	struct flow_ip vip[FLOW_FAMILIES]; /* none: the array has none of the family */
	bool outside;
	struct fqdn_answer answer[FLOW_FAMILIES];
	uint64_t heard_ns;      /* 0: never */
	enum fqdn_verdict told; /* what was logged last */
	char told_why[FQDN_TEXT];
};

struct fqdn {
	struct fqdn_question *question;
	size_t count;
	uint32_t interval_ms;
};

/* What a question has come to; `why` is empty when the verdict is FQDN_OK. */
struct fqdn_view {
	enum fqdn_verdict verdict;
	char why[FQDN_TEXT];
};

/*
 * The questions that a configuration calls for: every array that has an fqdn, of every resolver.
 * They borrow from it.  0 or -ENOMEM.
 */
int fqdn_plan(struct fqdn *fqdn, const Conf__Config *file);
void fqdn_free(struct fqdn *fqdn);

/* Takes over the answers to questions that are the same as in an older plan. */
void fqdn_carry(struct fqdn *fqdn, const struct fqdn *old);

/* Adds an address that an answer does not have yet. */
void fqdn_add(struct fqdn_answer *answer, const struct flow_ip *addr);

/* Answers of both families came in. */
void fqdn_hear(struct fqdn_question *question, const struct fqdn_answer answer[FLOW_FAMILIES],
	       uint64_t now_ns);

/* An answer is believed for three intervals, and a little for asking. */
struct fqdn_view fqdn_judge(const struct fqdn *fqdn, const struct fqdn_question *question,
			    uint64_t now_ns);

/*
 * Whether a view is news: the first one that is known, or another than was told last.  It is then
 * the last that was told.
 */
bool fqdn_news(struct fqdn_question *question, const struct fqdn_view *view);

#endif
