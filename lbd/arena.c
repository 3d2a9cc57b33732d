// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/arena.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int arena_open(struct arena *arena, size_t size)
{
	*arena = (struct arena){ .memory = malloc(size), .size = size };
	return arena->memory ? 0 : -ENOMEM;
}

void arena_close(struct arena *arena)
{
	free(arena->memory);
	arena->memory = NULL;
}

void *arena_take(struct arena *arena, size_t size)
{
	size_t start = (arena->used + 15) & ~(size_t)15;

	if (start > arena->size || size > arena->size - start)
		return NULL;
	arena->used = start + size;
	return memset(arena->memory + start, 0, size);
}

char *arena_print(struct arena *arena, const char *format, ...)
{
	va_list args;
	char *text;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	text = length < 0 ? NULL : arena_take(arena, (size_t)length + 1);
	if (!text)
		return NULL;
	va_start(args, format);
	vsnprintf(text, (size_t)length + 1, format, args);
	va_end(args);
	return text;
}
