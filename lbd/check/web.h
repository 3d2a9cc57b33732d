/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libcurl in the child's loop.  Nothing of it is ever waited for: no name is resolved (the member's
 * address is at hand), no proxy is asked, no redirect followed, no connection kept.
 */
#ifndef CASPAIR_WEB_H
#define CASPAIR_WEB_H

#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

#include "lbd/check/probe.h"

/* More than that of headers is no answer; more of a body is not waited for. */
enum { WEB_HEADERS = 64 << 10, WEB_BODY = 64 << 10 };

/* One request, or one connection with TLS. */
struct web_transfer {
	struct probe *probe;
	/* It has ended, by itself; called outside of libcurl. */
	void (*done)(struct web_transfer *transfer, CURLcode code);
	bool tls;
	bool told; /* that there is no way to check */
	CURL *easy;
	struct curl_slist *to;
	uint64_t began_us, connected_us; /* the latter 0 until it is */
	uint32_t headers, body; /* bytes that came */
};

/* NULL: no memory. */
struct web *web_open(struct ev_loop *loop);
void web_close(struct web *web);

/*
 * Begins a request for `path`, or with NULL a connection that others will talk on.  The caller has
 * set `probe`, `done` and `tls`.  HEALTH_UNKNOWN, or HEALTH_FAULT.
 */
enum health_outcome web_begin(struct web_transfer *transfer, const char *path);
/* Gives everything back, from whatever state. */
void web_end(struct web_transfer *transfer);

/* Brings the probe's trace up to date: what each step took, and which one is under way. */
void web_measure(const struct web_transfer *transfer);

/* What the end of a transfer says about the member, before its status is looked at. */
enum health_outcome web_outcome(struct web_transfer *transfer, CURLcode code);

/* The same of a transfer whose time is over. */
enum health_outcome web_late(const struct web_transfer *transfer);

/* For web_begin(): hands a prepared transfer to the loop. */
bool web_add(struct web *web, struct web_transfer *transfer);
void web_remove(struct web *web, struct web_transfer *transfer);

#endif
