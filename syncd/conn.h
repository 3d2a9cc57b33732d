/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One TCP connection between the two syncds: the greeting, then sealed frames.
 *
 *	u16 length LE | sealed bytes of that length
 *
 * Anything that does not open ends the connection; so does silence.  A frame of no bytes says that
 * its sender is there: the first one proves the connecting side, others keep the silence away.
 */
#ifndef CASPAIR_SYNCD_CONN_H
#define CASPAIR_SYNCD_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ev.h>

#include "syncd/endpoint.h"
#include "syncd/greet.h"

enum {
	CONN_FRAME = SEAL_MAX_MESSAGE - SEAL_TAG,
	CONN_MAX_QUEUE = 8 << 20,
	CONN_GREET_MS = 2000,
};

enum conn_end {
	CONN_LOST = 0,  /* the other side closed, or the network did */
	CONN_DROPPED,   /* by us: stop, renewal, a fault that the session named */
	CONN_SILENT,    /* nothing heard for the peer timeout */
	CONN_SLOW,      /* the greeting took too long */
	CONN_REFUSED,   /* the greeting was refused: greet.refused says why */
	CONN_BAD_FRAME, /* altered, repeated, reordered or truncated */
	CONN_FULL,      /* does not read what we send */
	CONN_NO_MEMORY,
	CONN_REVOKED, /* its keys are no longer in the configuration */
	CONN_ENDS
};
extern const char *const conn_end_names[CONN_ENDS];

struct conn;
struct conn_ops {
	/* The greeting is over, and (listening side) the first frame proved the other side. */
	void (*ready)(struct conn *conn);
	void (*frame)(struct conn *conn, const uint8_t *bytes, size_t length);
	void (*drained)(struct conn *conn);
	/* The last call; the connection is freed afterwards. */
	void (*closed)(struct conn *conn, enum conn_end why);
};

struct conn {
	struct ev_loop *loop;
	const struct conn_ops *ops;
	void *arg;
	const struct greet_self *self;
	union endpoint from, own; /* own: once the greeting is done */
	int fd;                   /* -1: ended */
	bool connecting, ready, busy;
	unsigned int timeout_ms;
	ev_io reader, writer;
	ev_timer timer;
	uint64_t begun_ns, heard_ns, sent_ns;
	struct greet greet;
	uint8_t *in; /* one frame; allocated after the greeting */
	size_t in_used;
	uint8_t *out;
	size_t out_start, out_used, out_size;
	uint64_t bytes_sent, bytes_received;
	uint64_t frames_sent, frames_received; /* sealed, and opened; empty ones too */
};

struct conn_config {
	const struct conn_ops *ops;
	void *arg;
	const struct greet_self *self;
	unsigned int timeout_ms;
	bool initiator;    /* the socket is being connected */
	unsigned int keys; /* an initiator's: greet.keys */
};

/* Takes over the socket (non-blocking), also on failure.  NULL: no memory. */
struct conn *conn_open(struct ev_loop *loop, int fd, const union endpoint *from,
		       const struct conn_config *config);
/* Ends it; ops->closed is called. */
void conn_close(struct conn *conn, enum conn_end why);

/* Seals and queues a frame of at most CONN_FRAME bytes.  May end the connection. */
void conn_send(struct conn *conn, const uint8_t *bytes, size_t length);
size_t conn_queued(const struct conn *conn);

#endif
