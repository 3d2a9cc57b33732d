// SPDX-License-Identifier: BSD-2-Clause
/*
 * A file comes to be under another name, is synced and then renamed, so that under its own name it
 * is always whole; a revision's file is there before a record names it, and goes only after no
 * record does.  The record has a copy, for a disk that loses what it had.
 */
#include "conf/history.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char record_name[] = "current", spare_name[] = "current.copy";
static const char aside[] = ".new";

struct history {
	const struct disk_ops *ops;
	void *arg;
	struct disk disk; /* `arg`, unless that is lent */
	bool write, missing;
	struct standing_record record;
	bool recorded; /* the record is on disk as it is here */
	struct standing standing;
	struct lineage line;
	struct revision file[HISTORY_FILES], kept[HISTORY_KEEP + 1];
	size_t files, count;
	bool junk; /* files that are none of ours or not whole */
};

/* --- files ------------------------------------------------------------------------------------ */

static int load(const struct history *history, const struct revision *which, struct bundle **bundle)
{
	char name[STANDING_NAME];
	enum bundle_verdict verdict;
	uint8_t *bytes;
	size_t length;
	int error;

	*bundle = NULL;
	standing_name(name, which);
	error = history->ops->read(history->arg, name, BUNDLE_MAX, &bytes, &length);
	if (error)
		return error == -ENOENT || error == -ENOMEM ? error : -EBADMSG;
	verdict = bundle_read(bundle, bytes, length, NULL);
	free(bytes);
	if (verdict == BUNDLE_GOOD && revision_equal(&(*bundle)->line.tip, which))
		return 0;
	bundle_free(*bundle);
	*bundle = NULL;
	return verdict == BUNDLE_NO_MEMORY ? -ENOMEM : -EBADMSG;
}

static bool whole(void *arg, const struct revision *revision, bool *is_signed)
{
	struct bundle *bundle;

	if (load(arg, revision, &bundle) != 0)
		return false;
	*is_signed = bundle->is_signed;
	bundle_free(bundle);
	return true;
}

static int put(const struct history *history, const char *name, const uint8_t *bytes, size_t length)
{
	const struct disk_ops *ops = history->ops;
	char new[STANDING_NAME + sizeof(aside)];
	int error;

	snprintf(new, sizeof(new), "%s%s", name, aside);
	error = ops->write(history->arg, new, bytes, length);
	if (error == 0)
		error = ops->sync(history->arg, new);
	if (error == 0)
		error = ops->rename(history->arg, new, name);
	if (error) {
		ops->remove(history->arg, new);
		return error;
	}
	return ops->sync_names(history->arg);
}

static int put_bundle(const struct history *history, const struct bundle *bundle)
{
	char name[STANDING_NAME];

	standing_name(name, &bundle->line.tip);
	return put(history, name, bundle->packed, bundle->length);
}

/* The copy comes second: it never says more than the record does. */
static int put_record(struct history *history, const struct standing_record *record)
{
	uint8_t bytes[STANDING_MAX];
	size_t length = standing_pack(bytes, record);
	int error = put(history, record_name, bytes, length);

	/* The change is made: a copy that cannot be written is no reason to take it back. */
	if (error == 0)
		put(history, spare_name, bytes, length);
	return error;
}

static bool read_record(const struct history *history, const char *name,
			struct standing_record *record, bool *exists)
{
	uint8_t *bytes;
	size_t length;
	bool good;
	int error = history->ops->read(history->arg, name, STANDING_MAX, &bytes, &length);

	*exists = *exists || error != -ENOENT;
	if (error)
		return false;
	good = standing_unpack(record, bytes, length);
	free(bytes);
	return good;
}

/* --- reading ---------------------------------------------------------------------------------- */

static void found_file(void *to, const char *name)
{
	struct history *history = to;
	struct revision revision;
	size_t i;

	if (strcmp(name, record_name) == 0 || strcmp(name, spare_name) == 0)
		return;
	if (history->files == HISTORY_FILES || !standing_parse_name(&revision, name)) {
		history->junk = true;
		return;
	}
	for (i = history->files++; i && history->file[i - 1].number < revision.number; i--)
		history->file[i] = history->file[i - 1];
	history->file[i] = revision;
}

