// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every address of the file has one use, but for gateways and pools, which arrays may share; and
 * those of an array and its members are of the families of its VIPs.
 */
#include "conf/check.h"

#include <stdlib.h>
#include <string.h>

#include "conf/pool.h"
#include "proto/addr.h"

enum use_kind { USE_NODE, USE_SYNC, USE_VIP, USE_GATEWAY, USE_POOL, USE_MEMBER };

struct use {
	struct flow_ip addr;
	enum use_kind kind;
	struct place place;
	const char *name;  /* of the node, array or member */
	const char *array; /* of a member */
};

struct uses {
	struct use *use;
	size_t count;
	const struct check *check;
};

static void add(struct uses *uses, enum use_kind kind, const char *text, const char *name,
		struct place place)
{
	struct use use = { .kind = kind, .name = name ? name : "", .place = place };

	if (text && addr_parse_flow(&use.addr, text))
		uses->use[uses->count++] = use;
}

/* An array's addresses of one kind. */
static void add_array(struct uses *uses, enum use_kind kind, const Conf__Array *array)
{
	bool vip = kind == USE_VIP;
	size_t count = vip ? array->n_vip : array->n_gateway;

	for (size_t i = 0; i < count; i++)
		add(uses, kind, vip ? array->vip[i] : array->gateway[i], array->name,
		    source_item(uses->check->source, array, vip ? "vip" : "gateway", i));
}

static void add_pool(struct uses *uses, const Conf__Array *array)
{
	for (size_t i = 0; i < array->n_snat_pool; i++) {
		struct use use = { .kind = USE_POOL, .name = array->name ? array->name : "" };
		struct pool_range range;

		use.place = source_item(uses->check->source, array, "snat_pool", i);
		if (!pool_read(&range, array->snat_pool[i]))
			continue;
		for (uint32_t n = 0; n < range.count && n < CONF_POOL_MAX; n++) {
			use.addr = pool_address(&range, n);
			uses->use[uses->count++] = use;
		}
	}
}

static void add_member(struct uses *uses, const Conf__Array *array, const Conf__Member *member)
{
	size_t before = uses->count;

	for (size_t i = 0; i < member->n_address; i++)
		add(uses, USE_MEMBER, member->address[i], member->name,
		    source_item(uses->check->source, member, "address", i));
	for (size_t i = before; i < uses->count; i++)
		uses->use[i].array = array->name;
}

static void collect(struct uses *uses)
{
	const Conf__Config *file = uses->check->file;
	const struct conf_source *source = uses->check->source;

	for (size_t i = 0; i < file->n_node; i++) {
		const Conf__Node *node = file->node[i];

		for (size_t j = 0; j < node->n_address; j++)
			add(uses, USE_NODE, node->address[j], node->name,
			    source_item(source, node, "address", j));
		for (size_t j = 0; j < node->n_sync; j++)
			add(uses, USE_SYNC, node->sync[j], node->name,
			    source_item(source, node, "sync", j));
	}
	for (size_t i = 0; i < check_array_count(file); i++) {
		const Conf__Array *array = file->array[i];

		add_array(uses, USE_VIP, array);
		add_array(uses, USE_GATEWAY, array);
		add_pool(uses, array);
		for (size_t j = 0; j < array->n_member; j++)
			add_member(uses, array, array->member[j]);
	}
}

/* How many addresses there may be at most. */
static size_t room(const struct check *check)
{
	size_t count = 0;

	for (size_t i = 0; i < check->file->n_node; i++)
		count += check->file->node[i]->n_address + check->file->node[i]->n_sync;
	for (size_t i = 0; i < check_array_count(check->file); i++) {
		const Conf__Array *array = check->file->array[i];

		count += array->n_vip + array->n_gateway + CONF_POOL_MAX * array->n_snat_pool;
		for (size_t j = 0; j < array->n_member; j++)
			count += array->member[j]->n_address;
	}
	return count;
}

/* Equal addresses become neighbours, in the order of the file: the later one gets the blame. */
static int by_address(const void *left, const void *right)
{
	const struct use *a = left, *b = right;
	int order = memcmp(&a->addr, &b->addr, sizeof(a->addr));

	if (order)
		return order;
	return place_order(&a->place, &b->place);
}

static bool may_share(const struct use *a, const struct use *b)
{
	if (a->kind == USE_GATEWAY && b->kind == USE_GATEWAY)
		return true;
	if (a->kind == USE_POOL && b->kind == USE_POOL)
		return strcmp(a->name, b->name) != 0;
	/* A node without a cable of its own to the peer replicates over the LAN. */
	return a->kind != b->kind && a->kind <= USE_SYNC && b->kind <= USE_SYNC &&
	       strcmp(a->name, b->name) == 0;
}

