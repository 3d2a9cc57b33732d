// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/fqdn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/conf.h"
#include "proto/addr.h"

static const uint64_t ns_per_ms = 1000000, asking_ns = 10000000000;

enum { BELIEVED_INTERVALS = 3 };

/* --- questions -------------------------------------------------------------------------------- */

static void add(struct fqdn *fqdn, const Conf__Array *array, char *resolver, bool outside)
{
	struct fqdn_question *question = &fqdn->question[fqdn->count];

	*question = (struct fqdn_question){ .array = array->name,
					    .name = array->fqdn,
					    .resolver_text = resolver,
					    .outside = outside };
	if (!addr_parse_flow(&question->resolver, resolver))
		return; /* the checks of the configuration let none through */
	for (enum flow_family f = FLOW_IPV4; f < FLOW_FAMILIES; f++)
		conf_vip(array, f, &question->vip[f]);
	fqdn->count++;
}

int fqdn_plan(struct fqdn *fqdn, const Conf__Config *file)
{
	size_t resolvers = file->n_resolve_inside + file->n_resolve_outside;

	*fqdn = (struct fqdn){ .interval_ms = file->resolve_interval_ms };
	if (!resolvers)
		return 0;
	fqdn->question = calloc(file->n_array * resolvers, sizeof(*fqdn->question));
	if (!fqdn->question)
		return -ENOMEM;
	for (size_t i = 0; i < file->n_array; i++) {
		const Conf__Array *array = file->array[i];

		for (size_t r = 0; array->fqdn && r < file->n_resolve_inside; r++)
			add(fqdn, array, file->resolve_inside[r], false);
		for (size_t r = 0; array->fqdn && r < file->n_resolve_outside; r++)
			add(fqdn, array, file->resolve_outside[r], true);
	}
	return 0;
}

void fqdn_free(struct fqdn *fqdn)
{
	free(fqdn->question);
	*fqdn = (struct fqdn){ 0 };
}

static bool same(const struct fqdn_question *a, const struct fqdn_question *b)
{
	return a->outside == b->outside && flow_ip_equal(&a->resolver, &b->resolver) &&
	       strcmp(a->array, b->array) == 0 && strcasecmp(a->name, b->name) == 0;
}

static void carry(struct fqdn_question *question, const struct fqdn_question *old)
{
	memcpy(question->answer, old->answer, sizeof(question->answer));
	question->heard_ns = old->heard_ns;
	question->told = old->told;
	memcpy(question->told_why, old->told_why, sizeof(question->told_why));
}

void fqdn_carry(struct fqdn *fqdn, const struct fqdn *old)
{
	for (size_t i = 0; i < fqdn->count; i++)
		for (size_t j = 0; j < old->count; j++)
			if (same(&fqdn->question[i], &old->question[j]))
				carry(&fqdn->question[i], &old->question[j]);
}

static size_t shown(const struct fqdn_answer *answer)
{
	return answer->count < FQDN_SHOWN ? answer->count : FQDN_SHOWN;
}

void fqdn_add(struct fqdn_answer *answer, const struct flow_ip *addr)
{
	for (size_t i = 0; i < shown(answer); i++)
		if (flow_ip_equal(&answer->addr[i], addr))
			return;
	if (answer->count < FQDN_SHOWN)
		answer->addr[answer->count] = *addr;
	answer->count++;
}

void fqdn_hear(struct fqdn_question *question, const struct fqdn_answer answer[FLOW_FAMILIES],
	       uint64_t now_ns)
{
	memcpy(question->answer, answer, sizeof(question->answer));
	question->heard_ns = now_ns;
}

/* --- verdicts --------------------------------------------------------------------------------- */

/*
 * The first address of an answer that should not be there.  Of two different ones at least one is
 * not the VIP: none can hide beyond those that are kept.
 */
