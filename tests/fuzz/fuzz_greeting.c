// SPDX-License-Identifier: BSD-2-Clause
/* sources: lbd/check/greeting.c */
/* A mail server's greeting, whole and byte by byte: both readings come to the same verdict. */
#include <stdlib.h>

#include "lbd/check/greeting.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	enum health_outcome whole, pieces = HEALTH_UNKNOWN;
	struct greeting greeting;
	enum health_kind kind;

	if (length < 2)
		return 0;
	kind = (enum health_kind)(HEALTH_SMTP + data[0] % 3);
	greeting_begin(&greeting, kind);
	whole = greeting_input(&greeting, data + 1, length - 1);
	greeting_begin(&greeting, kind);
	for (size_t i = 1; i < length && pieces == HEALTH_UNKNOWN; i++)
		pieces = greeting_input(&greeting, data + i, 1);
	if (whole != pieces)
		abort();
	return 0;
}
