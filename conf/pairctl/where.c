// SPDX-License-Identifier: BSD-2-Clause
#include "conf/pairctl/pairctl.h"
#include "conf/pairctl/text.h"
#include "proto/addr.h"

#include <stdlib.h>

void where_print(const Cas__WhereReply *reply, FILE *out)
{
	char left[TEXT_SIZE];

	fputs("new session -> ", out);
	text_clean(reply->member, out);
	fputs(": ", out);
	text_clean(reply->because, out);
	if (reply->pool) {
		fputs(", pool ", out);
		text_clean(reply->pool, out);
	}
	if (reply->has_pin_left_ms)
		fprintf(out, ", %s left", text_duration(left, reply->pin_left_ms));
	if (reply->without_pin) {
		fputs("   (without the pin: ", out);
		text_clean(reply->without_pin, out);
		fputc(')', out);
	}
	fputc('\n', out);
}

/* strtoul() would take blanks and a minus. */
static bool parse_port(const char *text, uint32_t *port)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	*port = (uint32_t)value;
	return *text >= '0' && *text <= '9' && *end == '\0' && value >= 1 && value <= 65535;
}

static int print(const struct pairctl *ctl, const Cas__WhereRequest *request,
		 Cas__WhereReply *reply)
{
	Answer__Where answer = ANSWER__WHERE__INIT;

	if (!reply)
		return ask_fail(ctl, PAIRCTL_PROBLEM, "lbd gave no member");
	if (!ctl->json) {
		where_print(reply, stdout);
		return PAIRCTL_DONE;
	}
	answer.schema = ANSWER_SCHEMA;
	answer.client = request->client;
	answer.port = request->port;
	answer.answer = reply;
	answer_print(&answer.base, stdout);
	return PAIRCTL_DONE;
}

int where_run(const struct pairctl *ctl)
{
	Cas__WhereRequest request = CAS__WHERE_REQUEST__INIT;
	Cas__Message message = CAS__MESSAGE__INIT, *answer;
	struct question question = { "lbd", &message, PAIRCTL_WAIT_MS };
	struct addr addr;
	char *array;
	int status;

	request.client = ctl->argument[0];
	if (!addr_parse(&addr, request.client))
		return pairctl_usage("%s is not an address", request.client);
	if (!parse_port(ctl->argument[1], &request.port))
		return pairctl_usage("%s is not a port (1 to 65535)", ctl->argument[1]);
	array = ctl->array ? text_format("%s", ctl->array) : NULL;
	request.array = array;
	message.where = &request;
	status = ask_or_fail(ctl, &question, &answer);
	if (status == PAIRCTL_DONE) {
		status = print(ctl, &request, answer->where_reply);
		cas__message__free_unpacked(answer, NULL);
	}
	free(array);
	return status;
}
