// SPDX-License-Identifier: BSD-2-Clause
#include "conf/conf.h"
#include "conf/memory.h"
#include "conf/pairctl/pairctl.h"
#include "conf/pairctl/text.h"

#include <stdlib.h>

static struct memory foretell(const struct conf *conf)
{
	return memory_plan(conf->file->forwarding->flows, conf->file->forwarding->pins, 0);
}

static void print_text(const char *file, const struct conf *conf, const struct conf_faults *faults)
{
	struct memory memory;
	char text[MEMORY_TEXT];

	conf_faults_print(faults, file, stdout);
	printf("%zu error%s, %zu warning%s", faults->errors, faults->errors == 1 ? "" : "s",
	       faults->warnings, faults->warnings == 1 ? "" : "s");
	if (conf)
		printf("; configuration %s", conf->digest_text);
	fputc('\n', stdout);
	if (!conf)
		return;
	memory = foretell(conf);
	printf("tables take %s\n", memory_print(text, &memory));
}

/* Borrows the text. */
static void fill_fault(Answer__Fault *answer, const struct conf_faults *faults,
		       const struct conf_fault *fault)
{
	answer__fault__init(answer);
	answer->severity = fault->severity == CONF_WARNING ? ANSWER__FAULT__SEVERITY__WARNING
							   : ANSWER__FAULT__SEVERITY__ERROR;
	answer->has_line = answer->has_column = fault->line > 0;
	answer->line = fault->line;
	answer->column = fault->column;
	answer->text = fault->text;
	answer->file = fault->file ? faults->file[fault->file - 1] : NULL;
}

static void fill_memory(Answer__Memory *answer, const struct conf *conf)
{
	struct memory memory = foretell(conf);

	answer->flows_bytes = memory.flows;
	answer->pins_bytes = memory.pins;
	answer->total_bytes = memory.total;
	answer->has_bound_bytes = conf->file->forwarding->has_memory_kib;
	answer->bound_bytes = (uint64_t)conf->file->forwarding->memory_kib * 1024;
}

static void print_json(const char *file, const struct conf *conf, const struct conf_faults *faults)
{
	Answer__Check answer = ANSWER__CHECK__INIT;
	Answer__Memory memory = ANSWER__MEMORY__INIT;
	Answer__Fault *fault = text_alloc(faults->count + 1, sizeof(*fault));
	Answer__Fault **list = text_alloc(faults->count + 1, sizeof(*list));
	char *name = text_format("%s", file), *digest = NULL;

	for (size_t i = 0; i < faults->count; i++) {
		fill_fault(&fault[i], faults, &faults->fault[i]);
		list[i] = &fault[i];
	}
	if (conf) {
		digest = text_format("%s", conf->digest_text);
		fill_memory(&memory, conf);
		answer.memory = &memory;
	}
	answer.schema = ANSWER_SCHEMA;
	answer.file = name;
	answer.errors = faults->errors;
	answer.warnings = faults->warnings;
	answer.config_digest = digest;
	answer.faults = list;
	answer.n_faults = faults->count;
	answer_print(&answer.base, stdout);
	free(digest);
	free(name);
	free(list);
	free(fault);
}

int check_run(const struct pairctl *ctl)
{
	const char *file = ctl->arguments > 0 ? ctl->argument[0]
			   : ctl->config      ? ctl->config
					      : "/etc/caspair/pair.conf";
	struct conf_faults faults = { 0 };
	struct conf *conf;
	bool good;

	if (ctl->arguments > 0 && ctl->config)
		return pairctl_usage("name the file once: FILE or --config FILE");
	conf = conf_read_file(file, &faults);
	good = conf && faults.errors == 0;
	if (ctl->json)
		print_json(file, conf, &faults);
	else
		print_text(file, conf, &faults);
	conf_faults_free(&faults);
	conf_free(conf);
	return good ? PAIRCTL_DONE : PAIRCTL_PROBLEM;
}