static const struct flow_ip *misplaced(const struct fqdn_question *question,
				       enum flow_family family)
{
	const struct fqdn_answer *answer = &question->answer[family];
	const struct flow_ip *vip = &question->vip[family];

	for (size_t i = 0; answer->said == FQDN_ADDRESSES && i < shown(answer); i++)
		if (question->outside || flow_ip_is_none(vip) ||
		    !flow_ip_equal(&answer->addr[i], vip))
			return &answer->addr[i];
	return NULL;
}

static struct fqdn_view wrong_address(const struct fqdn_question *question,
				      const struct flow_ip *addr)
{
	struct fqdn_view view = { FQDN_WRONG, "" };
	char text[ADDR_TEXT] = "::"; /* which is no address elsewhere */

	if (!flow_ip_is_none(addr))
		addr_print_flow(text, addr);
	if (question->outside)
		snprintf(view.why, FQDN_TEXT,
			 "resolves outside, to %s: Outlook would wait for it there", text);
	else
		snprintf(view.why, FQDN_TEXT, "leads to %s, which is not the VIP", text);
	return view;
}

/* There is no name for any of the VIPs, whatever may be known of the family without one. */
static bool is_nameless(const struct fqdn_question *question)
{
	for (enum flow_family f = FLOW_IPV4; f < FLOW_FAMILIES; f++)
		if (!flow_ip_is_none(&question->vip[f]) && question->answer[f].said != FQDN_NONE)
			return false;
	return !question->outside;
}

static const char *doubt(const struct fqdn_answer *answer)
{
	static const char *const texts[FQDN_SAIDS] = {
		[FQDN_NOT_YET] = "the resolver was not asked yet",
		[FQDN_SILENT] = "the resolver does not answer",
		[FQDN_REFUSED] = "the resolver refuses to answer, or fails to",
		[FQDN_GARBLED] = "the resolver's answer cannot be read",
		[FQDN_FAULT] = "the resolver cannot be asked",
	};

	return answer->said < FQDN_SAIDS ? texts[answer->said] : texts[FQDN_GARBLED];
}

static bool is_stale(const struct fqdn *fqdn, const struct fqdn_question *question, uint64_t now_ns)
{
	uint64_t believed_ns = BELIEVED_INTERVALS * fqdn->interval_ms * ns_per_ms + asking_ns;

	return question->heard_ns && now_ns - question->heard_ns > believed_ns;
}

static struct fqdn_view unknown(const char *why)
{
	struct fqdn_view view = { FQDN_UNKNOWN, "" };

	snprintf(view.why, FQDN_TEXT, "%s", why);
	return view;
}

/* One address that is wrong is enough; nothing is right before both families are known. */
struct fqdn_view fqdn_judge(const struct fqdn *fqdn, const struct fqdn_question *question,
			    uint64_t now_ns)
{
	if (is_stale(fqdn, question, now_ns))
		return unknown("the last answer is too old");
	for (enum flow_family f = FLOW_IPV4; f < FLOW_FAMILIES; f++) {
		const struct flow_ip *addr = misplaced(question, f);

		if (addr)
			return wrong_address(question, addr);
	}
	if (is_nameless(question))
		return (struct fqdn_view){ FQDN_WRONG, "does not resolve" };
	for (enum flow_family f = FLOW_IPV4; f < FLOW_FAMILIES; f++)
		if (doubt(&question->answer[f]))
			return unknown(doubt(&question->answer[f]));
	return (struct fqdn_view){ FQDN_OK, "" };
}

bool fqdn_news(struct fqdn_question *question, const struct fqdn_view *view)
{
	bool begins = question->told == FQDN_UNKNOWN && !question->told_why[0];

	if (!question->heard_ns)
		return false;
	if (!begins && question->told == view->verdict &&
	    strcmp(question->told_why, view->why) == 0)
		return false;
	question->told = view->verdict;
	memcpy(question->told_why, view->why, sizeof(question->told_why));
	return true;
}
