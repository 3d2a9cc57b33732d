// SPDX-License-Identifier: BSD-2-Clause
#include "vrrp/pending.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/diff.h"

static void add(struct pending *pending, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void add(struct pending *pending, const char *format, ...)
{
	va_list args;

	if (pending->count == PENDING_MAX)
		return;
	va_start(args, format);
	vsnprintf(pending->text[pending->count++], PENDING_TEXT, format, args);
	va_end(args);
}

static void add_changes(struct pending *pending, const struct diff *diff)
{
	for (size_t i = 0; i < diff->changes; i++) {
		const struct diff_change *change = &diff->change[i];

		if (change->need == DIFF_VRRPD)
			add(pending, "%s: %s -> %s", change->where,
			    change->before ? change->before : "nothing",
			    change->after ? change->after : "nothing");
	}
}

/* What can be followed by itself, but is part of something that cannot. */
static void add_parts(struct pending *pending, const Conf__Config *first, const Conf__Config *now,
		      unsigned int node)
{
	const char *before = first->node[2 - node]->address[0];
	const char *after = now->node[2 - node]->address[0];

	if (first->vrrp->virtual_mac && now->vrrp->virtual_mac &&
	    first->vrrp->vrid != now->vrrp->vrid)
		add(pending, "the virtual MAC addresses: of vrid %u -> of %u", first->vrrp->vrid,
		    now->vrrp->vrid);
	if (first->vrrp->fence_command && now->vrrp->fence_command && strcmp(before, after) != 0)
		add(pending, "the address that the fence command is given: %s -> %s", before,
		    after);
}

void pending_find(struct pending *pending, const struct conf *first, const struct conf *now,
		  unsigned int node)
{
	struct diff diff;

	pending->count = 0;
	if (diff_make(&diff, first, now) == 0)
		add_changes(pending, &diff);
	else
		add(pending, "what it is cannot be told: out of memory");
	diff_free(&diff);
	add_parts(pending, first->file, now->file, node);
}
