/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Puts a message for the peer's lbd into the log, as a memo of this kind (proto/memo.h).  News is
 * acknowledged when the standby's lbd has it; what is only repeated holds nothing up.
 */
#ifndef CASPAIR_TELL_H
#define CASPAIR_TELL_H

#include <stdbool.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

struct dataplane;

/* What cannot be told now is told with the next announcement. */
void tell(struct dataplane *plane, uint8_t kind, bool news, const ProtobufCMessage *message);

#endif
