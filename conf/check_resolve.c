// SPDX-License-Identifier: BSD-2-Clause
/* Resolvers, and whether there is anything that they could be asked. */
#include "conf/check.h"

#include "proto/addr.h"

/* One spelling is another's where addresses are equal. */
static bool same(const char *a, const char *b)
{
	struct addr left, right;

	return addr_parse(&left, a) && addr_parse(&right, b) && addr_compare(&left, &right) == 0;
}

static void check_twice(const struct check *c, const char *field, char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
			if (same(list[i], list[j])) {
				fault_error(c->faults, source_item(c->source, c->file, field, i),
					    "%s is in this list twice", list[i]);
				break;
			}
}

/* It cannot both know the name and not know it. */
static void check_sides(const struct check *c)
{
	const Conf__Config *file = c->file;

	for (size_t i = 0; i < file->n_resolve_outside; i++)
		for (size_t j = 0; j < file->n_resolve_inside; j++)
			if (same(file->resolve_outside[i], file->resolve_inside[j]))
				fault_error(c->faults,
					    source_item(c->source, file, "resolve_outside", i),
					    "%s is in resolve-inside already",
					    file->resolve_outside[i]);
}

static bool has_name(const Conf__Config *file)
{
	for (size_t i = 0; i < check_array_count(file); i++)
		if (file->array[i]->fqdn)
			return true;
	return false;
}

void check_resolvers(const struct check *c)
{
	const Conf__Config *file = c->file;
	bool inside = file->n_resolve_inside, outside = file->n_resolve_outside;

	check_twice(c, "resolve_inside", file->resolve_inside, file->n_resolve_inside);
	check_twice(c, "resolve_outside", file->resolve_outside, file->n_resolve_outside);
	check_sides(c);
	if ((inside || outside) && !has_name(file))
		fault_error(
			c->faults,
			source_at(c->source, file, inside ? "resolve_inside" : "resolve_outside"),
			"resolvers are asked for the fqdn of arrays, but no array has one");
	if (!inside && !outside && file->has_resolve_interval_ms)
		fault_error(c->faults, source_at(c->source, file, "resolve_interval_ms"),
			    "resolve-interval needs resolve-inside or resolve-outside");
}
