// SPDX-License-Identifier: BSD-2-Clause
/* What a check has found, in words. */
#include "lbd/health.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *const health_outcome_names[HEALTH_OUTCOMES] = {
	[HEALTH_UNKNOWN] = "not probed yet",
	[HEALTH_OK] = "ok",
	[HEALTH_REFUSED] = "refused",
	[HEALTH_TIMEOUT] = "timeout",
	[HEALTH_UNREACHABLE] = "unreachable",
	[HEALTH_FAULT] = "cannot probe",
	[HEALTH_HUNG] = "hung",
	[HEALTH_NOT_REGISTERED] = "not-registered",
	[HEALTH_WRONG_SERVICE] = "wrong-service",
	[HEALTH_CONGESTED] = "congested",
	[HEALTH_PORT_DRIFT] = "port-drift",
	[HEALTH_REFUSES_ANONYMOUS] = "mapper-refuses-anonymous",
	[HEALTH_NO_RPC] = "no-rpc",
	[HEALTH_UNWILLING] = "unwilling",
	[HEALTH_BAD_STATUS] = "bad-status",
	[HEALTH_NO_HTTP] = "no-http",
	[HEALTH_NO_TLS] = "tls-failed",
	[HEALTH_BAD_CERTIFICATE] = "bad-certificate",
	[HEALTH_NO_VIP] = "no-answer-for-vip",
};

static const char *const kind_names[HEALTH_KINDS] = {
	[HEALTH_TCP] = "tcp",     [HEALTH_RPC] = "rpc",   [HEALTH_SMTP] = "smtp",
	[HEALTH_IMAP] = "imap",   [HEALTH_POP3] = "pop3", [HEALTH_IMAPS] = "imaps",
	[HEALTH_POP3S] = "pop3s", [HEALTH_HTTP] = "http", [HEALTH_HTTPS] = "https",
	[HEALTH_PING] = "ping",   [HEALTH_VIP] = "vip",
};

static const char *const step_names[HEALTH_STEPS] = {
	[HEALTH_STEP_CONNECT_MAPPER] = "connect",
	[HEALTH_STEP_BIND_MAPPER] = "bind",
	[HEALTH_STEP_MAP] = "map",
	[HEALTH_STEP_CONNECT] = "connect",
	[HEALTH_STEP_BIND] = "bind",
	[HEALTH_STEP_TLS] = "tls",
	[HEALTH_STEP_ANSWER] = "answer",
};

/* A line under way: what does not fit is cut off. */
struct line {
	char *text;
	size_t used;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *line, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line->text + line->used, HEALTH_TEXT - line->used, format, arguments);
	va_end(arguments);
	line->used += length > 0 ? (size_t)length : 0;
	if (line->used >= HEALTH_TEXT)
		line->used = HEALTH_TEXT - 1;
}

/* "IPv6 tcp 25", "ping" */
static void add_name(struct line *line, const struct health_target *target, uint16_t port)
{
	add(line, "%s%s", flow_ip_family(&target->addr) == FLOW_IPV6 ? "IPv6 " : "",
	    kind_names[target->kind]);
	if (port)
		add(line, " %u", port);
}

/* ": connect 0.1, bind 0.9, map 1.1; 59531,59532: connect 0.1, bind 1.9" */
static void add_rpc_steps(struct line *line, const struct health_target *target)
{
	const struct health_trace *trace = &target->trace;
	double took[HEALTH_STEPS];

	for (int i = 0; i < HEALTH_STEPS; i++)
		took[i] = trace->step_us[i] / 1000.0;
	add(line, ": connect %.1f, bind %.1f, map %.1f; ", took[HEALTH_STEP_CONNECT_MAPPER],
	    took[HEALTH_STEP_BIND_MAPPER], took[HEALTH_STEP_MAP]);
	for (size_t i = 0; i < target->interfaces; i++)
		if (!i || trace->mapped[i] != trace->mapped[i - 1])
			add(line, "%s%u", i ? "," : "", trace->mapped[i]);
	add(line, ": connect %.1f, bind %.1f", took[HEALTH_STEP_CONNECT], took[HEALTH_STEP_BIND]);
}

