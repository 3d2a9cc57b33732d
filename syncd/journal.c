// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MARK_NS = 5 * 1000 * 1000 };

int journal_open(struct journal *journal, size_t size)
{
	memset(journal, 0, sizeof(*journal));
	journal->ring = calloc(size, sizeof(*journal->ring));
	if (!journal->ring)
		return -ENOMEM;
	journal->size = size;
	return 0;
}

void journal_close(struct journal *journal)
{
	free(journal->ring);
	memset(journal, 0, sizeof(*journal));
}

void journal_reset(struct journal *journal)
{
	journal->head = journal->floor = 0;
	journal->marks = 0;
	if (journal->trail)
		trail_reset(journal->trail);
}

static struct journal_mark *newest_mark(struct journal *journal)
{
	return &journal->mark[(journal->marks - 1) % JOURNAL_MARKS];
}

void journal_resume(struct journal *journal, uint64_t now_ns)
{
	const struct trail *trail = journal->trail;

	journal->head = trail->head;
	journal->floor = trail_floor(trail);
	if (journal->head - journal->floor > journal->size)
		journal->floor = journal->head - journal->size;
	for (uint64_t seq = journal->floor + 1; seq <= journal->head; seq++)
		journal->ring[seq & (journal->size - 1)] =
			trail->record[seq & (trail->records - 1)];
	journal->marks++;
	*newest_mark(journal) = (struct journal_mark){ .seq = journal->floor, .ns = now_ns };
}

void journal_append(struct journal *journal, const struct flow_event *event, uint64_t now_ns)
{
	journal->head++;
	journal->ring[journal->head & (journal->size - 1)] = *event;
	if (journal->trail)
		trail_append(journal->trail, event);
	/* A mark names the first record of its 5 ms: ages come out too great rather than too small.
	 */
	if (journal->marks > 0 && now_ns - newest_mark(journal)->ns < MARK_NS)
		return;
	journal->marks++;
	*newest_mark(journal) = (struct journal_mark){ .seq = journal->head, .ns = now_ns };
}

bool journal_holds(const struct journal *journal, uint64_t seq)
{
	return seq >= journal->floor && seq <= journal->head &&
	       journal->head - seq <= journal->size;
}

size_t journal_read(const struct journal *journal, uint64_t seq, struct flow_event *out, size_t max)
{
	size_t n = 0;

	while (n < max && seq < journal->head) {
		seq++;
		out[n++] = journal->ring[seq & (journal->size - 1)];
	}
	return n;
}

uint64_t journal_age(const struct journal *journal, uint64_t seq, uint64_t now_ns)
{
	size_t oldest = journal->marks > JOURNAL_MARKS ? journal->marks - JOURNAL_MARKS : 0;
	uint64_t since = now_ns;

	if (seq >= journal->head)
		return 0;
	/* The newest mark that is not past the record; failing that, the oldest there is. */
	for (size_t i = journal->marks; i > oldest; i--) {
		const struct journal_mark *mark = &journal->mark[(i - 1) % JOURNAL_MARKS];

		since = mark->ns;
		if (mark->seq <= seq + 1)
			break;
	}
	return now_ns - since;
}
