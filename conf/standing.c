// SPDX-License-Identifier: BSD-2-Clause
#include "conf/standing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "bundle.pb-c.h"

enum { RECORD_FORMAT = 1, CHECKSUM = 32, DIGITS = 10 };

static const char suffix[] = ".rev";

/* --- bytes ------------------------------------------------------------------------------------ */

static Revision__Name *fill_name(Revision__Name *name, const struct revision *revision)
{
	if (revision_none(revision))
		return NULL;
	revision__name__init(name);
	name->number = revision->number;
	name->id = (ProtobufCBinaryData){ REVISION_ID, (uint8_t *)(uintptr_t)revision->id };
	return name;
}

size_t standing_pack(uint8_t bytes[STANDING_MAX], const struct standing_record *record)
{
	Revision__Standing standing = REVISION__STANDING__INIT;
	Revision__Name current, staged, previous;
	size_t length;

	standing.format = RECORD_FORMAT;
	standing.current = fill_name(&current, &record->current);
	standing.staged = fill_name(&staged, &record->staged);
	standing.previous = fill_name(&previous, &record->previous);
	standing.has_confirm_by_ms = record->confirm_by_ms > 0;
	standing.confirm_by_ms = record->confirm_by_ms;
	standing.pushed = record->pushed;
	length = revision__standing__pack(&standing, bytes + CHECKSUM);
	crypto_generichash(bytes, CHECKSUM, bytes + CHECKSUM, length, NULL, 0);
	return CHECKSUM + length;
}

static bool take_name(struct revision *revision, const Revision__Name *name)
{
	*revision = (struct revision){ 0 };
	if (!name)
		return true;
	if (name->number == 0 || name->id.len != REVISION_ID)
		return false;
	revision->number = name->number;
	memcpy(revision->id, name->id.data, REVISION_ID);
	return true;
}

bool standing_unpack(struct standing_record *record, const uint8_t *bytes, size_t length)
{
	uint8_t checksum[CHECKSUM];
	Revision__Standing *standing;
	bool good;

	if (length <= CHECKSUM || length > STANDING_MAX)
		return false;
	crypto_generichash(checksum, CHECKSUM, bytes + CHECKSUM, length - CHECKSUM, NULL, 0);
	if (memcmp(checksum, bytes, CHECKSUM) != 0)
		return false;
	standing = revision__standing__unpack(NULL, length - CHECKSUM, bytes + CHECKSUM);
	if (!standing)
		return false;
	*record = (struct standing_record){ .confirm_by_ms = standing->confirm_by_ms,
					    .pushed = standing->pushed };
	good = standing->format == RECORD_FORMAT &&
	       take_name(&record->current, standing->current) &&
	       take_name(&record->staged, standing->staged) &&
	       take_name(&record->previous, standing->previous);
	revision__standing__free_unpacked(standing, NULL);
	return good;
}

void standing_name(char name[STANDING_NAME], const struct revision *revision)
{
	int used = snprintf(name, STANDING_NAME, "%0*llu-", DIGITS,
			    (unsigned long long)revision->number);

	sodium_bin2hex(name + used, 2 * REVISION_ID + 1, revision->id, REVISION_ID);
	strcat(name, suffix);
}

bool standing_parse_name(struct revision *revision, const char *name)
{
	char again[STANDING_NAME];
	char *end;
	size_t bytes;

	if (strlen(name) >= STANDING_NAME)
		return false;
	revision->number = strtoull(name, &end, 10);
	if (*end != '-' || revision->number == 0 ||
	    sodium_hex2bin(revision->id, REVISION_ID, end + 1, 2 * REVISION_ID, NULL, &bytes,
			   NULL) != 0 ||
	    bytes != REVISION_ID)
		return false;
	/* One spelling only. */
	standing_name(again, revision);
	return strcmp(again, name) == 0;
}

/* --- what stands ------------------------------------------------------------------------------ */

static void complain(struct standing *standing, const char *text, const struct revision *revision)
{
	size_t used = strlen(standing->why);
	char name[REVISION_TEXT];

	standing->damaged = true;
	snprintf(standing->why + used, sizeof(standing->why) - used, "%s%s%s%s", used ? "; " : "",
		 text, revision ? " " : "", revision ? revision_text(name, revision) : "");
}

static bool is_whole(const struct standing_found *found, const struct revision *revision)
{
	bool is_signed;

	return found->whole(found->arg, revision, &is_signed);
}

/* With nothing written down that can be read: the newest one that was pushed. */
static struct standing_record guess(struct standing *standing, const struct standing_found *found)
{
	struct standing_record record = { 0 };
	bool is_signed;

	for (size_t i = 0; i < found->count; i++) {
		if (!found->whole(found->arg, &found->kept[i], &is_signed) || !is_signed)
			continue;
		record.current = found->kept[i];
		record.pushed = true;
		complain(standing,
			 "the record of the current revision is lost: the newest is taken,",
			 &record.current);
		return record;
	}
	if (found->lost_record)
		complain(standing, "the record of the current revision is damaged", NULL);
	return record;
}

static struct standing_record recall(struct standing *standing, const struct standing_found *found)
{
	if (found->record)
		return *found->record;
	if (!found->spare)
		return guess(standing, found);
	complain(standing, "the record of the current revision is damaged: its copy is used", NULL);
	return *found->spare;
}

/* The last good one before it: the previous one, else the newest older one. */
static struct revision fall_back(const struct standing_found *found,
				 const struct standing_record *record)
{
	if (!revision_none(&record->previous) && is_whole(found, &record->previous))
		return record->previous;
	for (size_t i = 0; i < found->count; i++)
		if (found->kept[i].number < record->current.number &&
		    is_whole(found, &found->kept[i]))
			return found->kept[i];
	return (struct revision){ 0 };
}

struct standing_record standing_decide(struct standing *standing,
				       const struct standing_found *found)
{
	struct standing_record record;

	*standing = (struct standing){ 0 };
	record = recall(standing, found);
	if (!revision_none(&record.staged) && !is_whole(found, &record.staged)) {
		complain(standing, "damaged: the staged revision", &record.staged);
		record.staged = (struct revision){ 0 };
	}
	standing->current = standing->running = record.current;
	if (!revision_none(&record.current) && !is_whole(found, &record.current)) {
		complain(standing, "damaged: the current revision", &record.current);
		standing->need = record.current;
		standing->running = fall_back(found, &record);
	}
	standing->staged = record.staged;
	standing->previous = record.previous;
	standing->confirm_by_ms = record.confirm_by_ms;
	standing->pushed = record.pushed;
	return record;
}
