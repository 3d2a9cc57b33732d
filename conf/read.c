// SPDX-License-Identifier: BSD-2-Clause
/*
 * A statement is a keyword, values with commas between them, and an end: newline, semicolon or the
 * brace that closes its block.  A block is a keyword, a title where its field is a list, and
 * statements in braces.  The open blocks stand on a stack, so that depth is the schema's and a
 * forgotten brace can be seen as what it is.  After a fault the rest of the statement is skipped.
 */
#include "conf/read.h"

#include <stdlib.h>
#include <string.h>

#include "conf/keyword.h"
#include "conf/scan.h"
#include "conf/store.h"
#include "conf/value.h"

enum { READ_DEPTH = 5 }; /* file, profile, service, check; one to spare */

struct block {
	ProtobufCMessage *message;
	struct place place;
};

struct reader {
	struct scan scan;
	struct token token; /* the next one */
	struct texts *texts;
	struct place included[TEXTS_FILES]; /* line 0: not yet */
	struct conf_source *source;
	struct conf_faults *faults;
	struct block stack[READ_DEPTH];
	size_t depth;
	unsigned int forgiven; /* braces that were taken as forgotten and may still turn up */
	bool no_memory;
};

static void next(struct reader *r)
{
	scan_next(&r->scan, &r->token);
}

static struct block *top(struct reader *r)
{
	return &r->stack[r->depth - 1];
}

static void note(struct reader *r, const ProtobufCMessage *message, unsigned int field,
		 size_t index, struct place place)
{
	if (!source_add(r->source, message, field, index, place))
		r->no_memory = true;
}

static bool at_end(const struct reader *r)
{
	return r->token.kind == SCAN_LINE || r->token.kind == SCAN_SEMICOLON ||
	       r->token.kind == SCAN_CLOSE || r->token.kind == SCAN_EOF;
}

/* Past the statement, and past a block that belongs to it.  A brace that closes ours is left. */
static void skip(struct reader *r)
{
	unsigned int open = 0;

	while (r->token.kind != SCAN_EOF && (open || !at_end(r))) {
		if (r->token.kind == SCAN_OPEN)
			open++;
		bool closed = r->token.kind == SCAN_CLOSE && --open == 0;
		next(r);
		if (closed)
			return;
	}
}

/* --- one statement: values -------------------------------------------------------------------- */

static void value(struct reader *r, const ProtobufCFieldDescriptor *field, size_t index)
{
	ProtobufCMessage *message = top(r)->message;
	const struct rule *rule = rule_find(message->descriptor, field);
	char problem[VALUE_PROBLEM], keyword[RULE_KEYWORD];
	union value value;

	note(r, message, field->id, index, r->token.place);
	if (rule->items && index == rule->items)
		fault_error(r->faults, r->token.place, "%s takes at most %u values",
			    rule_keyword(keyword, field), rule->items);
	if (rule->items && index >= rule->items)
		return;
	if (!value_read(&value, rule, field, r->token.text, problem))
		fault_error(r->faults, r->token.place, "%s", problem);
	else if (store_has(message, field, &value, r->token.text))
		fault_error(r->faults, r->token.place, "%s has %s twice",
			    rule_keyword(keyword, field), r->token.text);
	else if (!store_value(message, field, &value, r->token.text))
		r->no_memory = true;
}

/* After a value.  True: a comma said that another one follows. */
static bool more(struct reader *r, const ProtobufCFieldDescriptor *field)
{
	bool list = field->label == PROTOBUF_C_LABEL_REPEATED;
	char keyword[RULE_KEYWORD];

	rule_keyword(keyword, field);
	next(r);
	if (at_end(r))
		return false;
	if (r->token.kind == SCAN_COMMA && list) {
		do
			next(r);
		while (r->token.kind == SCAN_LINE);
		return true;
	}
	if (r->token.kind == SCAN_OPEN)
		fault_error(r->faults, r->token.place, "%s is not a block", keyword);
	else if (r->token.kind == SCAN_WORD && list)
		fault_error(r->faults, r->token.place,
			    "%s: write a comma between values, before \"%.40s\"", keyword,
			    r->token.text);
	else if (r->token.kind != SCAN_BAD)
		fault_error(r->faults, r->token.place, "%s takes one value: unexpected \"%.40s\"",
			    keyword, r->token.kind == SCAN_COMMA ? "," : r->token.text);
	skip(r);
	return false;
}

