// SPDX-License-Identifier: BSD-2-Clause
#include "conf/pairctl/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COLUMNS = 16 };

struct cell {
	char *text;
	enum text_colour colour;
};

struct table {
	size_t columns, count, size;
	unsigned int right;
	size_t width[MAX_COLUMNS];
	struct cell *cell;
};

static const char *const colour_codes[] = {
	[TEXT_PLAIN] = "",
	[TEXT_GOOD] = "\033[32m",
	[TEXT_BAD] = "\033[31m",
	[TEXT_DOUBT] = "\033[33m",
};

void *text_alloc(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory) {
		fputs("pairctl: out of memory\n", stderr);
		exit(1);
	}
	return memory;
}

/* Without memory the text is empty: it is only printed. */
char *text_format(const char *format, ...)
{
	va_list arguments;
	char *text;
	int length;

	va_start(arguments, format);
	length = vasprintf(&text, format, arguments);
	va_end(arguments);
	return length < 0 ? text_alloc(1, 1) : text;
}

void text_append(char ***list, size_t *count, const char *format, va_list arguments)
{
	char **longer = text_alloc(*count + 1, sizeof(*longer)), *text;

	if (vasprintf(&text, format, arguments) < 0)
		text = text_alloc(1, 1);
	if (*count > 0)
		memcpy(longer, *list, *count * sizeof(*longer));
	free(*list);
	longer[(*count)++] = text;
	*list = longer;
}

char *text_join(char *const *word, size_t count)
{
	char *text = text_format("%s", count > 0 ? word[0] : "");

	for (size_t i = 1; i < count; i++) {
		char *longer = text_format("%s, %s", text, word[i]);

		free(text);
		text = longer;
	}
	return text;
}

/* Two units at most: nobody needs the seconds of a day. */
char *text_duration(char text[TEXT_SIZE], uint64_t ms)
{
	uint64_t s = ms / 1000;

	if (ms < 100)
		snprintf(text, TEXT_SIZE, "%" PRIu64 " ms", ms);
	else if (s < 10)
		snprintf(text, TEXT_SIZE, "%" PRIu64 ".%" PRIu64 " s", s, ms / 100 % 10);
	else if (s < 60)
		snprintf(text, TEXT_SIZE, "%" PRIu64 " s", s);
	else if (s < 3600)
		snprintf(text, TEXT_SIZE, "%" PRIu64 " m %" PRIu64 " s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(text, TEXT_SIZE, "%" PRIu64 " h %" PRIu64 " m", s / 3600, s / 60 % 60);
	else
		snprintf(text, TEXT_SIZE, "%" PRIu64 " d", s / 86400);
	return text;
}

char *text_count(char text[TEXT_SIZE], uint64_t count)
{
	char digits[TEXT_SIZE];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, count);
	size_t at = 0;

	for (int i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			text[at++] = ',';
		text[at++] = digits[i];
	}
	text[at] = '\0';
	return text;
}

char *text_bytes(char text[TEXT_SIZE], uint64_t bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double value = (double)bytes;
	size_t unit = 0;

	for (; value >= 999.5; value /= 1000)
		unit++;
	snprintf(text, TEXT_SIZE, "%.*f %s", unit > 0 && value < 9.95 ? 1 : 0, value, units[unit]);
	return text;
}

char *text_ms(char text[TEXT_SIZE], double ms)
{
	if (ms >= 0 && ms < 10)
		snprintf(text, TEXT_SIZE, "%.1f ms", ms);
	else
		text_duration(text, ms > 0 && ms < 1e15 ? (uint64_t)ms : 0);
	return text;
}

void text_clean(const char *text, FILE *out)
{
	for (; *text; text++)
		fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, out);
}

/* Columns on the terminal: bytes that do not continue a UTF-8 character. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

struct table *table_new(const char *const *titles, size_t columns, unsigned int right)
{
	struct table *table = text_alloc(1, sizeof(*table));

	table->columns = columns < MAX_COLUMNS ? columns : MAX_COLUMNS;
	table->right = right;
	for (size_t i = 0; i < table->columns; i++)
		table_add(table, titles[i], TEXT_PLAIN);
	return table;
}

void table_add(struct table *table, const char *text, enum text_colour colour)
{
	size_t column = table->count % table->columns, width = width_of(text);

	if (table->count == table->size) {
		struct cell *more = text_alloc(table->size * 2 + 64, sizeof(*more));

		if (table->count > 0)
			memcpy(more, table->cell, table->count * sizeof(*more));
		free(table->cell);
		table->cell = more;
		table->size = table->size * 2 + 64;
	}
	table->cell[table->count].text = text_format("%s", text);
	table->cell[table->count++].colour = colour;
	if (width > table->width[column])
		table->width[column] = width;
}

static void pad(size_t width, FILE *out)
{
	for (; width > 0; width--)
		fputc(' ', out);
}

/* `owed`: blanks not yet printed, because nothing may follow them.  Returns what is owed now. */
static size_t print_cell(const struct table *table, size_t i, size_t owed, bool colour, FILE *out)
{
	const struct cell *cell = &table->cell[i];
	size_t column = i % table->columns, width = width_of(cell->text);
	size_t blanks = table->width[column] - width;
	bool right = table->right >> column & 1;

	if (width == 0)
		return owed + table->width[column] + 2;
	pad(owed + (right ? blanks : 0), out);
	if (colour)
		fputs(colour_codes[cell->colour], out);
	text_clean(cell->text, out);
	if (colour && cell->colour != TEXT_PLAIN)
		fputs("\033[0m", out);
	return (right ? 0 : blanks) + 2;
}

void table_print(struct table *table, unsigned int indent, bool colour, FILE *out)
{
	size_t owed = indent;

	for (size_t i = 0; i < table->count; i++) {
		owed = print_cell(table, i, owed, colour, out);
		if ((i + 1) % table->columns == 0) {
			fputc('\n', out);
			owed = indent;
		}
		free(table->cell[i].text);
	}
	free(table->cell);
	free(table);
}
