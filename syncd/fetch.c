// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/fetch.h"

#include <stdlib.h>
#include <string.h>

void fetch_end(struct fetch *fetch)
{
	free(fetch->bytes);
	*fetch = (struct fetch){ 0 };
}

void fetch_begin(struct fetch *fetch, const struct revision *which, size_t max, uint64_t now)
{
	fetch_end(fetch);
	fetch->which = *which;
	fetch->max = max;
	fetch->heard_ns = now;
	fetch->active = true;
}

/* Room for the whole is made when its size is known, and no more than may be. */
static bool first_part(struct fetch *fetch, const struct fetch_part *part)
{
	if (part->size == 0 || part->size > fetch->max)
		return false;
	fetch->size = part->size;
	fetch->bytes = malloc(part->size);
	return fetch->bytes != NULL;
}

enum fetch_verdict fetch_take(struct fetch *fetch, const struct fetch_part *part, uint64_t now)
{
	if (!fetch->active || !revision_equal(&part->which, &fetch->which) ||
	    part->offset != fetch->have)
		return FETCH_IGNORED;
	if (!fetch->bytes && !first_part(fetch, part))
		return FETCH_BROKEN;
	if (part->size != fetch->size || part->length == 0 ||
	    part->length > fetch->size - fetch->have)
		return FETCH_BROKEN;
	memcpy(fetch->bytes + fetch->have, part->part, part->length);
	fetch->have += part->length;
	fetch->heard_ns = now;
	return fetch->have == fetch->size ? FETCH_WHOLE : FETCH_MORE;
}

bool fetch_stalled(const struct fetch *fetch, uint64_t now)
{
	return fetch->active && now - fetch->heard_ns > FETCH_PATIENCE;
}
