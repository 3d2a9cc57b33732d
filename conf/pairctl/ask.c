// SPDX-License-Identifier: BSD-2-Clause
/*
 * From a verb to a daemon and back, and the one way in which errors are told.
 */
#include "conf/conf.h"
#include "conf/ctl.h"
#include "conf/pairctl/pairctl.h"
#include "conf/pairctl/text.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void socket_path(const struct pairctl *ctl, const char *daemon, char path[PAIRCTL_PATH])
{
	snprintf(path, PAIRCTL_PATH, "%s/%s.sock", ctl->run_dir, daemon);
}

struct keeper {
	const struct pairctl *ctl;
	ask_more *more;
	uint8_t *parts;
	size_t length;
};

/*
 * The link hands out borrowed messages; a verb wants to keep its one answer.  A long list comes in
 * parts, which are one message when they stand one behind the other (protobuf merges them so).
 */
static void keep(void *arg, const Cas__Message *message)
{
	struct keeper *keeper = arg;
	size_t length = cas__message__get_packed_size(message);
	uint8_t *parts;

	if (message->more && keeper->more) {
		keeper->more(keeper->ctl, message);
		return;
	}
	parts = text_alloc(1, keeper->length + length + 1);
	if (keeper->length)
		memcpy(parts, keeper->parts, keeper->length);
	cas__message__pack(message, parts + keeper->length);
	free(keeper->parts);
	keeper->parts = parts;
	keeper->length += length;
}

struct messages {
	const Cas__Message *const *list;
	size_t count;
};

static int ask(const struct pairctl *ctl, const struct question *question,
	       const struct messages *messages, ask_more *more, Cas__Message **answer)
{
	struct keeper keeper = { .ctl = ctl, .more = more };
	char path[PAIRCTL_PATH];
	int error;

	socket_path(ctl, question->daemon, path);
	error = ctl_ask_parts(path, messages->list, messages->count, question->timeout_ms, keep,
			      &keeper);
	*answer = error ? NULL : cas__message__unpack(NULL, keeper.length, keeper.parts);
	free(keeper.parts);
	return error == 0 && !*answer ? -ENOMEM : error;
}

int ask_daemon(const struct pairctl *ctl, const struct question *question, Cas__Message **answer)
{
	return ask(ctl, question, &(struct messages){ &question->message, 1 }, NULL, answer);
}

static const char *reason(int error)
{
	switch (-error) {
	case ENOENT:
	case ECONNREFUSED:
		return "it is not running";
	case ETIMEDOUT:
		return "no answer in time";
	case EACCES:
		return "you may not ask it (be root or in group caspair)";
	case ECONNRESET:
		return "it closed the connection (are you root or in group caspair?)";
	case EPROTO:
		return "what answers is no daemon of ours";
	default:
		return strerror(-error);
	}
}

void ask_explain(const struct pairctl *ctl, const char *daemon, int error, char *text, size_t size)
{
	char path[PAIRCTL_PATH];

	socket_path(ctl, daemon, path);
	snprintf(text, size, "%s does not answer at %s: %s", daemon, path, reason(error));
}

void answer_print(const ProtobufCMessage *message, FILE *out)
{
	conf_print_json(message, out);
	fputc('\n', out);
}

int ask_fail(const struct pairctl *ctl, int status, const char *text)
{
	Answer__Error error = ANSWER__ERROR__INIT;

	if (!ctl->json) {
		fputs(status == PAIRCTL_REFUSED ? "refused: " : "pairctl: ", stderr);
		text_clean(text, stderr);
		fputc('\n', stderr);
		return status;
	}
	error.schema = ANSWER_SCHEMA;
	error.error = text_format("%s", text);
	error.exit_status = (uint32_t)status;
	answer_print(&error.base, stdout);
	free(error.error);
	return status;
}

int pairctl_usage(const char *format, ...)
{
	va_list arguments;

	fputs("pairctl: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputs("; see: pairctl help\n", stderr);
	return PAIRCTL_USAGE;
}

const char *ask_who(void)
{
	const char *name = geteuid() == 0 ? getenv("SUDO_USER") : NULL;
	const struct passwd *entry = name && *name ? NULL : getpwuid(getuid());

	if (entry)
		name = entry->pw_name;
	return name && *name ? name : "unknown";
}

int ask_refusal(const Cas__Message *answer)
{
	uint32_t code = answer->has_error_code ? answer->error_code : PAIRCTL_PROBLEM;

	return code >= PAIRCTL_PROBLEM && code <= PAIRCTL_DISAGREES ? (int)code : PAIRCTL_PROBLEM;
}

int ask_parts(const struct pairctl *ctl, const struct question *question,
	      const Cas__Message *const *list, size_t count, ask_more *more, Cas__Message **answer)
{
	char text[PAIRCTL_PATH + 128];
	int error = ask(ctl, question, &(struct messages){ list, count }, more, answer);

	if (error == 0)
		return PAIRCTL_DONE;
	ask_explain(ctl, question->daemon, error, text, sizeof(text));
	return ask_fail(ctl, PAIRCTL_UNREACHABLE, text);
}

int ask_long(const struct pairctl *ctl, const struct question *question, ask_more *more,
	     Cas__Message **answer)
{
	int status = ask_parts(ctl, question, &question->message, 1, more, answer);

	if (status != PAIRCTL_DONE || !(*answer)->error)
		return status;
	status = ask_fail(ctl, ask_refusal(*answer), (*answer)->error);
	cas__message__free_unpacked(*answer, NULL);
	*answer = NULL;
	return status;
}

int ask_or_fail(const struct pairctl *ctl, const struct question *question, Cas__Message **answer)
{
	return ask_long(ctl, question, NULL, answer);
}
