// SPDX-License-Identifier: BSD-2-Clause
/*
 * One transfer: its options, its times, its end.  Exchange 2010 may speak nothing newer than
 * TLS 1.0, and its clients do not mind: nor does a probe, which carries no secret.
 */
#include "lbd/check/web.h"

#include <string.h>

#include "conf/log.h"
#include "proto/addr.h"

enum { URL_MAX = 2 * HEALTH_WORD + 64, TO_MAX = ADDR_TEXT + 16 };

static size_t on_header(const char *data, size_t size, size_t count, void *arg)
{
	struct web_transfer *transfer = arg;

	(void)data;
	transfer->headers += (uint32_t)(size * count);
	return transfer->headers > WEB_HEADERS ? 0 : size * count;
}

static size_t on_body(const char *data, size_t size, size_t count, void *arg)
{
	struct web_transfer *transfer = arg;

	(void)data;
	transfer->body += (uint32_t)(size * count);
	return transfer->body > WEB_BODY ? 0 : size * count;
}

static bool set_long(CURL *easy, CURLoption option, long value)
{
	return !curl_easy_setopt(easy, option, value);
}

static bool set_text(CURL *easy, CURLoption option, const char *value)
{
	return !curl_easy_setopt(easy, option, value);
}

static bool set_tls(CURL *easy, const struct health_web *web)
{
	bool good = set_long(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_0) &&
		    set_text(easy, CURLOPT_SSL_CIPHER_LIST, "DEFAULT@SECLEVEL=0") &&
		    set_long(easy, CURLOPT_SSL_SESSIONID_CACHE, 0) &&
		    set_long(easy, CURLOPT_SSL_VERIFYPEER, web->verify) &&
		    set_long(easy, CURLOPT_SSL_VERIFYHOST, web->verify ? 2 : 0);

	if (good && web->ca_file[0])
		good = set_text(easy, CURLOPT_CAINFO, web->ca_file) &&
		       set_text(easy, CURLOPT_CAPATH, NULL);
	return good;
}

/* Host and path are the configuration's; the way there is the member's address. */
static bool set_place(struct web_transfer *transfer, const char *path)
{
	const struct probe *probe = transfer->probe;
	bool six = flow_ip_family(&probe->order.addr) == FLOW_IPV6;
	char address[ADDR_TEXT], place[TO_MAX], url[URL_MAX];

	addr_print_flow(address, &probe->order.addr);
	snprintf(place, sizeof(place), six ? "[%s]" : "%s", address);
	snprintf(url, sizeof(url), "%s://%s:%u%s", transfer->tls ? "https" : "http",
		 probe->web->host[0] ? probe->web->host : place, probe->order.port,
		 path ? path : "/");
	if (!set_text(transfer->easy, CURLOPT_URL, url))
		return false;
	snprintf(url, sizeof(url), "::%s:%u", place, probe->order.port);
	transfer->to = curl_slist_append(NULL, url);
	return transfer->to && !curl_easy_setopt(transfer->easy, CURLOPT_CONNECT_TO, transfer->to);
}

/* A connection that is asked for alone has to outlive its making. */
static bool set_manners(struct web_transfer *transfer, const char *path)
{
	CURL *easy = transfer->easy;

	return set_long(easy, CURLOPT_NOSIGNAL, 1) && set_text(easy, CURLOPT_PROXY, "") &&
	       set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https") &&
	       set_long(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1) &&
	       set_text(easy, CURLOPT_USERAGENT, "caspair") &&
	       set_long(easy, CURLOPT_FRESH_CONNECT, 1) &&
	       set_long(easy, CURLOPT_FORBID_REUSE, path != NULL) &&
	       set_long(easy, CURLOPT_CONNECT_ONLY, path == NULL) &&
	       set_long(easy, CURLOPT_SSL_ENABLE_ALPN, path != NULL) &&
	       !curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) &&
	       !curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer) &&
	       !curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) &&
	       !curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
}

