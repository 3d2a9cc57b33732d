/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports at which the endpoint mappers of members say that their services are.  Pure.  A member is
 * known by its names, as in lbd/admin.h.
 */
#ifndef CASPAIR_LEARNED_H
#define CASPAIR_LEARNED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lbd/plan.h"
#include "request.pb-c.h"

enum { LEARNED_NAME = 64, LEARNED_PORTS = 32 };

struct learned_ports {
	char array[LEARNED_NAME], member[LEARNED_NAME];
	uint16_t port[LEARNED_PORTS]; /* host order, ascending */
	size_t ports;
};

struct learned {
	struct learned_ports *list;
	size_t count;
};

void learned_free(struct learned *learned);

/* NULL: nothing is known of this member. */
const struct learned_ports *learned_find(const struct learned *learned, const char *array,
					 const char *member);

/* Adds a port, once, in its place; what finds no room is left out. */
void learned_add(struct learned_ports *ports, uint16_t port);

/* Puts it in place of what was known of the member: 1 when that is news, 0, or -ENOMEM. */
int learned_put(struct learned *learned, const struct learned_ports *ports);

/* From what the peer or the disk says; false: it has no meaning. */
bool learned_read(struct learned_ports *ports, const Cas__LearnedPorts *message);

/* As a message that borrows its strings, and its numbers from `number`. */
void learned_write(Cas__LearnedPorts *message, const struct learned_ports *ports,
		   uint32_t number[LEARNED_PORTS]);

/*
 * Opens and closes the ports of services with `pinholes learned` in a plan: as long as nothing is
 * known of any member of an array all of them are open, then those that any of its members is at.
 * True for each port table (bit = array) that has changed.
 */
uint64_t learned_plan(const struct learned *learned, struct plan *plan);

#endif
