// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/tell.h"

#include "proto/memo.h"
#include "conf/log.h"
#include "lbd/dataplane.h"

void tell(struct dataplane *plane, uint8_t kind, bool news, const ProtobufCMessage *message)
{
	struct flow_event part[MEMO_PARTS];
	uint8_t bytes[MEMO_BYTES];
	size_t parts;

	if (protobuf_c_message_get_packed_size(message) > sizeof(bytes)) {
		log_error("a word to the peer is too long"); /* never: all of it is bounded */
		return;
	}
	parts = memo_cut(part, kind, news, bytes, protobuf_c_message_pack(message, bytes));
	for (size_t i = 0; i < parts; i++) {
		part[i].epoch = (uint32_t)plane->lease->epoch;
		if (dataplane_emit(plane, &part[i]))
			log_debug("a word to the peer was not put into the log");
	}
}
