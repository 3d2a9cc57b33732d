/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CASPAIR_UTF8_H
#define CASPAIR_UTF8_H

#include <stddef.h>
#include <stdint.h>

/*
 * Length of the UTF-8 sequence at `at` and its code point; 0 when it is not well-formed (RFC 3629,
 * section 4: no overlong forms, no surrogates, nothing above U+10FFFF).  `at` is before `end`.
 */
size_t utf8_decode(const char *at, const char *end, uint32_t *point);

#endif
