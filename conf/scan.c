// SPDX-License-Identifier: BSD-2-Clause
#include "conf/scan.h"

#include <string.h>

#include "conf/utf8.h"

static bool is_control(uint32_t point)
{
	return (point < 0x20 && point != '\t' && point != '\r') || point == 0x7f;
}

/*
 * Steps over one character.  What is wrong with it, if anything, is left in `problem`.  Words are
 * ASCII: a letter that only looks like another, pasted from a document, must not name anything.
 */
static void step(struct scan *scan, char *problem, size_t size, bool in_word)
{
	uint32_t point = 0;
	size_t length = utf8_decode(scan->at, scan->end, &point);

	if (length == 0)
		snprintf(problem, size, "byte 0x%02x is not UTF-8", (unsigned char)*scan->at);
	else if (is_control(point))
		snprintf(problem, size, "control character 0x%02x", point);
	else if (in_word && point == 0xa0)
		snprintf(problem, size, "no-break space U+00A0: write an ordinary space");
	else if (in_word && point >= 0x80)
		snprintf(problem, size, "character U+%04X outside of a comment", point);
	scan->at += length ? length : 1;
	scan->place.column++;
}

/* Runs to the end of a comment or word; the first bad character is reported, the rest is silent. */
static bool run(struct scan *scan, const char *stop, bool in_word)
{
	char problem[80] = "";
	bool good = true;

	while (scan->at < scan->end && (*scan->at == '\0' || !strchr(stop, *scan->at))) {
		struct place place = scan->place;

		step(scan, problem, sizeof(problem), in_word);
		if (problem[0] && good) {
			fault_error(scan->faults, place, "%s", problem);
			good = false;
		}
	}
	return good;
}

static void word(struct scan *scan, struct token *token)
{
	const char *start = scan->at;
	bool good = run(scan, " \t\r\n{};,#", true);
	size_t length = (size_t)(scan->at - start);

	token->kind = good ? SCAN_WORD : SCAN_BAD;
	if (good && length > SCAN_WORD_MAX) {
		fault_error(scan->faults, token->place,
			    "word of %zu characters: at most %d are allowed", length,
			    SCAN_WORD_MAX);
		token->kind = SCAN_BAD;
	}
	if (token->kind == SCAN_BAD)
		length = 0;
	memcpy(token->text, start, length);
	token->text[length] = '\0';
}

static bool punctuation(char c, struct token *token)
{
	static const struct {
		char c;
		enum scan_kind kind;
		const char *name;
	} marks[] = {
		{ '{', SCAN_OPEN, "\"{\"" },        { '}', SCAN_CLOSE, "\"}\"" },
		{ ',', SCAN_COMMA, "\",\"" },       { ';', SCAN_SEMICOLON, "\";\"" },
		{ '\n', SCAN_LINE, "end of line" },
	};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (marks[i].c != c)
			continue;
		token->kind = marks[i].kind;
		snprintf(token->text, sizeof(token->text), "%s", marks[i].name);
		return true;
	}
	return false;
}

void scan_start(struct scan *scan, const char *text, size_t length, struct conf_faults *faults)
{
	*scan = (struct scan){ text, text + length, { 1, 1, 0 }, faults };
	/* Editors of another system put a byte order mark in front; it means nothing in UTF-8. */
	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		scan->at += 3;
}

void scan_next(struct scan *scan, struct token *token)
{
	while (scan->at < scan->end && strchr(" \t\r", *scan->at) && *scan->at) {
		scan->at++;
		scan->place.column++;
	}
	if (scan->at < scan->end && *scan->at == '#')
		run(scan, "\n", false);
	token->place = scan->place;
	if (scan->at == scan->end) {
		token->kind = SCAN_EOF;
		snprintf(token->text, sizeof(token->text), "end of file");
		return;
	}
	if (!punctuation(*scan->at, token)) {
		word(scan, token);
		return;
	}
	scan->at++;
	scan->place.column++;
	if (token->kind == SCAN_LINE)
		scan->place = (struct place){ scan->place.line + 1, 1, scan->place.file };
}

bool scan_before_open(const struct scan *scan)
{
	const char *at = scan->at;

	while (at < scan->end && (*at == ' ' || *at == '\t'))
		at++;
	return at < scan->end && *at == '{';
}
