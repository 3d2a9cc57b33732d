// SPDX-License-Identifier: BSD-2-Clause
#include "conf/revision.h"

#include <stdio.h>
#include <string.h>

bool revision_none(const struct revision *revision)
{
	return revision->number == 0;
}

bool revision_equal(const struct revision *a, const struct revision *b)
{
	if (a->number != b->number)
		return false;
	return a->number == 0 || memcmp(a->id, b->id, REVISION_ID) == 0;
}

const char *revision_text(char text[REVISION_TEXT], const struct revision *revision)
{
	int used;

	if (revision_none(revision))
		return "none";
	used = snprintf(text, REVISION_TEXT, "%llu (", (unsigned long long)revision->number);
	for (int i = 0; i < REVISION_DIGITS / 2; i++, used += 2)
		snprintf(text + used, REVISION_TEXT - (size_t)used, "%02x", revision->id[i]);
	text[used] = ')';
	text[used + 1] = '\0';
	return text;
}

bool lineage_has(const struct lineage *line, const struct revision *revision)
{
	uint64_t back;

	if (revision_none(revision) || revision->number > line->tip.number)
		return false;
	if (revision->number == line->tip.number)
		return revision_equal(revision, &line->tip);
	back = line->tip.number - revision->number - 1;
	return back < line->ancestors &&
	       memcmp(line->ancestor[back], revision->id, REVISION_ID) == 0;
}

void lineage_child(struct lineage *child, const struct lineage *parent,
		   const uint8_t id[REVISION_ID])
{
	*child = (struct lineage){ .tip = { .number = 1 } };
	memcpy(child->tip.id, id, REVISION_ID);
	if (!parent || revision_none(&parent->tip))
		return;
	child->tip.number = parent->tip.number + 1;
	child->ancestors = parent->ancestors < REVISION_ANCESTORS ? parent->ancestors + 1
								  : REVISION_ANCESTORS;
	memcpy(child->ancestor[0], parent->tip.id, REVISION_ID);
	memcpy(child->ancestor[1], parent->ancestor, (child->ancestors - 1) * REVISION_ID);
}

enum relation revision_relate(const struct lineage *mine, const struct lineage *theirs)
{
	if (revision_equal(&mine->tip, &theirs->tip))
		return RELATION_SAME;
	if (revision_none(&theirs->tip) || (theirs->base && !mine->base))
		return RELATION_MINE;
	if (revision_none(&mine->tip) || (mine->base && !theirs->base))
		return RELATION_THEIRS;
	if (lineage_has(mine, &theirs->tip))
		return RELATION_MINE;
	if (lineage_has(theirs, &mine->tip))
		return RELATION_THEIRS;
	return RELATION_SPLIT;
}
