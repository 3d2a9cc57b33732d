/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CASPAIR_PRINT_H
#define CASPAIR_PRINT_H

#include "conf/conf.h"

/*
 * The canonical text with every default written out: what the digest is taken of, so that two
 * versions with different defaults do not agree by accident.
 */
void print_explicit(const Conf__Config *file, FILE *out);

/* The value, or the list of values, of a field that is there, as it is written after its word. */
void print_field(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, FILE *out);

#endif
