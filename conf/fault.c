// SPDX-License-Identifier: BSD-2-Clause
/*
 * A file can have more faults than anybody reads and more than memory should hold: beyond FAULT_MAX
 * they are only counted.  The counts decide whether a configuration is accepted, never the list.
 */
#include "conf/fault.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Capacity is the next power of two above count, so that it need not be stored. */
static bool grow(struct conf_faults *faults)
{
	size_t n = faults->count;

	if (n & (n - 1) || n >= FAULT_MAX)
		return n < FAULT_MAX;
	struct conf_fault *more = realloc(faults->fault, (n ? 2 * n : 1) * sizeof(*more));
	if (!more)
		return false;
	faults->fault = more;
	return true;
}

__attribute__((format(printf, 4, 0))) static void add(struct conf_faults *faults,
						      enum conf_severity severity,
						      struct place place, const char *format,
						      va_list args)
{
	if (severity == CONF_ERROR)
		faults->errors++;
	else
		faults->warnings++;
	if (!grow(faults))
		return;

	struct conf_fault *fault = &faults->fault[faults->count];
	*fault = (struct conf_fault){ severity, place.line, place.column, place.file, NULL };
	/* Nobody should have to look for a fault without a text: it is counted and that is all. */
	if (vasprintf(&fault->text, format, args) >= 0)
		faults->count++;
}

void fault_error(struct conf_faults *faults, struct place place, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(faults, CONF_ERROR, place, format, args);
	va_end(args);
}

void fault_warning(struct conf_faults *faults, struct place place, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(faults, CONF_WARNING, place, format, args);
	va_end(args);
}

int place_order(const struct place *a, const struct place *b)
{
	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->column < b->column ? -1 : a->column > b->column;
}

static struct place place_of(const struct conf_fault *fault)
{
	return (struct place){ fault->line, fault->column, fault->file };
}

static bool later(const struct conf_fault *a, const struct conf_fault *b)
{
	struct place one = place_of(a), other = place_of(b);

	return place_order(&one, &other) > 0;
}

struct place_text fault_line(const struct conf_faults *faults, struct place place)
{
	struct place_text text;

	if (place.file && place.file <= faults->files)
		snprintf(text.text, PLACE_TEXT, "line %u of %s", place.line,
			 faults->file[place.file - 1]);
	else
		snprintf(text.text, PLACE_TEXT, "line %u", place.line);
	return text;
}

unsigned int fault_file(struct conf_faults *faults, const char *name)
{
	char **more = realloc(faults->file, (faults->files + 1) * sizeof(*more));

	if (!more)
		return 0;
	faults->file = more;
	more[faults->files] = strdup(name);
	if (!more[faults->files])
		return 0;
	return (unsigned int)++faults->files;
}

/* By insertion: it keeps the order of equals, and the list is short and almost in order. */
static void sort(struct conf_faults *faults)
{
	for (size_t i = 1; i < faults->count; i++) {
		struct conf_fault fault = faults->fault[i];
		size_t j = i;

		for (; j && later(&faults->fault[j - 1], &fault); j--)
			faults->fault[j] = faults->fault[j - 1];
		faults->fault[j] = fault;
	}
}

static bool same_warning(const struct conf_fault *a, const struct conf_fault *b)
{
	return a->severity == CONF_WARNING && b->severity == CONF_WARNING &&
	       strcmp(a->text, b->text) == 0;
}

/* Takes the later twins of the i-th fault out of the list and says in its text where they were. */
static void fold(struct conf_faults *faults, size_t i)
{
	struct conf_fault *first = &faults->fault[i];
	size_t kept = i + 1, twins = 0;
	struct place place = { 0 };
	char *text;
	int length;

	for (size_t j = i + 1; j < faults->count; j++) {
		struct conf_fault *fault = &faults->fault[j];

		if (same_warning(first, fault)) {
			place = twins++ ? place : place_of(fault);
			free(fault->text);
			continue;
		}
		faults->fault[kept++] = *fault;
	}
	faults->count = kept;
	faults->warnings -= twins;
	if (twins == 0)
		return;
	/* Two are worth looking up; of a hundred members with the same setting one is enough. */
	if (twins == 1)
		length = asprintf(&text, "%s (also in %s)", first->text,
				  fault_line(faults, place).text);
	else
		length = asprintf(&text, "%s (also in %zu more places)", first->text, twins);
	if (length < 0)
		return;
	free(first->text);
	first->text = text;
}

void faults_finish(struct conf_faults *faults)
{
	sort(faults);
	for (size_t i = 0; i < faults->count; i++) {
		if (faults->fault[i].severity == CONF_WARNING)
			fold(faults, i);
	}
}

void conf_faults_free(struct conf_faults *faults)
{
	for (size_t i = 0; i < faults->count; i++)
		free(faults->fault[i].text);
	free(faults->fault);
	for (size_t i = 0; i < faults->files; i++)
		free(faults->file[i]);
	free(faults->file);
	*faults = (struct conf_faults){ 0 };
}

/* What is included lies beside or below the file that includes it. */
void conf_fault_place(const struct conf_faults *faults, const struct conf_fault *fault,
		      const char *name, char text[CONF_PLACE])
{
	const char *slash = strrchr(name, '/');
	int used;

	if (fault->file && fault->file <= faults->files)
		used = snprintf(text, CONF_PLACE, "%.*s%s", slash ? (int)(slash - name) + 1 : 0,
				name, faults->file[fault->file - 1]);
	else
		used = snprintf(text, CONF_PLACE, "%s", name);
	if (fault->line && used >= 0 && used < CONF_PLACE)
		snprintf(text + used, (size_t)(CONF_PLACE - used), ":%u:%u", fault->line,
			 fault->column);
}

void conf_faults_print(const struct conf_faults *faults, const char *name, FILE *out)
{
	/* Those beyond the list, and those that found no memory. */
	size_t total = faults->errors + faults->warnings;
	char place[CONF_PLACE];

	for (size_t i = 0; i < faults->count; i++) {
		const struct conf_fault *fault = &faults->fault[i];

		conf_fault_place(faults, fault, name, place);
		fputs(place, out);
		fprintf(out, ": %s%s\n", fault->severity == CONF_WARNING ? "warning: " : "",
			fault->text);
	}
	if (total > faults->count)
		fprintf(out, "%s: %zu more faults are not shown\n", name, total - faults->count);
}
