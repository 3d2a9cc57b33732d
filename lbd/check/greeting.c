// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/check/greeting.h"

#include <string.h>
#include <strings.h>

void greeting_begin(struct greeting *greeting, enum health_kind kind)
{
	memset(greeting, 0, sizeof(*greeting));
	greeting->kind = kind;
}

static bool starts_with(const struct greeting *greeting, const char *word)
{
	size_t length = strlen(word);

	return greeting->length >= length && !strncasecmp(greeting->line, word, length);
}

/* A word ends with the line or with a blank: "+OKAY" is no "+OK". */
static bool has_word(const struct greeting *greeting, const char *word)
{
	size_t length = strlen(word);

	return starts_with(greeting, word) &&
	       (greeting->length == length || greeting->line[length] == ' ');
}

static enum health_outcome judge(const struct greeting *greeting)
{
	bool good = false;

	switch (greeting->kind) {
	case HEALTH_SMTP:
		if (starts_with(greeting, "220-"))
			return HEALTH_UNKNOWN; /* more lines follow */
		good = has_word(greeting, "220");
		break;
	case HEALTH_IMAP:
		good = has_word(greeting, "* OK") || has_word(greeting, "* PREAUTH");
		break;
	case HEALTH_POP3:
		good = has_word(greeting, "+OK");
		break;
	default:
		break;
	}
	return good ? HEALTH_OK : HEALTH_UNWILLING;
}

/* The line without its end; a bare LF is one too, as all clients take it. */
static enum health_outcome on_line(struct greeting *greeting)
{
	enum health_outcome outcome;

	if (greeting->length && greeting->line[greeting->length - 1] == '\r')
		greeting->length--;
	outcome = judge(greeting);
	greeting->length = 0;
	if (outcome == HEALTH_UNKNOWN && ++greeting->lines == GREETING_LINES)
		return HEALTH_UNWILLING;
	return outcome;
}

enum health_outcome greeting_input(struct greeting *greeting, const uint8_t *data, size_t length)
{
	enum health_outcome outcome = HEALTH_UNKNOWN;

	if (!length)
		return HEALTH_REFUSED;
	for (size_t i = 0; i < length && outcome == HEALTH_UNKNOWN; i++) {
		if (data[i] == '\n')
			outcome = on_line(greeting);
		else if (greeting->length == sizeof(greeting->line))
			outcome = HEALTH_UNWILLING;
		else
			greeting->line[greeting->length++] = (char)data[i];
	}
	return outcome;
}

const char *greeting_farewell(enum health_kind kind)
{
	return kind == HEALTH_IMAP ? "a LOGOUT\r\n" : "QUIT\r\n";
}
