// SPDX-License-Identifier: BSD-2-Clause
/*
 * The checks of HTTP and HTTPS: a GET of each path, one after the other, each over a connection of
 * its own, and the status that came.  The body is waited for as far as WEB_BODY: a server that
 * stops in the midst of an answer does not serve.
 */
#include "lbd/check/web.h"

struct http_state {
	struct web_transfer transfer;
	uint32_t path;
};

static enum health_outcome begin(struct probe *probe)
{
	struct http_state *http = probe->state;

	probe->trace.path = (uint16_t)http->path;
	probe->trace.status = 0;
	return web_begin(&http->transfer, probe->web->path[http->path]);
}

/* Who asks for a name and a password serves. */
static bool is_wanted(const struct health_web *web, long status)
{
	if (web->status)
		return status == (long)web->status;
	return (status >= 200 && status < 400) || status == 401;
}

static enum health_outcome judge(struct web_transfer *transfer, CURLcode code)
{
	struct probe *probe = transfer->probe;
	enum health_outcome outcome;
	long status = 0;

	if (code == CURLE_WRITE_ERROR && transfer->body > WEB_BODY)
		code = CURLE_OK; /* that was enough */
	web_measure(transfer);
	outcome = web_outcome(transfer, code);
	if (outcome != HEALTH_OK)
		return outcome;
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	probe->trace.status = (uint16_t)status;
	return is_wanted(probe->web, status) ? HEALTH_OK : HEALTH_BAD_STATUS;
}

static void on_done(struct web_transfer *transfer, CURLcode code)
{
	struct probe *probe = transfer->probe;
	struct http_state *http = probe->state;
	enum health_outcome outcome = judge(transfer, code);

	web_end(transfer);
	if (outcome == HEALTH_OK && ++http->path < probe->web->paths)
		outcome = begin(probe);
	if (outcome != HEALTH_UNKNOWN)
		probe->room->done(probe, outcome);
}

static enum health_outcome http_start(struct probe *probe)
{
	struct http_state *http = probe->state;

	if (!probe->web)
		return HEALTH_FAULT;
	http->transfer.probe = probe;
	http->transfer.done = on_done;
	http->transfer.tls = probe->order.probe == HEALTH_HTTPS;
	http->path = 0;
	return begin(probe);
}

static enum health_outcome http_late(struct probe *probe)
{
	const struct http_state *http = probe->state;

	return web_late(&http->transfer);
}

static void http_stop(struct probe *probe)
{
	struct http_state *http = probe->state;

	web_end(&http->transfer);
}

const struct probe_ops probe_web = {
	.name = "http",
	.state_bytes = sizeof(struct http_state),
	.start = http_start,
	.late = http_late,
	.stop = http_stop,
};