static void values(struct reader *r, const ProtobufCFieldDescriptor *field)
{
	char keyword[RULE_KEYWORD];
	size_t index = 0;

	rule_keyword(keyword, field);
	do {
		if (r->token.kind != SCAN_WORD) {
			if (r->token.kind != SCAN_BAD)
				fault_error(r->faults, r->token.place, "%s needs a value before %s",
					    keyword, r->token.text);
			note(r, top(r)->message, field->id, index, r->token.place);
			skip(r);
			return;
		}
		value(r, field, index++);
	} while (more(r, field));
}

/* --- one statement: a block ------------------------------------------------------------------- */

static void title(struct reader *r, ProtobufCMessage *message, const char *keyword)
{
	const ProtobufCFieldDescriptor *field = &message->descriptor->fields[0];
	char problem[VALUE_PROBLEM], what[RULE_KEYWORD];
	union value value;

	note(r, message, field->id, 0, r->token.place);
	if (r->token.kind == SCAN_WORD) {
		if (!value_read(&value, rule_find(message->descriptor, field), field, r->token.text,
				problem))
			fault_error(r->faults, r->token.place, "%s %s", keyword, problem);
		else if (!store_value(message, field, &value, r->token.text))
			r->no_memory = true;
		next(r);
	} else if (r->token.kind == SCAN_BAD) {
		next(r);
	} else {
		fault_error(r->faults, r->token.place, "%s needs a %s before %s", keyword,
			    rule_keyword(what, field), r->token.text);
	}
}

/* Puts a new block into the tree, or beside it when the file has one already. */
static ProtobufCMessage *new_block(struct reader *r, const ProtobufCFieldDescriptor *field,
				   struct place place)
{
	ProtobufCMessage *parent = top(r)->message, *message = store_block(parent, field);
	char keyword[RULE_KEYWORD];
	struct place first = { 0 };

	if (message) {
		note(r, parent, field->id, 0, place);
		note(r, message, 0, 0, place);
		return message;
	}
	if (!source_find(r->source, parent, field->id, 0, &first)) {
		r->no_memory = true;
		return NULL;
	}
	fault_error(r->faults, place, "%s is given twice, first in %s; blocks are not merged",
		    rule_keyword(keyword, field), fault_line(r->faults, first).text);
	message = store_new(field);
	if (!message || !source_keep(r->source, message)) {
		free(message);
		r->no_memory = true;
		return NULL;
	}
	note(r, message, 0, 0, place);
	return message;
}

/*
 * The brace after a block's keyword and title, which may stand in a later line.  Where it is
 * missing but the block's statements follow, it is taken as read.
 */
static bool brace(struct reader *r, const ProtobufCMessage *message, const char *keyword)
{
	struct place place = r->token.place;
	bool good = r->token.kind != SCAN_WORD && r->token.kind != SCAN_COMMA;

	if (!good)
		fault_error(r->faults, place, "%s needs \"{\" before \"%.40s\"", keyword,
			    r->token.kind == SCAN_COMMA ? "," : r->token.text);
	while (r->token.kind == SCAN_WORD || r->token.kind == SCAN_COMMA ||
	       r->token.kind == SCAN_BAD)
		next(r);
	while (r->token.kind == SCAN_LINE)
		next(r);
	if (r->token.kind == SCAN_OPEN) {
		next(r);
		return true;
	}
	if (good)
		fault_error(r->faults, place, "%s needs \"{\" here", keyword);
	return r->token.kind == SCAN_WORD && keyword_find(message->descriptor, r->token.text);
}

static void open_block(struct reader *r, const ProtobufCFieldDescriptor *field, struct place place)
{
	ProtobufCMessage *message = new_block(r, field, place);
	char keyword[RULE_KEYWORD];

	if (!message)
		return;
	rule_keyword(keyword, field);
	if (rule_has_title(field))
		title(r, message, keyword);
	if (brace(r, message, keyword))
		r->stack[r->depth++] = (struct block){ message, place };
}

