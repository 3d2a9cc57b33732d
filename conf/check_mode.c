// SPDX-License-Identifier: BSD-2-Clause
/* What goes with the mode of an array, and what does not. */
#include "conf/check.h"

#include "conf/pool.h"
#include "conf/store.h"
#include "proto/addr.h"

static const char *const family_names[] = { [FLOW_IPV4] = "IPv4", [FLOW_IPV6] = "IPv6" };

/* Also of more than an array's services could choose among: conf_pool() stops there. */
static size_t pool_size(const Conf__Array *array, enum flow_family family)
{
	size_t count = 0;

	for (size_t i = 0; i < array->n_snat_pool; i++) {
		struct pool_range range;

		if (pool_read(&range, array->snat_pool[i]) &&
		    flow_ip_family(&range.first) == family)
			count += range.count;
	}
	return count;
}

static void check_pool(const struct check *c, const Conf__Array *array, enum flow_family family)
{
	size_t count = pool_size(array, family);
	struct flow_ip vip;
	char text[ADDR_TEXT];

	if (count > CONF_POOL_MAX)
		fault_error(c->faults, source_at(c->source, array, "snat_pool"),
			    "snat-pool has %zu %s addresses: an array can use %d of a family",
			    count, family_names[family], CONF_POOL_MAX);
	if (count && array->n_vip && !conf_vip(array, family, &vip))
		fault_error(c->faults, source_at(c->source, array, "snat_pool"),
			    "snat-pool has %s addresses, but the array has no %s vip",
			    family_names[family], family_names[family]);
	if (!count && array->mode == CONF__ARRAY__MODE__SNAT && conf_vip(array, family, &vip))
		fault_error(c->faults, source_at(c->source, array, "mode"),
			    "mode snat needs a snat-pool with an %s address too, since the array "
			    "has the vip %s",
			    family_names[family], addr_print_flow(text, &vip));
}

/* Members answer by it until the last session of that mode has ended. */
static void check_gateway(const struct check *c, const Conf__Array *array)
{
	char word[RULE_KEYWORD];

	if (!array->n_gateway || array->mode == CONF__ARRAY__MODE__NAT)
		return;
	fault_warning(c->faults, source_at(c->source, array, "gateway"),
		      "gateway in mode %s serves only sessions that began in mode nat",
		      store_choice(word, &array->base,
				   protobuf_c_message_descriptor_get_field_by_name(
					   &conf__array__descriptor, "mode")));
}

void check_modes(const struct check *check)
{
	for (size_t i = 0; i < check_array_count(check->file); i++) {
		const Conf__Array *array = check->file->array[i];

		check_gateway(check, array);
		for (enum flow_family f = FLOW_IPV4; f < FLOW_FAMILIES; f++)
			check_pool(check, array, f);
		if (array->n_snat_pool && array->mode == CONF__ARRAY__MODE__DSR)
			fault_warning(check->faults, source_at(check->source, array, "snat_pool"),
				      "snat-pool in mode dsr serves only sessions that began in "
				      "another mode");
	}
}
