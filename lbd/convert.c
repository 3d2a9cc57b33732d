// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/convert.h"

#include <string.h>

#include "proto/flow.h"
#include "proto/flow_tables.h"

/* Services of layout 8 end before the sources, of which they had none. */
enum { SERVICE_8 = 52 };

/* Up to layout 9 a draft had no place for what strict services know of it. */
enum { DRAFT_9 = 112 };

/* Up to layout 10 each processor had a pace for all arrays; the value's size is the same. */
enum { ANSWER_PACE = 8 };

/* Up to layout 11 a lease ended with the peer's addresses, and no advert's interval stood in it. */
enum { LEASE_11 = 96 };

static void service_8(const void *old, void *fresh)
{
	memcpy(fresh, old, SERVICE_8);
}

/* `control` belongs to a layout in any case; lbd writes the new number when the tables are whole.
 */
static void control_8(const void *old, void *fresh)
{
	struct flow_control *control = fresh;

	memcpy(control, old, sizeof(*control));
	control->layout = 0;
	control->node = 0;
}

static void control_9(const void *old, void *fresh)
{
	struct flow_control *control = fresh;

	memcpy(control, old, sizeof(*control));
	control->layout = 0;
}

static void lease_11(const void *old, void *fresh)
{
	memcpy(fresh, old, LEASE_11);
}

/* New counters are added at the end. */
static void counter(const void *old, void *fresh)
{
	memcpy(fresh, old, sizeof(uint64_t));
}

static const struct convert_map maps_8[] = {
	{ "control", 4, sizeof(struct flow_control), control_8 },
	{ "services", 4, SERVICE_8, service_8 },
	{ "counters", 4, sizeof(uint64_t), counter },
	{ "hops", 4, sizeof(struct flow_hop), NULL }, /* twice as many now */
	{ "drafts", 4, DRAFT_9, NULL },
	{ "answer_paces", 4, ANSWER_PACE, NULL },
	{ "lease", 4, LEASE_11, lease_11 },
};

static const struct convert_map maps_9[] = {
	{ "control", 4, sizeof(struct flow_control), control_9 },
	{ "counters", 4, sizeof(uint64_t), counter },
	{ "drafts", 4, DRAFT_9, NULL },
	{ "answer_paces", 4, ANSWER_PACE, NULL },
	{ "lease", 4, LEASE_11, lease_11 },
};

static const struct convert_map maps_10[] = {
	{ "control", 4, sizeof(struct flow_control), control_9 },
	{ "counters", 4, sizeof(uint64_t), counter },
	{ "answer_paces", 4, ANSWER_PACE, NULL },
	{ "lease", 4, LEASE_11, lease_11 },
};

static const struct convert_map maps_11[] = {
	{ "control", 4, sizeof(struct flow_control), control_9 },
	{ "counters", 4, sizeof(uint64_t), counter },
	{ "lease", 4, LEASE_11, lease_11 },
};

/* Up to layout 12 `flows` was a hash of the kernel's, with keys and values as they are. */
static const struct convert_map maps_12[] = {
	{ "control", 4, sizeof(struct flow_control), control_9 },
};

static const struct convert_layout layouts[] = {
	{ 8, maps_8, sizeof(maps_8) / sizeof(maps_8[0]) },
	{ 9, maps_9, sizeof(maps_9) / sizeof(maps_9[0]) },
	{ 10, maps_10, sizeof(maps_10) / sizeof(maps_10[0]) },
	{ 11, maps_11, sizeof(maps_11) / sizeof(maps_11[0]) },
	{ 12, maps_12, sizeof(maps_12) / sizeof(maps_12[0]) },
};

const struct convert_layout *convert_from(uint32_t layout)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (layouts[i].layout == layout)
			return &layouts[i];
	return NULL;
}

const struct convert_map *convert_find(const struct convert_layout *from, const char *name)
{
	for (size_t i = 0; from && i < from->maps; i++)
		if (!strcmp(from->map[i].name, name))
			return &from->map[i];
	return NULL;
}