static void complain(const struct check *c, const struct use *earlier, const struct use *use)
{
	static const struct {
		const char *keyword, *is;
	} words[] = {
		[USE_NODE] = { "address", "the address of node" },
		[USE_SYNC] = { "sync", "the sync address of node" },
		[USE_VIP] = { "vip", "the vip of array" },
		[USE_GATEWAY] = { "gateway", "the gateway of array" },
		[USE_POOL] = { "snat-pool", "in the snat-pool of array" },
		[USE_MEMBER] = { "address", "the address of member" },
	};
	bool twice = earlier->kind == USE_MEMBER && use->kind == USE_MEMBER;
	char text[ADDR_TEXT];

	/* Replies are turned back by (member, port): two arrays could not be told apart. */
	fault_error(c->faults, use->place, "%s %s is already %s \"%s\" (%s)%s",
		    words[use->kind].keyword, addr_print_flow(text, &use->addr),
		    words[earlier->kind].is, earlier->name,
		    fault_line(c->faults, earlier->place).text,
		    twice && !check_equal(earlier->array, use->array)
			    ? "; a server can be in one array only"
			    : "");
}

/* --- the families ----------------------------------------------------------------------------- */

static const char *const family_names[] = { [FLOW_IPV4] = "IPv4", [FLOW_IPV6] = "IPv6" };

/* One address of each family, at most; `field` is also its keyword. */
static void check_twins(const struct check *c, const void *message, const char *field,
			char *const *text, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct flow_ip ip, other;
		size_t j = 0;

		if (!addr_parse_flow(&ip, text[i]))
			continue;
		while (j < i && !(addr_parse_flow(&other, text[j]) &&
				  flow_ip_family(&other) == flow_ip_family(&ip)))
			j++;
		if (j < i)
			fault_error(c->faults, source_item(c->source, message, field, i),
				    "%s has two %s addresses, %s and %s: there may be one of each "
				    "family",
				    field, family_names[flow_ip_family(&ip)], text[j], text[i]);
	}
}

/* A client of either family may be sent to any member. */
static void check_member(const struct check *c, const Conf__Array *array,
			 const Conf__Member *member, enum flow_family family)
{
	struct flow_ip vip, ip;
	char text[ADDR_TEXT];

	/* What could not be read has been complained about. */
	if (!member->n_address || conf_address(member, family, &ip) ||
	    !conf_vip(array, family, &vip))
		return;
	fault_error(
		c->faults, source_at(c->source, member, "address"),
		"address: member \"%s\" needs an %s address too, since its array has the vip %s "
		"(%s)",
		member->name ? member->name : "", family_names[family], addr_print_flow(text, &vip),
		fault_line(c->faults, source_at(c->source, array, "vip")).text);
}

static void check_families(const struct check *c, const Conf__Array *array)
{
	struct flow_ip ip, vip;
	char text[ADDR_TEXT];

	check_twins(c, array, "vip", array->vip, array->n_vip);
	check_twins(c, array, "gateway", array->gateway, array->n_gateway);
	for (enum flow_family f = FLOW_IPV4; f < FLOW_FAMILIES; f++)
		if (array->n_vip && conf_gateway(array, f, &ip) && !conf_vip(array, f, &vip))
			fault_error(c->faults, source_at(c->source, array, "gateway"),
				    "gateway %s is of no use: the array has no %s vip",
				    addr_print_flow(text, &ip), family_names[f]);
	for (size_t i = 0; i < array->n_member; i++) {
		const Conf__Member *member = array->member[i];

		check_twins(c, member, "address", member->address, member->n_address);
		for (enum flow_family f = FLOW_IPV4; f < FLOW_FAMILIES; f++)
			check_member(c, array, member, f);
	}
}

/* One node would speak in a family in which the other is deaf. */
static void check_nodes(const struct check *c)
{
	for (size_t i = 0; i < c->file->n_node; i++) {
		const Conf__Node *node = c->file->node[i], *other;
		struct flow_ip ip;

		check_twins(c, node, "address", node->address, node->n_address);
		if (c->file->n_node != 2 || !node->n_address)
			continue;
		other = c->file->node[1 - i];
		for (enum flow_family f = FLOW_IPV4; f < FLOW_FAMILIES; f++)
			if (!conf_node_address(node, f, &ip) && conf_node_address(other, f, &ip))
				fault_error(
					c->faults, source_at(c->source, node, "address"),
					"address: node \"%s\" needs an %s address too, since node "
					"\"%s\" has one (%s)",
					node->name ? node->name : "", family_names[f],
					other->name ? other->name : "",
					fault_line(c->faults,
						   source_at(c->source, other, "address"))
						.text);
	}
}

bool check_addresses(const struct check *check)
{
	struct uses uses = { .check = check };
	size_t first = 0;

	check_nodes(check);
	for (size_t i = 0; i < check_array_count(check->file); i++)
		check_families(check, check->file->array[i]);
	uses.use = calloc(room(check) + 1, sizeof(*uses.use));
	if (!uses.use)
		return false;
	collect(&uses);
	qsort(uses.use, uses.count, sizeof(*uses.use), by_address);
	for (size_t i = 1; i < uses.count; i++) {
		if (!flow_ip_equal(&uses.use[i].addr, &uses.use[first].addr))
			first = i;
		for (size_t j = first; j < i; j++) {
			if (may_share(&uses.use[j], &uses.use[i]))
				continue;
			complain(check, &uses.use[j], &uses.use[i]);
			break;
		}
	}
	free(uses.use);
	return true;
}