/* Those of the current line, and the previous one, which need not be of it after a split. */
static void list_kept(struct history *history)
{
	const struct standing *standing = &history->standing;

	history->count = 0;
	for (size_t i = 0; i < history->files && history->count < HISTORY_KEEP + 1; i++) {
		const struct revision *file = &history->file[i];
		bool ours = history->line.tip.number ? lineage_has(&history->line, file)
						     : !revision_equal(file, &standing->staged);

		if (ours || revision_equal(file, &standing->current) ||
		    revision_equal(file, &standing->previous))
			history->kept[history->count++] = *file;
	}
}

static void read_line(struct history *history)
{
	struct bundle *bundle;

	history->line = (struct lineage){ 0 };
	if (revision_none(&history->standing.running) ||
	    load(history, &history->standing.running, &bundle) != 0)
		return;
	history->line = bundle->line;
	bundle_free(bundle);
}

static void read_records(struct history *history)
{
	struct standing_record record, spare;
	bool exists = false;
	bool good = read_record(history, record_name, &record, &exists);
	struct standing_found found = {
		.record = good ? &record : NULL,
		.spare = !good && read_record(history, spare_name, &spare, &exists) ? &spare : NULL,
		.lost_record = !good && exists,
		.kept = history->file,
		.count = history->files,
		.whole = whole,
		.arg = history,
	};

	history->record = standing_decide(&history->standing, &found);
	history->recorded = good;
}

int history_reread(struct history *history)
{
	int error = 0;

	history->files = 0;
	history->junk = false;
	if (!history->missing)
		error = history->ops->list(history->arg, found_file, history);
	if (error)
		return error;
	if (history->missing) {
		history->standing = (struct standing){ 0 };
		history->line = (struct lineage){ 0 };
	} else {
		read_records(history);
		read_line(history);
	}
	list_kept(history);
	return 0;
}

/* --- tidying ---------------------------------------------------------------------------------- */

static bool is_kept(const struct history *history, const struct revision *revision)
{
	if (revision_equal(revision, &history->standing.staged))
		return true;
	for (size_t i = 0; i < history->count; i++)
		if (revision_equal(revision, &history->kept[i]))
			return true;
	return false;
}

static void remove_junk(void *to, const char *name)
{
	const struct history *history = to;
	size_t length = strlen(name), tail = sizeof(aside) - 1;

	if (length > tail && strcmp(name + length - tail, aside) == 0)
		history->ops->remove(history->arg, name);
}

/* Nothing is removed as long as anything is damaged: it may be all that is left. */
static void tidy(struct history *history)
{
	bool removed = false;

	if (!history->write || history->standing.damaged)
		return;
	if (history->junk)
		history->ops->list(history->arg, remove_junk, history);
	for (size_t i = 0; i < history->files; i++) {
		char name[STANDING_NAME];

		if (is_kept(history, &history->file[i]))
			continue;
		standing_name(name, &history->file[i]);
		history->ops->remove(history->arg, name);
		removed = true;
	}
	if (removed)
		history_reread(history);
}

static bool write_is_due(const struct history *history)
{
	return history->write && !history->recorded && !revision_none(&history->record.current);
}

/* --- opening ---------------------------------------------------------------------------------- */

static struct history *new_history(const struct disk_ops *ops, void *arg, bool write)
{
	struct history *history = calloc(1, sizeof(*history));

	if (!history)
		return NULL;
	history->ops = ops;
	history->arg = arg ? arg : &history->disk;
	history->disk = (struct disk){ -1, -1 };
	history->write = write;
	return history;
}

static int start(struct history **history, struct history *fresh)
{
	int error = history_reread(fresh);

	if (error) {
		history_close(fresh);
		return error;
	}
	/* What was guessed, or known from the copy alone, is from now on written. */
	if (write_is_due(fresh))
		put_record(fresh, &fresh->record);
	tidy(fresh);
	*history = fresh;
	return 0;
}

int history_open_on(struct history **history, const struct disk_ops *ops, void *arg, bool write)
{
	struct history *fresh = new_history(ops, arg, write);

	*history = NULL;
	return fresh ? start(history, fresh) : -ENOMEM;
}

