/* SPDX-License-Identifier: BSD-2-Clause */
/* Which texts a bundle may hold: they become file names, log lines and what a terminal shows. */
#ifndef CASPAIR_BUNDLE_TEXT_H
#define CASPAIR_BUNDLE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#define BUNDLE_NUMBER_MAX (UINT64_C(1) << 53) /* what JSON's readers can hold */

/* Letters, digits and . _ - , not beginning with a dot; shorter than BUNDLE_FILE_NAME. */
bool bundle_name_first(const char *name);
/* The same, or two such with a slash between them. */
bool bundle_name_included(const char *name);
bool bundle_name_pair(const char *name);
/* UTF-8 in one line, nothing that moves a cursor; shorter than BUNDLE_TEXT. */
bool bundle_text_good(const char *text);

#endif