/* Complains about what a block must have and has not even tried to give. */
static void close_block(struct reader *r)
{
	const struct block *block = top(r);
	const ProtobufCMessageDescriptor *type = block->message->descriptor;
	char keyword[RULE_KEYWORD], label[KEYWORD_LABEL];

	for (unsigned int i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];

		if (rule_find(type, field)->required &&
		    !source_find(r->source, block->message, field->id, 0, NULL))
			fault_error(r->faults, block->place, "%s needs \"%s\"",
				    keyword_label(label, block->message),
				    rule_keyword(keyword, field));
	}
	r->depth--;
}

/* --- other files ------------------------------------------------------------------------------ */

static void read_token(struct reader *r);

/* Every block still open at the end of a file is a fault of its own. */
static void close_open(struct reader *r)
{
	char label[KEYWORD_LABEL];

	while (r->depth > 1) {
		fault_error(r->faults, r->token.place, "the file ends inside %s, opened in %s",
			    keyword_label(label, top(r)->message),
			    fault_line(r->faults, top(r)->place).text);
		close_block(r);
	}
}

static void read_included(struct reader *r, size_t i, struct place place)
{
	const struct conf_text *text = &r->texts->list[i];
	struct reader outer = *r;

	if (r->included[i].line) {
		fault_error(r->faults, place, "%s is included already in %s", text->name,
			    fault_line(r->faults, r->included[i]).text);
		return;
	}
	scan_start(&r->scan, (const char *)text->bytes, text->length, r->faults);
	r->scan.place.file = fault_file(r->faults, text->name);
	if (!r->scan.place.file)
		r->no_memory = true;
	r->forgiven = 0;
	for (next(r); r->token.kind != SCAN_EOF && !r->no_memory;)
		read_token(r);
	close_open(r);
	r->scan = outer.scan;
	r->token = outer.token;
	r->forgiven = outer.forgiven;
	r->included[i] = place;
}

static void include_files(struct reader *r, const char *pattern, struct place place)
{
	char why[TEXTS_WHY];
	bool any = false;

	if (!texts_gather(r->texts, pattern, why)) {
		fault_error(r->faults, place, "include: %s", why);
		return;
	}
	for (size_t i = 1; i < r->texts->count; i++) {
		if (!texts_match(r->texts, i, pattern))
			continue;
		any = true;
		read_included(r, i, place);
	}
	if (!any && strpbrk(pattern, "*?"))
		fault_warning(r->faults, place, "include: %s names no file", pattern);
	else if (!any)
		fault_error(r->faults, place, "include: there is no %s", pattern);
}

/* "include PATTERN", the only statement that no schema knows. */
static void include(struct reader *r)
{
	struct place place = r->token.place;
	char pattern[SCAN_WORD_MAX + 1];

	next(r);
	if (r->depth > 1 || place.file) {
		fault_error(r->faults, place,
			    place.file ? "an included file includes nothing itself"
				       : "include stands outside of all blocks");
		skip(r);
	} else if (r->token.kind != SCAN_WORD) {
		if (r->token.kind != SCAN_BAD)
			fault_error(r->faults, r->token.place, "include needs a file before %s",
				    r->token.text);
		skip(r);
	} else {
		memcpy(pattern, r->token.text, sizeof(pattern));
		place = r->token.place;
		next(r);
		if (!at_end(r)) {
			fault_error(r->faults, r->token.place,
				    "include takes one file or pattern: unexpected \"%.40s\"",
				    r->token.text);
			skip(r);
		}
		include_files(r, pattern, place);
	}
}

/* A revision has what it needs, and nothing that only looks as if it were in force. */
static void find_idle(struct reader *r)
{
	for (size_t i = 1; i < r->texts->count; i++)
		if (!r->included[i].line)
			fault_error(r->faults, (struct place){ 0 }, "%s is not included",
				    r->texts->list[i].name);
}

/* --- one statement ---------------------------------------------------------------------------- */

/*
 * A keyword that this block does not have, or not as a block, but a block around it does: then the
 * brace between the two was forgotten.  Returns how many blocks to close, 0 for none.
 */
static size_t forgotten(const struct reader *r, const ProtobufCFieldDescriptor *known)
{
	if (known && (rule_is_block(known) || !scan_before_open(&r->scan)))
		return 0;
	for (size_t up = 1; up < r->depth; up++) {
		const ProtobufCMessage *outer = r->stack[r->depth - 1 - up].message;
		const ProtobufCFieldDescriptor *field = keyword_find(outer->descriptor,
								     r->token.text);

		if (field && rule_is_block(field))
			return up;
	}
	return 0;
}

