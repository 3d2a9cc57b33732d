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

static void print_json(const struct pairctl *ctl, char text[SEAL_KEY_TEXT])
{
	Answer__Key answer = ANSWER__KEY__INIT;
	char *file = text_format("%s", ctl->key);

	answer.schema = ANSWER_SCHEMA;
	answer.node = ctl->arguments > 0 ? ctl->argument[0] : NULL;
	answer.public_key = text;
	answer.key_file = file;
	answer_print(&answer.base, stdout);
	free(file);
}

/* The line for pair.conf goes to stdout, so that it can be appended; advice goes to stderr. */
int keygen_run(const struct pairctl *ctl)
{
	char text[SEAL_KEY_TEXT], why[KEY_WHY];
	int error = ctl->show ? show_key(ctl->key, text, why) : key_create(ctl->key, text, why);

	if (error < 0)
		return ask_fail(ctl, PAIRCTL_PROBLEM, why);
	if (ctl->json) {
		print_json(ctl, text);
		return PAIRCTL_DONE;
	}
	if (!ctl->show)
		fprintf(stderr, "wrote the secret key to %s\n", ctl->key);
	if (ctl->arguments > 0)
		fprintf(stderr, "in pair.conf, in the block \"node %s\":\n", ctl->argument[0]);
	printf("public-key  %s\n", text);
	return PAIRCTL_DONE;
}
