/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lies pinned in the directory of the data plane: each map under its own name, and what holds
 * the programs on the interfaces (lbd/hook.h).
 */
#ifndef CASPAIR_DATAPLANE_PINS_H
#define CASPAIR_DATAPLANE_PINS_H

#include <stdbool.h>
#include <stdint.h>

enum { PINS_PATH = 512 };

/* The path of a pin; false when it would be too long. */
bool pins_path(char path[PINS_PATH], const char *dir, const char *name);

/* Makes the directory where it is missing.  0, or a negative errno with the reason logged. */
int pins_directory(const char *dir);

/* The layout of the pinned `control`: 0 when it was never completed, -ENOENT without one. */
int pins_layout(const char *dir, uint32_t *layout);

/* The size of a pinned map, 0 where there is none. */
uint32_t pins_entries(const char *dir, const char *name);

#endif
