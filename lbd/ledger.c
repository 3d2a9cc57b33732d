// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/ledger.h"

#include <stdlib.h>
#include <string.h>

void ledger_free(struct ledger *ledger)
{
	free(ledger->row);
	ledger->row = NULL;
	ledger->count = 0;
}

struct ledger_row *ledger_find(const struct ledger *ledger, const char *array, const char *name)
{
	for (size_t i = 0; i < ledger->count; i++)
		if (!strcmp(ledger->row[i].array, array) && !strcmp(ledger->row[i].name, name))
			return &ledger->row[i];
	return NULL;
}

struct ledger_row *ledger_add(struct ledger *ledger, const char *array, const char *name)
{
	struct ledger_row *more, *row;

	if (strlen(array) >= LEDGER_NAME || strlen(name) >= LEDGER_NAME)
		return NULL;
	more = realloc(ledger->row, (ledger->count + 1) * sizeof(*more));
	if (!more)
		return NULL;
	ledger->row = more;
	row = &ledger->row[ledger->count++];
	*row = (struct ledger_row){ 0 };
	strcpy(row->array, array);
	strcpy(row->name, name);
	return row;
}

void ledger_prune(struct ledger *ledger, bool (*keep)(void *arg, const struct ledger_row *row),
		  void *arg)
{
	size_t kept = 0;

	for (size_t i = 0; i < ledger->count; i++)
		if (keep(arg, &ledger->row[i]))
			ledger->row[kept++] = ledger->row[i];
	ledger->count = kept;
}

void ledger_read(struct ledger_row *row, unsigned int node, const uint64_t now[LEDGER_MOST])
{
	for (unsigned int v = 0; v < LEDGER_MOST; v++) {
		row->of[node][v] += now[v] < row->seen[v] ? now[v] : now[v] - row->seen[v];
		row->seen[v] = now[v];
	}
}

bool ledger_merge(struct ledger *ledger, const Cas__Count *count)
{
	struct ledger_row *row = ledger_find(ledger, count->array, count->member);

	if (!row || !count->node || count->node > LEDGER_NODES || !count->n_value)
		return false;
	for (unsigned int v = 0; v < ledger->values && v < count->n_value; v++)
		if (count->value[v] > row->of[count->node - 1][v])
			row->of[count->node - 1][v] = count->value[v];
	return true;
}

void ledger_write(const struct ledger *ledger, Cas__Count *count, struct ledger_row *row,
		  unsigned int node)
{
	cas__count__init(count);
	count->node = node + 1;
	count->array = row->array;
	count->member = row->name;
	count->n_value = ledger->values;
	count->value = row->of[node];
}

uint64_t ledger_total(const struct ledger_row *row, unsigned int value)
{
	return row->of[0][value] + row->of[1][value];
}
