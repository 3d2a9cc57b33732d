/* SPDX-License-Identifier: BSD-2-Clause */
/* From a checked configuration as written to one in which everything is explicit. */
#ifndef CASPAIR_FILL_H
#define CASPAIR_FILL_H

#include <stdbool.h>

#include "schema.pb-c.h"

/*
 * Copies the profiles' services into the arrays, behind their own, and sets every default.  False:
 * no memory.
 */
bool fill_config(Conf__Config *file);

/*
 * Is this service of an array a copy from its profile?  The checks refuse a service of its own
 * under a profile's name, so the name decides.
 */
bool fill_is_copy(const Conf__Config *file, const Conf__Array *array, const Conf__Service *service);

/* NULL where the array uses none, or one that the file does not have. */
const Conf__Profile *fill_profile(const Conf__Config *file, const Conf__Array *array);

#endif
