/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CASPAIR_PRINT_H
#define CASPAIR_PRINT_H

#include "conf/conf.h"

/* The value, or the list of values, of a field that is there, as it is written after its word. */
void print_field(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, FILE *out);

#endif
