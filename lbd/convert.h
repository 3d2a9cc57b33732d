/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Layouts of the tables that former releases have left behind, and what becomes of their entries.
 * A change of proto/flow*.h that raises FLOW_LAYOUT adds the layout before it here, or else lbd
 * refuses to take its tables over.  Pure.
 */
#ifndef CASPAIR_CONVERT_H
#define CASPAIR_CONVERT_H

#include <stddef.h>
#include <stdint.h>

/* A map that had another form than it has now.  Those that are not named are used as they are. */
struct convert_map {
	const char *name;
	uint32_t key, value; /* their sizes in that layout */
	/* Fills in an entry of today, which is all zero; NULL: the map begins empty. */
	void (*convert)(const void *old, void *fresh);
};

struct convert_layout {
	uint32_t layout;
	const struct convert_map *map;
	size_t maps;
};

/* How to take over the tables of a layout, NULL: it is not known here. */
const struct convert_layout *convert_from(uint32_t layout);

/* What a layout says of a map, NULL: that it is as today. */
const struct convert_map *convert_find(const struct convert_layout *from, const char *name);

#endif
