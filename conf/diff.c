// SPDX-License-Identifier: BSD-2-Clause
#include "conf/diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/diff_effect.h"
#include "conf/fill.h"
#include "conf/log.h"
#include "conf/print.h"
#include "conf/source.h"
#include "conf/store.h"

/* What a running daemon cannot follow; everything else it can. */
static const struct {
	const ProtobufCMessageDescriptor *message;
	const char *field;
	enum diff_need need;
} needs[] = {
	{ &conf__config__descriptor, "pair", DIFF_ALL },
	{ &conf__node__descriptor, "name", DIFF_ALL },
	{ &conf__vrrp__descriptor, "virtual_mac", DIFF_VRRPD },
	{ &conf__vrrp__descriptor, "fence_command", DIFF_VRRPD },
	{ &conf__vrrp__descriptor, "fence_timeout_ms", DIFF_VRRPD },
	{ &conf__forwarding__descriptor, "flows", DIFF_LBD },
	{ &conf__forwarding__descriptor, "pins", DIFF_LBD },
};

/* The same block in both files, one of them NULL where the other has it alone. */
struct pair {
	const ProtobufCMessage *before, *after;
};

struct walk {
	struct diff *diff;
	const struct conf *before, *after;
	const char *path; /* of the blocks around */
	bool failed;
};

const char *diff_need_text(enum diff_need need)
{
	static const char *const text[] = {
		[DIFF_LIVE] = "",
		[DIFF_SYNCD] = "restart of syncd",
		[DIFF_VRRPD] = "restart of vrrpd",
		[DIFF_LBD] = "restart of lbd",
		[DIFF_ALL] = "restart of lbd, syncd and vrrpd",
	};

	return text[need];
}

static enum diff_need need_of(const ProtobufCMessageDescriptor *message,
			      const ProtobufCFieldDescriptor *field)
{
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (needs[i].message == message && strcmp(needs[i].field, field->name) == 0)
			return needs[i].need;
	return DIFF_LIVE;
}

/* --- values as text ------------------------------------------------------------------------- */

/* "" for what is not there; NULL without memory. */
static char *value_text(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (message && store_present(message, field))
		print_field(message, field, out);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

/* PATH / WORD TITLE; the title is left out where there is none. */
static char *path_text(const char *path, const char *word, const char *title)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "%s%s%s%s%s", path, *path ? " / " : "", word, *title ? " " : "", title);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

static char *block_path(struct walk *walk, const ProtobufCFieldDescriptor *field,
			const ProtobufCMessage *block)
{
	char keyword[RULE_KEYWORD];
	char *title = value_text(rule_has_title(field) ? block : NULL,
				 &block->descriptor->fields[0]);
	char *path = title ? path_text(walk->path, rule_keyword(keyword, field), title) : NULL;

	free(title);
	if (!path)
		walk->failed = true;
	return path;
}

/* --- one statement -------------------------------------------------------------------------- */

/* Takes all three texts. */
static void add_change(struct walk *walk, char *where, char *before, char *after,
		       enum diff_need need)
{
	struct diff *diff = walk->diff;
	struct diff_change *more = realloc(diff->change, (diff->changes + 1) * sizeof(*more));

	if (more)
		diff->change = more;
	if (!more || !where || walk->failed) {
		free(where);
		free(before);
		free(after);
		walk->failed = true;
		return;
	}
	more[diff->changes++] = (struct diff_change){ where, before, after, need };
}

/* What a new or a lost block says by default is not worth a line. */
static bool says(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	return message && store_present(message, field) && !store_is_default(message, field);
}

static char *or_nothing(char *text)
{
	if (*text)
		return text;
	free(text);
	return NULL;
}

/* All services of a group have its affinity-timeout; it is told of the one that says so. */
static bool is_group_s(const struct walk *walk, const struct pair *pair,
		       const ProtobufCFieldDescriptor *field)
{
	const ProtobufCMessage *any = pair->after ? pair->after : pair->before;

	return any->descriptor == &conf__service__descriptor &&
	       strcmp(field->name, "affinity_timeout_ms") == 0 &&
	       !(pair->before && source_written(walk->before->source, pair->before, field->name)) &&
	       !(pair->after && source_written(walk->after->source, pair->after, field->name));
}

static void compare_value(struct walk *walk, const struct pair *pair,
			  const ProtobufCFieldDescriptor *field)
{
	const ProtobufCMessage *any = pair->after ? pair->after : pair->before;
	char keyword[RULE_KEYWORD];
	char *before, *after;

	if (((!pair->before || !pair->after) && !says(any, field)) || is_group_s(walk, pair, field))
		return;
	before = value_text(pair->before, field);
	after = value_text(pair->after, field);
	if (!before || !after) {
		walk->failed = true;
	} else if (strcmp(before, after) != 0) {
		add_change(walk, path_text(walk->path, rule_keyword(keyword, field), ""),
			   or_nothing(before), or_nothing(after), need_of(any->descriptor, field));
		return;
	}
	free(before);
	free(after);
}

/* --- blocks --------------------------------------------------------------------------------- */

static void compare_block(struct walk *walk, const struct pair *pair,
			  const ProtobufCFieldDescriptor *field);

static const ProtobufCMessage *item(const ProtobufCMessage *message,
				    const ProtobufCFieldDescriptor *field, size_t index)
{
	return (*(ProtobufCMessage *const *const *)store_at(message, field))[index];
}

