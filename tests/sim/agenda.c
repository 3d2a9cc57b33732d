// SPDX-License-Identifier: BSD-2-Clause
/* A heap by time; of one moment, in the order they were put there. */
#include <stdlib.h>

#include "tests/sim/sim.h"

static bool before(const struct event *a, const struct event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void agenda_put(struct agenda *agenda, struct event event)
{
	size_t i = agenda->count++;

	if (i == agenda->size) {
		agenda->size = agenda->size ? 2 * agenda->size : 256;
		agenda->heap = realloc(agenda->heap, agenda->size * sizeof(*agenda->heap));
		if (!agenda->heap)
			abort();
	}
	event.order = agenda->order++;
	for (; i > 0 && before(&event, &agenda->heap[(i - 1) / 2]); i = (i - 1) / 2)
		agenda->heap[i] = agenda->heap[(i - 1) / 2];
	agenda->heap[i] = event;
}

bool agenda_take(struct agenda *agenda, struct event *event)
{
	struct event last;
	size_t i = 0, child;

	if (!agenda->count)
		return false;
	*event = agenda->heap[0];
	last = agenda->heap[--agenda->count];
	for (; (child = 2 * i + 1) < agenda->count; i = child) {
		if (child + 1 < agenda->count &&
		    before(&agenda->heap[child + 1], &agenda->heap[child]))
			child++;
		if (!before(&agenda->heap[child], &last))
			break;
		agenda->heap[i] = agenda->heap[child];
	}
	agenda->heap[i] = last;
	return true;
}
