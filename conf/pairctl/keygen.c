/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf/key.h"
#include "conf/pairctl/pairctl.h"
#include "conf/pairctl/text.h"

#include <stdlib.h>

static int show_key(const char *path, char text[SEAL_KEY_TEXT], char why[KEY_WHY])
{
	struct seal_keypair *pair;
	int error = key_read(&pair, path, why);

	if (error < 0)
		return error;
	seal_public_print(text, pair->public);
	key_free(pair);
	return 0;
}

static void print_json(const struct pairctl *ctl, const char *path, char text[SEAL_KEY_TEXT])
{
	Answer__Key answer = ANSWER__KEY__INIT;
	char *file = text_format("%s", path);

	answer.schema = ANSWER_SCHEMA;
	answer.node = ctl->arguments > 0 ? ctl->argument[0] : NULL;
	answer.public_key = text;
	answer.key_file = file;
	answer_print(&answer.base, stdout);
	free(file);
}

/* The line for pair.conf goes to stdout, so that it can be appended; advice goes to stderr. */
static void print_line(const struct pairctl *ctl, const char *path, const char *text)
{
	if (ctl->promote)
		fprintf(stderr,
			"%s.next is %s now, the key before it is gone\n"
			"in pair.conf, in place of public-key and next-public-key:\n",
			path, path);
	else if (!ctl->show)
		fprintf(stderr, "wrote the secret key to %s\n", path);
	if (!ctl->promote && ctl->arguments > 0)
		fprintf(stderr, "in pair.conf, in the block \"node %s\":\n", ctl->argument[0]);
	printf("%s  %s\n", ctl->next ? "next-public-key" : "public-key", text);
}

/* Nothing of it is printed: it is the same on both nodes, and goes from file to file. */
static int create_psk(const struct pairctl *ctl)
{
	char path[PATH_MAX], why[KEY_WHY];

	if (ctl->promote || ctl->next || ctl->show || ctl->json || ctl->arguments)
		return pairctl_usage("keygen --psk goes with --key only");
	if (key_create_psk(ctl->key, path, why) < 0)
		return ask_fail(ctl, PAIRCTL_PROBLEM, why);
	fprintf(stderr, "wrote the shared secret to %s: copy it to the other node\n", path);
	printf("psk  yes\n");
	return PAIRCTL_DONE;
}

int keygen_run(const struct pairctl *ctl)
{
	char text[SEAL_KEY_TEXT], why[KEY_WHY];
	char *path = text_format("%s%s", ctl->key, ctl->next ? ".next" : "");
	int error, status = PAIRCTL_DONE;

	if (ctl->psk) {
		free(path);
		return create_psk(ctl);
	}
	if (ctl->promote && (ctl->next || ctl->show)) {
		free(path);
		return pairctl_usage("keygen --promote goes with neither --next nor --show");
	}
	if (ctl->promote)
		error = key_promote(path, text, why);
	else
		error = ctl->show ? show_key(path, text, why) : key_create(path, text, why);
	if (error < 0)
		status = ask_fail(ctl, PAIRCTL_PROBLEM, why);
	else if (ctl->json)
		print_json(ctl, path, text);
	else
		print_line(ctl, path, text);
	free(path);
	return status;
}