enum health_outcome web_begin(struct web_transfer *transfer, const char *path)
{
	struct probe_room *room = transfer->probe->room;

	if (!room->web)
		room->web = web_open(room->loop);
	if (!room->web || !transfer->probe->web)
		return HEALTH_FAULT;
	transfer->probe->mark_us = 0; /* the times are libcurl's */
	transfer->headers = transfer->body = 0;
	transfer->began_us = probe_now_us();
	transfer->connected_us = 0;
	transfer->easy = curl_easy_init();
	if (transfer->easy && set_manners(transfer, path) && set_place(transfer, path) &&
	    (!transfer->tls || set_tls(transfer->easy, transfer->probe->web)) &&
	    web_add(room->web, transfer))
		return HEALTH_UNKNOWN;
	web_end(transfer);
	return HEALTH_FAULT;
}

void web_end(struct web_transfer *transfer)
{
	if (transfer->easy) {
		web_remove(transfer->probe->room->web, transfer);
		curl_easy_cleanup(transfer->easy);
	}
	curl_slist_free_all(transfer->to);
	transfer->easy = NULL;
	transfer->to = NULL;
}

/* Of several paths the slowest counts. */
static void record(struct health_trace *trace, enum health_step step, curl_off_t us)
{
	uint32_t took = us < 0 ? 0 : us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;

	if (took > trace->step_us[step])
		trace->step_us[step] = took;
	trace->step = (uint16_t)step;
}

void web_measure(const struct web_transfer *transfer)
{
	uint64_t began = transfer->began_us;
	curl_off_t now = (curl_off_t)(probe_now_us() - began), connected = 0, secured = 0;
	struct health_trace *trace = &transfer->probe->trace;

	if (transfer->connected_us)
		connected = (curl_off_t)(transfer->connected_us - began);
	curl_easy_getinfo(transfer->easy, CURLINFO_APPCONNECT_TIME_T, &secured);
	record(trace, HEALTH_STEP_CONNECT, transfer->connected_us ? connected : now);
	if (!transfer->connected_us)
		return;
	if (transfer->tls)
		record(trace, HEALTH_STEP_TLS, (secured ? secured : now) - connected);
	if (!transfer->tls || secured)
		record(trace, HEALTH_STEP_ANSWER, now - (secured ? secured : connected));
}

static enum health_outcome on_fault(struct web_transfer *transfer, CURLcode code)
{
	const struct health_web *web = transfer->probe->web;

	if (!transfer->told)
		log_warning("check of %s, port %u: %s%s%s", web->host, transfer->probe->order.port,
			    curl_easy_strerror(code), web->ca_file[0] ? ": " : "", web->ca_file);
	transfer->told = true;
	return HEALTH_FAULT;
}

static enum health_outcome of_errno(const struct web_transfer *transfer, enum health_outcome none)
{
	long number = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &number);
	return number ? probe_outcome((int)number) : none;
}

enum health_outcome web_outcome(struct web_transfer *transfer, CURLcode code)
{
	switch (code) {
	case CURLE_OK:
		return HEALTH_OK;
	case CURLE_COULDNT_CONNECT:
		return of_errno(transfer, HEALTH_UNREACHABLE);
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_PARTIAL_FILE:
		return HEALTH_REFUSED;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CIPHER:
		return HEALTH_NO_TLS;
	case CURLE_PEER_FAILED_VERIFICATION:
		return HEALTH_BAD_CERTIFICATE;
	case CURLE_OPERATION_TIMEDOUT:
		return web_late(transfer);
	case CURLE_OUT_OF_MEMORY:
	case CURLE_FAILED_INIT:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_ENGINE_INITFAILED:
		return on_fault(transfer, code);
	default:
		return HEALTH_NO_HTTP;
	}
}

enum health_outcome web_late(const struct web_transfer *transfer)
{
	web_measure(transfer);
	return transfer->probe->trace.step == HEALTH_STEP_CONNECT ? HEALTH_TIMEOUT : HEALTH_HUNG;
}
