// SPDX-License-Identifier: BSD-2-Clause
/* What every RPC server tells of itself (C706, appendix Q). */
#include "tests/casmock/service.h"

static uint32_t inquire_interfaces(struct call *call)
{
	const struct interface *const *interface = call->service->interface;
	uint32_t count = 0;

	while (interface[count])
		count++;
	write32(call->out, 1); /* pointer to the vector */
	write32(call->out, count);
	write32(call->out, count);
	for (uint32_t i = 0; i < count; i++)
		write32(call->out, i + 2); /* pointers to its elements */
	for (uint32_t i = 0; i < count; i++)
		write_syntax(call->out, interface[i]->syntax);
	write32(call->out, 0); /* status */
	return 0;
}

static uint32_t is_server_listening(struct call *call)
{
	write32(call->out, 0); /* status */
	write32(call->out, 1); /* yes */
	return 0;
}

static handler *const operations[] = { inquire_interfaces, NULL, is_server_listening };

const struct interface interface_management = { "management", &syntax_management, operations,
						sizeof(operations) / sizeof(operations[0]) };
