/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP checksums that the sender's kernel has left to its device (CHECKSUM_PARTIAL): in the frame
 * stands the sum over the pseudo header alone.  Pure.
 */
#ifndef CASPAIR_CHECKSUM_H
#define CASPAIR_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/*
 * Completes the checksum of a TCP segment in an Ethernet frame, if it was left so.  Any other one
 * stays: a packet that was damaged is to be known by it.  RFC 9293, 3.1; RFC 8200, 8.1.
 */
void checksum_complete(uint8_t *frame, size_t length);

#endif
