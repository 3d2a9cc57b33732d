/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small files of the state directory: whole or not at all, whatever dies in between.  One holds
 * one message.
 */
#ifndef CASPAIR_KEEP_H
#define CASPAIR_KEEP_H

#include <stddef.h>
#include <stdint.h>

enum { KEEP_MAX = 1 << 20 };

/*
 * Writes DIR/NAME in place of what it was, and returns when it is on disk.  0 or a negative errno:
 * then the old one is still there.
 */
int keep_write(const char *dir, const char *name, const void *bytes, size_t size);

/*
 * The content, allocated for the caller, and its size.  -ENOENT where there is none yet, -EBADMSG
 * for what was never written like this, or another negative errno.
 */
int keep_read(const char *dir, const char *name, uint8_t **bytes, size_t *size);

#endif