int history_open(struct history **history, const char *state_dir, bool write, char why[HISTORY_WHY])
{
	struct history *fresh = new_history(&disk_ops, NULL, write);
	int error = fresh ? disk_open(&fresh->disk, state_dir, "config", write) : -ENOMEM;

	*history = NULL;
	if (error == -ENOENT && !write) {
		fresh->missing = true;
		error = 0;
	}
	if (error == 0)
		error = start(history, fresh);
	else
		history_close(fresh);
	if (error == -EBUSY)
		snprintf(why, HISTORY_WHY, "%s/config: another process writes it", state_dir);
	else if (error)
		snprintf(why, HISTORY_WHY, "%s/config: %s", state_dir, strerror(-error));
	return error;
}

void history_close(struct history *history)
{
	if (!history)
		return;
	disk_close(&history->disk);
	free(history);
}

/* --- asking ----------------------------------------------------------------------------------- */

const struct standing *history_standing(const struct history *history)
{
	return &history->standing;
}

const struct lineage *history_line(const struct history *history)
{
	return &history->line;
}

size_t history_list(const struct history *history, const struct revision **list)
{
	*list = history->kept;
	return history->count;
}

int history_load(const struct history *history, const struct revision *which,
		 struct bundle **bundle)
{
	*bundle = NULL;
	return history->missing || revision_none(which) ? -ENOENT : load(history, which, bundle);
}

/* --- changing --------------------------------------------------------------------------------- */

/* Writes file and record down, and finds out what stands then. */
static int change(struct history *history, const struct bundle *bundle,
		  const struct standing_record *record)
{
	int error = 0, again;

	if (!history->write)
		return -EROFS;
	/* A revision without any record would be taken for the current one. */
	if (bundle && bundle->is_signed && !history->recorded)
		error = put_record(history, &history->record);
	if (error == 0 && bundle)
		error = put_bundle(history, bundle);
	if (error == 0)
		error = put_record(history, record);
	again = history_reread(history);
	if (error == 0 && again == 0)
		tidy(history);
	return error ? error : again;
}

int history_base(struct history *history, const struct bundle *base)
{
	struct standing_record record = { .current = base->line.tip };

	if (history->record.pushed || !base->line.base)
		return -EPERM;
	if (revision_equal(&base->line.tip, &history->standing.current) &&
	    !history->standing.damaged)
		return 0;
	record.staged = history->record.staged;
	return change(history, base, &record);
}

int history_stage(struct history *history, const struct bundle *bundle)
{
	struct standing_record record = history->record;

	if (!bundle->is_signed)
		return -EINVAL;
	record.staged = bundle->line.tip;
	return change(history, bundle, &record);
}

int history_unstage(struct history *history)
{
	struct standing_record record = history->record;

	if (revision_none(&record.staged))
		return 0;
	record.staged = (struct revision){ 0 };
	return change(history, NULL, &record);
}

static struct standing_record advance(const struct history *history, const struct revision *current,
				      uint64_t confirm_by_ms)
{
	return (struct standing_record){ .current = *current,
					 .previous = history->record.current,
					 .confirm_by_ms = confirm_by_ms,
					 .pushed = true };
}

int history_switch(struct history *history, const struct revision *staged, uint64_t confirm_by_ms)
{
	struct standing_record record = advance(history, staged, confirm_by_ms);

	if (revision_none(staged) || !revision_equal(staged, &history->standing.staged))
		return -ESTALE;
	return change(history, NULL, &record);
}

int history_confirm(struct history *history)
{
	struct standing_record record = history->record;

	if (record.confirm_by_ms == 0)
		return 0;
	record.confirm_by_ms = 0;
	return change(history, NULL, &record);
}

int history_adopt(struct history *history, const struct bundle *bundle, uint64_t confirm_by_ms)
{
	struct standing_record record = advance(history, &bundle->line.tip, confirm_by_ms);

	if (!bundle->is_signed)
		return -EINVAL;
	if (revision_equal(&bundle->line.tip, &history->record.current))
		return revision_none(&history->standing.need) ? 0 : history_mend(history, bundle);
	return change(history, bundle, &record);
}

int history_mend(struct history *history, const struct bundle *bundle)
{
	if (revision_none(&history->standing.need) ||
	    !revision_equal(&bundle->line.tip, &history->standing.need))
		return -EINVAL;
	return change(history, bundle, &history->record);
}
