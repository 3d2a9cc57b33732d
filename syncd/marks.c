// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/marks.h"

static struct mark *last(struct marks *marks)
{
	return &marks->mark[(marks->first + marks->count - 1) % MARKS];
}

void marks_reset(struct marks *marks)
{
	*marks = (struct marks){ .history = marks->history };
}

void marks_note(struct marks *marks, uint64_t history, uint64_t at, uint64_t seq)
{
	if (history != marks->history) {
		marks->history = history;
		marks->count = 0;
	}
	if (marks->count && last(marks)->at == at)
		return;
	/* Nothing of it was logged: who holds the former holds this. */
	if (marks->count && last(marks)->seq == seq) {
		last(marks)->at = at;
		return;
	}
	if (marks->count < MARKS)
		marks->count++;
	*last(marks) = (struct mark){ .at = at, .seq = seq };
}

bool marks_reach(struct marks *marks, uint64_t seq)
{
	uint64_t before = marks->at;
	bool known = marks->reached;

	while (marks->count && marks->mark[marks->first].seq <= seq) {
		marks->at = marks->mark[marks->first].at;
		marks->reached = true;
		/* The last one stays: what is read later may add nothing to the log. */
		if (marks->count == 1)
			break;
		marks->first = (marks->first + 1) % MARKS;
		marks->count--;
	}
	return marks->reached && (!known || marks->at != before);
}