static const ProtobufCFieldDescriptor *close_forgotten(struct reader *r, size_t levels)
{
	char label[KEYWORD_LABEL];

	for (size_t i = 0; i < levels; i++) {
		fault_error(r->faults, r->token.place,
			    "the \"}\" of %s, opened in %s, is missing before this \"%s\"",
			    keyword_label(label, top(r)->message),
			    fault_line(r->faults, top(r)->place).text, r->token.text);
		close_block(r);
		r->forgiven++;
	}
	return keyword_find(top(r)->message->descriptor, r->token.text);
}

/* Reports it; returns the field that was meant where that is plain, so that its value is checked.
 */
static const ProtobufCFieldDescriptor *unknown(struct reader *r)
{
	const ProtobufCMessage *message = top(r)->message;
	struct near near = { .word = r->token.text };
	char label[KEYWORD_LABEL], home[RULE_KEYWORD], text[NEAR_TEXT];

	keyword_near(&near, message->descriptor);
	keyword_label(label, message);
	if (!near.best[0] && keyword_home(home, r->token.text))
		fault_error(r->faults, r->token.place,
			    "unknown keyword \"%s\" in %s; it belongs to %s", r->token.text, label,
			    home);
	else
		fault_error(r->faults, r->token.place, "unknown keyword \"%.60s\" in %s%s",
			    r->token.text, label, near_text(text, &near));
	return near.best[0] ? keyword_find(message->descriptor, near.best) : NULL;
}

static void statement(struct reader *r)
{
	const ProtobufCFieldDescriptor *field = keyword_find(top(r)->message->descriptor,
							     r->token.text);
	struct place place = r->token.place, first;
	bool guessed = !field;
	size_t levels = forgotten(r, field);

	if (!field && strcmp(r->token.text, "include") == 0) {
		include(r);
		return;
	}
	if (levels) {
		field = close_forgotten(r, levels);
		guessed = false;
	} else if (!field) {
		field = unknown(r);
	}
	next(r);
	if (!field) {
		skip(r);
	} else if (rule_is_block(field)) {
		open_block(r, field, place);
	} else if (!source_find(r->source, top(r)->message, field->id, 0, &first)) {
		values(r, field);
	} else {
		char keyword[RULE_KEYWORD];

		/* One fault a statement: a misspelt one has had its own. */
		if (!guessed)
			fault_error(r->faults, place, "%s is already set in %s",
				    rule_keyword(keyword, field),
				    fault_line(r->faults, first).text);
		skip(r);
	}
}

static void stray(struct reader *r)
{
	if (r->token.kind == SCAN_CLOSE && r->forgiven)
		r->forgiven--;
	else if (r->token.kind != SCAN_BAD)
		fault_error(r->faults, r->token.place, "unexpected %s", r->token.text);
	if (r->token.kind == SCAN_CLOSE)
		next(r);
	else
		skip(r);
}

static void read_token(struct reader *r)
{
	switch (r->token.kind) {
	case SCAN_LINE:
	case SCAN_SEMICOLON:
		next(r);
		return;
	case SCAN_WORD:
		statement(r);
		return;
	case SCAN_CLOSE:
		if (r->depth > 1) {
			close_block(r);
			next(r);
			return;
		}
		break;
	default:
		break;
	}
	stray(r);
}

Conf__Config *read_text(struct texts *texts, struct conf_source *source, struct conf_faults *faults)
{
	struct reader r = { .source = source, .faults = faults, .texts = texts, .depth = 1 };
	Conf__Config *file = malloc(sizeof(*file));

	if (!file)
		return NULL;
	conf__config__init(file);
	r.stack[0] = (struct block){ &file->base, { 0 } };
	scan_start(&r.scan, (const char *)texts->list[0].bytes, texts->list[0].length, faults);
	for (next(&r); r.token.kind != SCAN_EOF && !r.no_memory;)
		read_token(&r);
	if (!r.no_memory) {
		close_open(&r);
		find_idle(&r);
		close_block(&r);
	}
	if (!r.no_memory)
		return file;
	conf__config__free_unpacked(file, NULL);
	return NULL;
}
