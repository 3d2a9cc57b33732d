// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a change of configuration does to sessions and to new clients.  Blocks of both files are
 * matched as the data plane does it when it follows: an array by a VIP, a service by its ports, a
 * member by its address; a session of a member that left goes on.
 */
#include "conf/diff_effect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHOLE = 1000 };

/* Appends a line and takes it.  NULL: there was no memory for it. */
static int add_effect(struct diff *diff, char *text)
{
	char **more = text ? realloc(diff->effect, (diff->effects + 1) * sizeof(*more)) : NULL;

	if (!more) {
		free(text);
		return -ENOMEM;
	}
	diff->effect = more;
	more[diff->effects++] = text;
	return 0;
}

static int add_share(struct diff *diff, const struct diff_share *share)
{
	struct diff_share *more = realloc(diff->share, (diff->shares + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	diff->share = more;
	more[diff->shares++] = *share;
	return 0;
}

/* --- who is who ----------------------------------------------------------------------------- */

static bool in_list(char *const *list, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i], text) == 0)
			return true;
	return false;
}

/* Do the lists have an address in common? */
static bool meet(char *const *a, size_t a_count, char *const *b, size_t b_count)
{
	for (size_t i = 0; i < a_count; i++)
		if (in_list(b, b_count, a[i]))
			return true;
	return false;
}

static const Conf__Array *find_array(const Conf__Config *file, const Conf__Array *array)
{
	for (size_t i = 0; i < file->n_array; i++)
		if (meet(file->array[i]->vip, file->array[i]->n_vip, array->vip, array->n_vip))
			return file->array[i];
	return NULL;
}

static const Conf__Member *find_member(const Conf__Array *array, const Conf__Member *member)
{
	for (size_t i = 0; array && i < array->n_member; i++)
		if (meet(array->member[i]->address, array->member[i]->n_address, member->address,
			 member->n_address))
			return array->member[i];
	return NULL;
}

/* --- new clients ---------------------------------------------------------------------------- */

/* Backups stand aside while there is anybody else. */
static uint32_t weight_of(const Conf__Array *array, const Conf__Member *member)
{
	for (size_t i = 0; member->backup && i < array->n_member; i++)
		if (!array->member[i]->backup)
			return 0;
	return member->weight;
}

static unsigned int share_of(const Conf__Array *array, const Conf__Member *member)
{
	uint64_t all = 0;

	if (!member)
		return 0;
	for (size_t i = 0; i < array->n_member; i++)
		all += weight_of(array, array->member[i]);
	return (unsigned int)((WHOLE * (uint64_t)weight_of(array, member) + all / 2) / all);
}

static int share_members(struct diff *diff, const Conf__Array *before, const Conf__Array *after)
{
	int error = 0;

	for (size_t i = 0; i < before->n_member && !error; i++) {
		struct diff_share gone = { before->name, before->member[i]->name,
					   share_of(before, before->member[i]), 0 };

		if (!find_member(after, before->member[i]))
			error = add_share(diff, &gone);
	}
	for (size_t i = 0; i < after->n_member && !error; i++) {
		const Conf__Member *old = find_member(before, after->member[i]);
		struct diff_share share = { after->name, after->member[i]->name,
					    share_of(before, old),
					    share_of(after, after->member[i]) };

		if (!old || share.before != share.after)
			error = add_share(diff, &share);
	}
	return error;
}

/* --- what ends ------------------------------------------------------------------------------ */

static bool serves(const Conf__Array *array, uint32_t port)
{
	for (size_t i = 0; i < array->n_service; i++)
		for (size_t j = 0; j < array->service[i]->n_ports; j++)
			if (port >= array->service[i]->ports[j]->first &&
			    port <= array->service[i]->ports[j]->last)
				return true;
	return false;
}

static int lost_range(struct diff *diff, const Conf__Array *after, uint32_t first, uint32_t last)
{
	char *text;

	if (first == last ? asprintf(&text,
				     "array %s: the sessions to port %u end, which no service has "
				     "any more",
				     after->name, first) < 0
			  : asprintf(&text,
				     "array %s: the sessions to ports %u-%u end, which no service "
				     "has any more",
				     after->name, first, last) < 0)
		text = NULL;
	return add_effect(diff, text);
}

/* Ports that were served and are not: each stretch of them is a line. */
static int lost_ports(struct diff *diff, const Conf__Array *before, const Conf__Array *after)
{
	uint32_t first = 0;
	int error = 0;

	for (uint32_t port = 1; port <= UINT16_MAX + 1 && !error; port++) {
		bool lost = port <= UINT16_MAX && serves(before, port) && !serves(after, port);

		if (lost && !first)
			first = port;
		if (lost || !first)
			continue;
		error = lost_range(diff, after, first, port - 1);
		first = 0;
	}
	return error;
}

static int lost_vips(struct diff *diff, const Conf__Array *before, const Conf__Array *after)
{
	char *text;
	int error = 0;

	for (size_t i = 0; i < before->n_vip && !error; i++) {
		if (after && in_list(after->vip, after->n_vip, before->vip[i]))
			continue;
		if (asprintf(&text, "the sessions to %s end: it is no VIP any more",
			     before->vip[i]) < 0)
			text = NULL;
		error = add_effect(diff, text);
	}
	return error;
}

static int lost_members(struct diff *diff, const Conf__Array *before, const Conf__Array *after)
{
	char *text;
	int error = 0;

	for (size_t i = 0; i < before->n_member && !error; i++) {
		if (find_member(after, before->member[i]))
			continue;
		if (asprintf(&text,
			     "array %s: the sessions on %s go on until they end; new ones go "
			     "elsewhere",
			     before->name, before->member[i]->name) < 0)
			text = NULL;
		error = add_effect(diff, text);
	}
	return error;
}

int diff_effects(struct diff *diff, const struct conf *before, const struct conf *after)
{
	int error = 0;

	for (size_t i = 0; i < before->file->n_array && !error; i++) {
		const Conf__Array *old = before->file->array[i];
		const Conf__Array *new = find_array(after->file, old);

		error = lost_vips(diff, old, new);
		if (!error && new)
			error = lost_ports(diff, old, new);
		if (!error && new)
			error = lost_members(diff, old, new);
		if (!error && new)
			error = share_members(diff, old, new);
	}
	return error;
}
