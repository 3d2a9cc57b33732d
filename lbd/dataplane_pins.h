/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lies pinned in the directory of the data plane: each map under its own name, and what holds
 * the programs on the interfaces (lbd/hook.h).  A map that is to take another's place is
 * `next-NAME` until then.  The pin `next-commit` says that packets may go by those already.
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

#define PINS_NEXT   "next-"
#define PINS_COMMIT "next-commit"

/* The layout of the `control` pinned under a name: 0 when it was never completed, -ENOENT without
 * one. */
int pins_layout(const char *dir, const char *name, uint32_t *layout);

/* The form of a map. */
struct pins_form {
	uint32_t type, key, value, entries, flags;
};

/* A descriptor of a pinned map and its form, or a negative errno. */
int pins_open(const char *dir, const char *name, struct pins_form *form);
bool pins_exists(const char *dir, const char *name);

/* Pins a map under another name; 0 or a negative errno. */
int pins_mark(const char *dir, const char *name, int map);

/* next-NAME becomes NAME, whose map goes. */
int pins_replace(const char *dir, const char *name);

/* Takes away every next-NAME; the word of commitment first. */
void pins_forget(const char *dir);

#endif
