// SPDX-License-Identifier: BSD-2-Clause
#include "conf/pairctl/canary_tally.h"

#include <stdlib.h>
#include <string.h>

static void at_least(double *worst, double value)
{
	if (value > *worst)
		*worst = value;
}

void canary_tally_init(struct canary_tally *tally, double now)
{
	*tally = (struct canary_tally){ .connected = now };
}

void canary_answered(struct canary_tally *tally, double took)
{
	tally->sum.answers++;
	at_least(&tally->sum.stall_ms, took * 1e3);
}

void canary_connected(struct canary_tally *tally, double now)
{
	tally->sum.connects++;
	at_least(&tally->sum.gap_ms, (now - tally->connected) * 1e3);
	tally->connected = now;
}

struct canary_line canary_tally_take(struct canary_tally *tally, double now, double waiting)
{
	struct canary_line line;

	at_least(&tally->sum.stall_ms, waiting * 1e3);
	at_least(&tally->sum.gap_ms, (now - tally->connected) * 1e3);
	line = tally->sum;
	tally->sum.stall_ms = tally->sum.gap_ms = 0;
	return line;
}

/* `name` comes with its quotes and colon: no text of a line holds them. */
static bool read_number(const char *text, const char *name, double *value)
{
	const char *at = strstr(text, name);
	char *end;

	if (!at)
		return false;
	at += strlen(name);
	if (*at < '0' || *at > '9')
		return false;
	*value = strtod(at, &end);
	return *value <= 1e12;
}

bool canary_line_read(const char *text, struct canary_line *line)
{
	double open, lost, answers, connects, refused;

	if (text[0] != '{' || !read_number(text, "\"open\":", &open) ||
	    !read_number(text, "\"lost\":", &lost) ||
	    !read_number(text, "\"answers\":", &answers) ||
	    !read_number(text, "\"connects\":", &connects) ||
	    !read_number(text, "\"refused\":", &refused) ||
	    !read_number(text, "\"stall_ms\":", &line->stall_ms) ||
	    !read_number(text, "\"gap_ms\":", &line->gap_ms) || open > UINT32_MAX ||
	    lost > UINT32_MAX)
		return false;
	line->open = (uint32_t)open;
	line->lost = (uint32_t)lost;
	line->answers = (uint64_t)answers;
	line->connects = (uint64_t)connects;
	line->refused = (uint64_t)refused;
	return true;
}
