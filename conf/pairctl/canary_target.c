// SPDX-License-Identifier: BSD-2-Clause
#include "conf/pairctl/canary.h"

#include <stdlib.h>
#include <string.h>

bool canary_target_read(const char *text, struct canary_target *target)
{
	const char *colon = strrchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : 0;
	unsigned long port;
	char *end;

	if (length > 2 && text[0] == '[' && text[length - 1] == ']') {
		text++;
		length -= 2;
	} else if (memchr(text, ':', length)) {
		return false;
	}
	if (length == 0 || memchr(text, '[', length) || length >= sizeof(target->host) ||
	    colon[1] < '1' || colon[1] > '9')
		return false;
	port = strtoul(colon + 1, &end, 10);
	if (*end || port > UINT16_MAX)
		return false;
	memcpy(target->host, text, length);
	target->host[length] = '\0';
	target->port = (uint16_t)port;
	return true;
}
