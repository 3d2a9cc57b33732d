// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/learned.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(FLOW_MAX_ARRAYS <= 64, "a bit each");

void learned_free(struct learned *learned)
{
	free(learned->list);
	*learned = (struct learned){ 0 };
}

static size_t place_of(const struct learned *learned, const char *array, const char *member)
{
	size_t i = 0;

	while (i < learned->count && (strcmp(learned->list[i].array, array) != 0 ||
				      strcmp(learned->list[i].member, member) != 0))
		i++;
	return i;
}

const struct learned_ports *learned_find(const struct learned *learned, const char *array,
					 const char *member)
{
	size_t at = place_of(learned, array, member);

	return at < learned->count ? &learned->list[at] : NULL;
}

void learned_add(struct learned_ports *ports, uint16_t port)
{
	size_t at = 0;

	while (at < ports->ports && ports->port[at] < port)
		at++;
	if ((at < ports->ports && ports->port[at] == port) || ports->ports == LEARNED_PORTS)
		return;
	memmove(&ports->port[at + 1], &ports->port[at],
		(ports->ports - at) * sizeof(ports->port[0]));
	ports->port[at] = port;
	ports->ports++;
}

static bool same(const struct learned_ports *one, const struct learned_ports *other)
{
	return one->ports == other->ports &&
	       !memcmp(one->port, other->port, one->ports * sizeof(one->port[0]));
}

int learned_put(struct learned *learned, const struct learned_ports *ports)
{
	size_t at = place_of(learned, ports->array, ports->member);
	struct learned_ports *more;

	if (at < learned->count && same(&learned->list[at], ports))
		return 0;
	if (at == learned->count) {
		more = realloc(learned->list, (at + 1) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		learned->list = more;
		learned->count++;
	}
	learned->list[at] = *ports;
	return 1;
}

static bool take_name(char name[LEARNED_NAME], const char *from)
{
	size_t length = strlen(from);

	if (!length || length >= LEARNED_NAME)
		return false;
	memcpy(name, from, length + 1);
	return true;
}

bool learned_read(struct learned_ports *ports, const Cas__LearnedPorts *message)
{
	*ports = (struct learned_ports){ 0 };
	if (!take_name(ports->array, message->array) || !take_name(ports->member, message->member))
		return false;
	if (!message->n_port || message->n_port > LEARNED_PORTS)
		return false;
	for (size_t i = 0; i < message->n_port; i++) {
		if (!message->port[i] || message->port[i] > UINT16_MAX)
			return false;
		learned_add(ports, (uint16_t)message->port[i]);
	}
	return true;
}

void learned_write(Cas__LearnedPorts *message, const struct learned_ports *ports,
		   uint32_t number[LEARNED_PORTS])
{
	cas__learned_ports__init(message);
	message->array = (char *)(uintptr_t)ports->array;
	message->member = (char *)(uintptr_t)ports->member;
	for (size_t i = 0; i < ports->ports; i++)
		number[i] = ports->port[i];
	message->port = number;
	message->n_port = ports->ports;
}

/* --- into the tables -------------------------------------------------------------------------- */

struct openings {
	bool known;            /* of some member */
	uint8_t port[1 << 13]; /* a bit each */
};

static void gather(struct openings *openings, const struct learned *learned,
		   const Conf__Array *array)
{
	*openings = (struct openings){ 0 };
	for (size_t i = 0; i < array->n_member; i++) {
		const struct learned_ports *ports = learned_find(learned, array->name,
								 array->member[i]->name);

		for (size_t j = 0; ports && j < ports->ports; j++)
			openings->port[ports->port[j] / 8] |= (uint8_t)(1 << ports->port[j] % 8);
		openings->known |= ports != NULL;
	}
}

/* One service's ports; true when one has changed. */
static bool open_ports(struct flow_port_table *table, const Conf__Service *service,
		       const struct openings *openings)
{
	bool changed = false;

	for (size_t i = 0; i < service->n_ports; i++) {
		for (uint32_t p = service->ports[i]->first;
		     p <= service->ports[i]->last && p <= UINT16_MAX; p++) {
			bool open = !openings->known || openings->port[p / 8] >> p % 8 & 1;
			uint16_t entry = table->service[p] & (uint16_t)~FLOW_PORT_CLOSED;

			if (!open)
				entry |= FLOW_PORT_CLOSED;
			changed |= table->service[p] != entry;
			table->service[p] = entry;
		}
	}
	return changed;
}

uint64_t learned_plan(const struct learned *learned, struct plan *plan)
{
	struct openings openings;
	uint64_t changed = 0;

	for (unsigned int s = 0; s < FLOW_MAX_SERVICES; s++) {
		const Conf__Service *service = plan->service[s];
		int table = plan_vip(plan, plan_first(plan->services[s].vip));

		if (!service || table < 0 ||
		    service->pinholes != CONF__SERVICE__PINHOLES__HOW__LEARNED)
			continue;
		gather(&openings, learned, plan->array_of_service[s]);
		if (open_ports(&plan->ports[table], service, &openings))
			changed |= (uint64_t)1 << table;
	}
	return changed;
}
