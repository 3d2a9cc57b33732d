/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small files of the state directory: whole or not at all, whatever dies in between.  One holds
 * one message.
 */
#ifndef CASPAIR_KEEP_H
#define CASPAIR_KEEP_H

#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

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

/*
 * The same with a message, and what goes wrong is logged.  NULL also where there is none yet, which
 * is not logged; `else_what` tells people what follows from a file that cannot be read.  The caller
 * frees the message.
 */
int keep_save(const char *dir, const char *name, const ProtobufCMessage *message);
ProtobufCMessage *keep_load(const char *dir, const char *name,
			    const ProtobufCMessageDescriptor *type, const char *else_what);

#endif
