// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/upload.h"

#include <stdlib.h>
#include <string.h>

void upload_end(struct upload *upload)
{
	for (size_t i = 0; i < upload->files; i++) {
		free(upload->file[i].name);
		free(upload->file[i].bytes);
	}
	*upload = (struct upload){ 0 };
}

static struct conf_text *file_of(struct upload *upload, const char *name)
{
	struct conf_text *file = upload->files ? &upload->file[upload->files - 1] : NULL;

	if (file && strcmp(file->name, name) == 0)
		return file;
	if (upload->files == BUNDLE_FILES)
		return NULL;
	file = &upload->file[upload->files];
	*file = (struct conf_text){ .name = strdup(name) };
	if (!file->name)
		return NULL;
	upload->files++;
	return file;
}

static bool append(struct conf_text *file, const uint8_t *part, size_t length)
{
	uint8_t *bytes = realloc(file->bytes, file->length + length + 1);

	if (!bytes)
		return false;
	if (length)
		memcpy(bytes + file->length, part, length);
	file->bytes = bytes;
	file->length += length;
	bytes[file->length] = '\0';
	return true;
}

static void begin(struct upload *upload, const void *whose, bool is_bundle)
{
	if (upload->whose != whose)
		upload_end(upload);
	if (upload->files && upload->is_bundle != is_bundle)
		upload->failed = true;
	upload->whose = whose;
	upload->is_bundle = is_bundle;
}

static void add(struct upload *upload, const char *name, const uint8_t *part, size_t length)
{
	size_t most = upload->is_bundle ? BUNDLE_MAX : CONF_MAX_BYTES;
	struct conf_text *file;

	if (upload->failed || length > most - upload->bytes) {
		upload->failed = true;
		return;
	}
	file = file_of(upload, name);
	if (!file || !append(file, part, length))
		upload->failed = true;
	else
		upload->bytes += length;
}

void upload_add(struct upload *upload, const void *whose, const char *name, const uint8_t *part,
		size_t length)
{
	begin(upload, whose, false);
	add(upload, name, part, length);
}

void upload_add_bundle(struct upload *upload, const void *whose, const uint8_t *part, size_t length)
{
	begin(upload, whose, true);
	add(upload, "", part, length);
}
