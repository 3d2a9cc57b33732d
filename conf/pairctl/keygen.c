// SPDX-License-Identifier: BSD-2-Clause
#include "conf/bundle_text.h"
#include "conf/key.h"
#include "conf/pairctl/pairctl.h"
#include "conf/pairctl/text.h"
#include "conf/sign.h"

#include <stdlib.h>

/* The public halves of a node's secret. */
struct halves {
	char channel[SEAL_KEY_TEXT], signing[SIGN_TEXT];
};

static int show_key(struct halves *halves, const char *path, char why[KEY_WHY])
{
	struct seal_keypair *pair;
	struct sign_key *key;
	int error = key_read(&pair, path, why);

	if (error < 0)
		return error;
	error = sign_key_of_node(&key, pair);
	if (error == 0) {
		seal_public_print(halves->channel, pair->public);
		sign_public_print(halves->signing, sign_key_public(key));
		sign_key_free(key);
	} else {
		snprintf(why, KEY_WHY, "out of memory");
	}
	key_free(pair);
	return error;
}

static int make_key(const struct pairctl *ctl, const char *path, char why[KEY_WHY])
{
	char text[SEAL_KEY_TEXT];

	if (ctl->promote)
		return key_promote(path, text, why);
	return ctl->show ? 0 : key_create(path, text, why);
}

static void print_json(const struct pairctl *ctl, const char *path, struct halves *halves)
{
	Answer__Key answer = ANSWER__KEY__INIT;
	char *file = text_format("%s", path);

	answer.schema = ANSWER_SCHEMA;
	answer.node = ctl->arguments > 0 ? ctl->argument[0] : NULL;
	answer.public_key = halves->channel;
	answer.signing_key = halves->signing;
	answer.key_file = file;
	answer_print(&answer.base, stdout);
	free(file);
}

/* The lines for pair.conf go to stdout, so that they can be appended; advice goes to stderr. */
static void print_lines(const struct pairctl *ctl, const char *path, const struct halves *halves)
{
	const char *next = ctl->next ? "next-" : "";

	if (ctl->promote)
		fprintf(stderr,
			"%s.next is %s now, the key before it is gone\n"
			"in pair.conf, in place of public-key and next-public-key, signing-key and "
			"next-signing-key:\n",
			path, path);
	else if (!ctl->show)
		fprintf(stderr, "wrote the secret key to %s\n", path);
	if (!ctl->promote && ctl->arguments > 0)
		fprintf(stderr, "in pair.conf, in the block \"node %s\":\n", ctl->argument[0]);
	printf("%spublic-key  %s\n%ssigning-key  %s\n", next, halves->channel, next,
	       halves->signing);
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

static int show_signer(const char *path, char text[SIGN_TEXT], char why[KEY_WHY])
{
	struct sign_key *key;
	int error = sign_key_read(&key, path, why);

	if (error < 0)
		return error;
	sign_public_print(text, sign_key_public(key));
	sign_key_free(key);
	return 0;
}

/* An operator's key lies where he wants it, beside nothing of the pair's. */
static int operator_key(const struct pairctl *ctl)
{
	Answer__OperatorKey answer = ANSWER__OPERATOR_KEY__INIT;
	char text[SIGN_TEXT], why[KEY_WHY];
	int error;

	if (ctl->promote || ctl->next || ctl->psk || ctl->arguments != 1)
		return pairctl_usage("keygen --operator NAME FILE goes with --show only");
	if (!bundle_name_pair(ctl->operator_name))
		return pairctl_usage("--operator %s: letters, digits and . _ - only",
				     ctl->operator_name);
	error = (ctl->show ? show_signer : sign_key_create)(ctl->argument[0], text, why);
	if (error < 0)
		return ask_fail(ctl, PAIRCTL_PROBLEM, why);
	if (ctl->json) {
		answer.schema = ANSWER_SCHEMA;
		answer.operator_ = text_format("%s", ctl->operator_name);
		answer.signing_key = text;
		answer.key_file = ctl->argument[0];
		answer_print(&answer.base, stdout);
		free(answer.operator_);
		return PAIRCTL_DONE;
	}
	if (!ctl->show)
		fprintf(stderr, "wrote the secret key to %s\nin pair.conf:\n", ctl->argument[0]);
	printf("operator %s { signing-key %s }\n", ctl->operator_name, text);
	return PAIRCTL_DONE;
}

static int node_key(const struct pairctl *ctl)
{
	char *path = text_format("%s%s", ctl->key, ctl->next ? ".next" : "");
	char why[KEY_WHY];
	struct halves halves;
	int error = make_key(ctl, path, why), status = PAIRCTL_DONE;

	if (error == 0)
		error = show_key(&halves, path, why);
	if (error < 0)
		status = ask_fail(ctl, PAIRCTL_PROBLEM, why);
	else if (ctl->json)
		print_json(ctl, path, &halves);
	else
		print_lines(ctl, path, &halves);
	free(path);
	return status;
}

int keygen_run(const struct pairctl *ctl)
{
	if (ctl->operator_name)
		return operator_key(ctl);
	if (ctl->psk)
		return create_psk(ctl);
	if (ctl->promote && (ctl->next || ctl->show))
		return pairctl_usage("keygen --promote goes with neither --next nor --show");
	return node_key(ctl);
}