/* ": connect 0.2, tls 8.1, answer 3.0"; a check of one step needs no list. */
static void add_steps(struct line *line, const struct health_target *target)
{
	static const enum health_step steps[] = { HEALTH_STEP_CONNECT, HEALTH_STEP_TLS,
						  HEALTH_STEP_ANSWER };
	const uint32_t *took = target->trace.step_us;
	const char *mark = ": ";

	if (target->kind == HEALTH_TCP || target->kind == HEALTH_PING || target->kind == HEALTH_VIP)
		return;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (!took[steps[i]])
			continue;
		add(line, "%s%s %.1f", mark, step_names[steps[i]], took[steps[i]] / 1000.0);
		mark = ", ";
	}
}

/* "rpc 135 4.1 ms: connect ...", "https 443 12.0 ms: connect ..., slow" */
static void print_good(struct line *line, const struct health_target *target)
{
	add_name(line, target, target->port);
	add(line, " %.1f ms", target->latency_us / 1000.0);
	if (target->kind == HEALTH_RPC)
		add_rpc_steps(line, target);
	else
		add_steps(line, target);
	if (health_is_slow(target))
		add(line, ", slow");
}

/* " 503 (/owa)" */
static void add_web(struct line *line, const struct health_target *target)
{
	const struct health_trace *trace = &target->trace;

	if (target->last == HEALTH_BAD_STATUS)
		add(line, " %u", trace->status);
	if (trace->path < target->web->paths && trace->step == HEALTH_STEP_ANSWER)
		add(line, " (%.60s)", target->web->path[trace->path]);
}

/* "rpc 59531 wrong-service (emsmdb)", "https 443 hung in tls after 1000 ms" */
static void print_bad(struct line *line, const struct health_target *target)
{
	const struct health_trace *trace = &target->trace;
	enum health_outcome outcome = target->last;
	char name[RPCIF_TEXT];
	bool rpc = target->kind == HEALTH_RPC && outcome != HEALTH_UNKNOWN && trace->port;

	add_name(line, target, rpc ? trace->port : target->port);
	add(line, " %s", health_outcome_names[outcome]);
	/* Of the mapper itself, or of what it was asked for? */
	if (rpc && trace->interface < target->interfaces &&
	    (trace->port != target->port || outcome == HEALTH_NOT_REGISTERED))
		add(line, " (%s)", rpcif_print(name, &target->interface[trace->interface]));
	if (target->web && (target->kind == HEALTH_HTTP || target->kind == HEALTH_HTTPS))
		add_web(line, target);
	if (outcome == HEALTH_NO_VIP)
		add(line, " (loopback adapter missing?)");
	else if (target->kind == HEALTH_VIP && outcome == HEALTH_REFUSED)
		add(line, " (not bound to the VIP?)");
	if (outcome == HEALTH_HUNG && trace->step < HEALTH_STEPS)
		add(line, " in %s after %.0f ms", step_names[trace->step],
		    trace->step_us[trace->step] / 1000.0);
}

const char *health_text(char text[HEALTH_TEXT], const struct health *health, unsigned int pool,
			unsigned int member)
{
	const struct health_target *worst = NULL;
	struct line line = { .text = text };

	text[0] = '\0';
	for (size_t i = 0; i < health->count; i++) {
		const struct health_target *target = &health->target[i];

		if (!health_concerns(target, pool, member))
			continue;
		if (!worst || (worst->last == HEALTH_OK && target->last != HEALTH_OK) ||
		    (worst->up && !target->up))
			worst = target;
	}
	if (worst && worst->last == HEALTH_OK)
		print_good(&line, worst);
	else if (worst)
		print_bad(&line, worst);
	return text;
}