static size_t items(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	return message ? store_count(message, field) : 0;
}

static bool same_title(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
	char *one = value_text(a, &a->descriptor->fields[0]);
	char *two = value_text(b, &b->descriptor->fields[0]);
	bool same = one && two && strcmp(one, two) == 0;

	free(one);
	free(two);
	return same;
}

/* How many before this one have its title: checks have types, and there may be two of a type. */
static size_t rank(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
		   size_t index)
{
	size_t count = 0;

	for (size_t i = 0; i < index; i++)
		count += same_title(item(message, field, i), item(message, field, index));
	return count;
}

static const ProtobufCMessage *twin(const ProtobufCMessage *among,
				    const ProtobufCFieldDescriptor *field,
				    const ProtobufCMessage *block, size_t skip)
{
	for (size_t i = 0; i < items(among, field); i++)
		if (same_title(item(among, field, i), block) && skip-- == 0)
			return item(among, field, i);
	return NULL;
}

/* An array's copy of a service of its profile: the profile's own is compared. */
static bool is_copy(const struct conf *conf, const ProtobufCMessage *parent,
		    const ProtobufCMessage *block)
{
	return parent && block && parent->descriptor == &conf__array__descriptor &&
	       block->descriptor == &conf__service__descriptor &&
	       fill_is_copy(conf->file, (const Conf__Array *)parent, (const Conf__Service *)block);
}

/* What went, in the old order, then what is there, in the new one. */
static void compare_list(struct walk *walk, const struct pair *pair,
			 const ProtobufCFieldDescriptor *field)
{
	for (size_t i = 0; i < items(pair->before, field); i++) {
		struct pair gone = { item(pair->before, field, i), NULL };

		if (!twin(pair->after, field, gone.before, rank(pair->before, field, i)) &&
		    !is_copy(walk->before, pair->before, gone.before))
			compare_block(walk, &gone, field);
	}
	for (size_t i = 0; i < items(pair->after, field); i++) {
		struct pair both = { .after = item(pair->after, field, i) };

		both.before = twin(pair->before, field, both.after, rank(pair->after, field, i));
		if (!is_copy(walk->after, pair->after, both.after))
			compare_block(walk, &both, field);
	}
}

static const ProtobufCMessage *only(const ProtobufCMessage *message,
				    const ProtobufCFieldDescriptor *field)
{
	return message ? *(const ProtobufCMessage *const *)store_at(message, field) : NULL;
}

static void compare_fields(struct walk *walk, const struct pair *pair, bool titled)
{
	const ProtobufCMessageDescriptor *type =
		(pair->after ? pair->after : pair->before)->descriptor;

	for (unsigned int i = titled ? 1 : 0; i < type->n_fields && !walk->failed; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		struct pair inner;

		if (!rule_is_block(field)) {
			compare_value(walk, pair, field);
		} else if (field->label == PROTOBUF_C_LABEL_REPEATED) {
			compare_list(walk, pair, field);
		} else {
			inner = (struct pair){ only(pair->before, field),
					       only(pair->after, field) };
			if (inner.before || inner.after)
				compare_block(walk, &inner, field);
		}
	}
}

/* A block that came or went has a line of its own, before those of what is in it. */
static void compare_block(struct walk *walk, const struct pair *pair,
			  const ProtobufCFieldDescriptor *field)
{
	const ProtobufCMessage *any = pair->after ? pair->after : pair->before;
	const char *around = walk->path;
	char *path = block_path(walk, field, any);
	bool alone = !pair->before || !pair->after;

	if (!path)
		return;
	if (alone && rule_has_title(field))
		add_change(walk, strdup(path), pair->before ? strdup("") : NULL,
			   pair->after ? strdup("") : NULL,
			   need_of(any->descriptor, &any->descriptor->fields[0]));
	walk->path = path;
	if (pair->after)
		compare_fields(walk, pair, rule_has_title(field));
	walk->path = around;
	free(path);
}

int diff_make(struct diff *diff, const struct conf *before, const struct conf *after)
{
	struct walk walk = { .diff = diff, .before = before, .after = after, .path = "" };
	struct pair whole = { &before->file->base, &after->file->base };

	*diff = (struct diff){ 0 };
	compare_fields(&walk, &whole, false);
	if (walk.failed)
		return -ENOMEM;
	return diff_effects(diff, before, after);
}

bool diff_may_follow(const struct conf *before, const struct conf *after, enum diff_need restart)
{
	struct diff diff;
	bool may = diff_make(&diff, before, after) == 0;

	for (size_t i = 0; i < diff.changes; i++) {
		const struct diff_change *change = &diff.change[i];

		if (change->need != restart && change->need != DIFF_ALL)
			continue;
		log_error("%s: %s -> %s needs a %s", change->where,
			  change->before ? change->before : "nothing",
			  change->after ? change->after : "nothing", diff_need_text(change->need));
		may = false;
	}
	diff_free(&diff);
	return may;
}

void diff_free(struct diff *diff)
{
	for (size_t i = 0; i < diff->changes; i++) {
		free(diff->change[i].where);
		free(diff->change[i].before);
		free(diff->change[i].after);
	}
	for (size_t i = 0; i < diff->effects; i++)
		free(diff->effect[i]);
	free(diff->change);
	free(diff->share);
	free(diff->effect);
	*diff = (struct diff){ 0 };
}
