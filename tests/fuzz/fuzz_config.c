// SPDX-License-Identifier: BSD-2-Clause
/* sources: conf/read.c conf/scan.c conf/utf8.c conf/near.c conf/keyword.c conf/source.c */
/* sources: conf/store.c conf/value.c conf/rules.c conf/fault.c conf/fill.c conf/print.c */
/* sources: conf/check.c conf/check_address.c conf/check_array.c conf/check_advice.c */
/* sources: conf/texts.c conf/bundle_text.c conf/check_sign.c conf/check_web.c conf/check_vrrp.c conf/check_mode.c conf/check_resolve.c conf/pool.c conf/memory.c */
/* sources: conf/json.c conf/conf.c conf/rpcif.c proto/addr.c proto/seal.c gen/schema.pb-c.c */
/* Any bytes may be refused, none may hurt; what is accepted must be a fixed point of printing. */
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *print(const struct conf *conf, size_t *length)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, length);

	if (!out)
		abort();
	conf_print(conf->file, out);
	fclose(out);
	return text;
}

static void check_fixed_point(const struct conf *conf)
{
	struct conf_faults faults;
	size_t once_length, twice_length;
	char *once = print(conf, &once_length), *twice;
	struct conf *again = conf_read(once, once_length, &faults);

	if (!again)
		abort();
	twice = print(again, &twice_length);
	if (once_length != twice_length || memcmp(once, twice, once_length) != 0 ||
	    memcmp(conf->digest, again->digest, CONF_DIGEST_BYTES) != 0)
		abort();
	conf_faults_free(&faults);
	conf_free(again);
	free(once);
	free(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_faults faults;
	struct conf *conf = conf_read((const char *)data, size, &faults);
	char *out = NULL;
	size_t length;
	FILE *stream = open_memstream(&out, &length);

	if (!stream || (conf == NULL) != (faults.errors > 0))
		abort();
	conf_faults_print(&faults, "fuzz", stream);
	if (conf) {
		conf_print_json(&conf->file->base, stream);
		free(conf_interfaces(conf));
		check_fixed_point(conf);
	}
	fclose(stream);
	free(out);
	conf_faults_free(&faults);
	conf_free(conf);
	return 0;
}
