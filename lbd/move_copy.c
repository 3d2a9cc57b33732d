// SPDX-License-Identifier: BSD-2-Clause
/* Maps of a former layout that are copied entry by entry. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "conf/log.h"
#include "lbd/convert.h"
#include "lbd/dataplane.h"
#include "lbd/dataplane_pins.h"

/* Written by user space alone: copied before that writes the new one. */
static bool is_config(const char *name)
{
	static const char *const names[] = { "control", "roles",   "ports",   "services", "pools",
					     "maglev",  "members", "sources", "lease" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

/* Sizes of a value in user space, where each processor may have its own. */
static size_t stride_of(const struct pins_form *form)
{
	return (form->value + 7) & ~(size_t)7;
}

static unsigned int copies_of(const struct dataplane *plane, const struct pins_form *form)
{
	bool each = form->type == BPF_MAP_TYPE_PERCPU_ARRAY ||
		    form->type == BPF_MAP_TYPE_PERCPU_HASH ||
		    form->type == BPF_MAP_TYPE_LRU_PERCPU_HASH;

	return each && plane->cpus > 0 ? (unsigned int)plane->cpus : 1;
}

struct copy {
	const struct convert_map *how;
	struct pins_form old, fresh;
	unsigned int copies;
	uint8_t *key, *from, *to;
};

static int copy_entries(const struct copy *copy, int old, int fresh)
{
	const void *last = NULL;

	while (!bpf_map_get_next_key(old, last, copy->key)) {
		last = copy->key;
		if (bpf_map_lookup_elem(old, copy->key, copy->from))
			continue; /* gone meanwhile */
		memset(copy->to, 0, copy->copies * stride_of(&copy->fresh));
		for (unsigned int i = 0; i < copy->copies; i++)
			copy->how->convert(copy->from + i * stride_of(&copy->old),
					   copy->to + i * stride_of(&copy->fresh));
		if (!bpf_map_update_elem(fresh, copy->key, copy->to, BPF_ANY))
			continue;
		if (errno != E2BIG) /* there are fewer places now */
			return -errno;
	}
	return 0;
}

static int copy_map(const struct dataplane *plane, size_t which)
{
	const char *name = plane->move.map[which].name;
	struct copy copy = { .how = convert_find(plane->move.from, name) };
	char next[MOVE_NAME + sizeof(PINS_NEXT)] = PINS_NEXT;
	int old, fresh, error;

	if (!copy.how || !copy.how->convert)
		return 0;
	strcat(next, name);
	old = pins_open(plane->move.dir, name, &copy.old);
	fresh = pins_open(plane->move.dir, next, &copy.fresh);
	copy.copies = copies_of(plane, &copy.old);
	copy.key = calloc(1, copy.old.key + 1);
	copy.from = calloc(copy.copies, stride_of(&copy.old) + 1);
	copy.to = calloc(copy.copies, stride_of(&copy.fresh) + 1);
	if (old < 0 || fresh < 0)
		error = old < 0 ? old : fresh;
	else if (!copy.key || !copy.from || !copy.to)
		error = -ENOMEM;
	else
		error = copy_entries(&copy, old, fresh);
	if (error)
		log_error("table %s cannot be copied: %s", name, strerror(-error));
	free(copy.key);
	free(copy.from);
	free(copy.to);
	if (old >= 0)
		close(old);
	if (fresh >= 0)
		close(fresh);
	return error;
}

int move_copy(const struct dataplane *plane, bool config)
{
	int error = 0;

	for (size_t i = 0; !error && i < plane->move.maps; i++) {
		const char *name = plane->move.map[i].name;

		if (!move_is_state(name) && is_config(name) == config)
			error = copy_map(plane, i);
	}
	return error;
}
