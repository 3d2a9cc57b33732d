// SPDX-License-Identifier: BSD-2-Clause
/* Whole files against golden ones, and what is derived from a configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <sodium.h>

#include "conf/conf.h"

#define DATA "tests/data/conf/"

/* Owned by the caller; a missing file fails the test. */
static char *slurp(const char *path)
{
	FILE *in = fopen(path, "r");
	char *text = calloc(1, 1 << 17);
	size_t length;

	if (!in)
		fail_msg("%s cannot be opened: run the tests from the top of the tree", path);
	length = fread(text, 1, (1 << 17) - 1, in);
	assert_true(length < (1 << 17) - 1);
	fclose(in);
	return text;
}

static char *faults_text(const struct conf_faults *faults, const char *name)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	conf_faults_print(faults, name, out);
	fclose(out);
	return text;
}

static char *canonical(const struct conf *conf)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	conf_print(conf->file, out);
	fclose(out);
	return text;
}

static struct conf *read_good(const char *text)
{
	struct conf_faults faults;
	struct conf *conf = conf_read(text, strlen(text), &faults);

	if (!conf)
		fail_msg("%s", faults_text(&faults, "text"));
	conf_faults_free(&faults);
	return conf;
}

static void expect_faults(const char *path, const char *name, const char *golden, bool good)
{
	struct conf_faults faults;
	struct conf *conf = conf_read_file(path, &faults);
	char *text = faults_text(&faults, name), *expected = slurp(golden);

	assert_string_equal(text, expected);
	assert_int_equal(conf != NULL, good);
	conf_free(conf);
	conf_faults_free(&faults);
	free(text);
	free(expected);
}

static void sample_has_no_error(void **state)
{
	(void)state;
	expect_faults("conf/dist/pair.conf", "pair.conf", DATA "sample.expected", true);
}

static void faults_are_all_named(void **state)
{
	(void)state;
	expect_faults(DATA "faults.conf", "faults.conf", DATA "faults.expected", false);
}

/* The golden file could go wrong with the code: every line that says it has a fault must have one.
 */
static void each_planted_fault_is_in_its_line(void **state)
{
	struct conf_faults faults;
	char *text = slurp(DATA "faults.conf"), *rest = text, *line;
	unsigned int number = 0, planted = 0, highest = 0;

	(void)state;
	assert_null(conf_read_file(DATA "faults.conf", &faults));
	while ((line = strsep(&rest, "\n"))) {
		char *mark = strstr(line, "# ");
		unsigned int label;
		bool found = false;

		number++;
		for (size_t i = 0; i < faults.count; i++)
			found |= faults.fault[i].severity == CONF_ERROR &&
				 faults.fault[i].line == number;
		if (!mark || sscanf(mark, "# %u:", &label) != 1) {
			if (found)
				fail_msg("line %u has a fault that nobody planted: %s", number,
					 line);
			continue;
		}
		planted++;
		highest = label;
		if (!found)
			fail_msg("line %u has no fault: %s", number, line);
	}
	assert_true(planted >= 18);
	assert_true(highest >= planted);
	assert_true(faults.errors >= highest);
	conf_faults_free(&faults);
	free(text);
}

static void canonical_is_a_fixed_point(void **state)
{
	static const char *const paths[] = { "conf/dist/pair.conf", DATA "small.conf" };

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char *text = slurp(paths[i]);
		struct conf *first = read_good(text);
		char *once = canonical(first);
		struct conf *second = read_good(once);
		char *twice = canonical(second);

		assert_string_equal(once, twice);
		assert_memory_equal(first->digest, second->digest, CONF_DIGEST_BYTES);
		conf_free(first);
		conf_free(second);
		free(text);
		free(once);
		free(twice);
	}
}

static void canonical_is_golden(void **state)
{
	char *text = slurp("conf/dist/pair.conf"), *expected = slurp(DATA "sample.canonical");
	struct conf *conf = read_good(text);
	char *printed = canonical(conf);

	(void)state;
	assert_string_equal(printed, expected);
	conf_free(conf);
	free(printed);
	free(expected);
	free(text);
}

/* JSON is printed without line breaks; the golden file has them for those who compare versions. */
static void join_lines(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++)
		if (*from != '\n')
			*to++ = *from;
	*to = '\0';
}

static void json_is_golden(void **state)
{
	char *text = slurp(DATA "small.conf"), *expected = slurp(DATA "small.json");
	struct conf *conf = read_good(text);
	char *json = NULL;
	size_t size;
	FILE *out = open_memstream(&json, &size);

	(void)state;
	conf_print_json(&conf->file->base, out);
	fclose(out);
	join_lines(json);
	join_lines(expected);
	assert_string_equal(json, expected);
	conf_free(conf);
	free(json);
	free(expected);
	free(text);
}

/* Replaces the first `from` of a text; owned by the caller. */
static char *edit(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	size_t size = strlen(text) + strlen(to) + 1;
	char *edited = malloc(size);

	assert_non_null(at);
	snprintf(edited, size, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	return edited;
}

static void digest_follows_the_meaning(void **state)
{
	static const struct {
		const char *from, *to;
		bool same;
	} edits[] = {
		{ "pair small", "pair    small # a comment", true },
		{ "vrid 7;", "advert 100ms; vrid 7; preempt no;", true },
		{ "interface eth0; track-interface eth1; vrid 7;",
		  "vrid 7; track-interface eth1; interface eth0;", true },
		{ "array one {", "sync { }\nforwarding { xdp auto }\narray one {", true },
		{ "affinity-timeout 2h", "affinity-timeout 120min", true },
		{ "ports 25, 587; affinity-group mail;",
		  "ports 25, 587; affinity-group mail; affinity-timeout 2h;", true },
		{ "on-member-down keep", "idle-timeout 7500s", true },
		{ "public-key", "priority 254; public-key", true },
		{ "vrid 7", "vrid 8", false },
		{ "ports 25, 587", "ports 587, 25", false },
		{ "weight 1 ", "weight 2 ", false },
		{ "pair small", "pair big", false },
		{ "interval 500ms", "interval 501ms", false },
		{ "backup yes", "backup no", false },
		{ "gateway 10.2.0.1\n", "\n", false },
		{ "use mail", "use mail; fqdn a.example", false },
	};
	char *text = slurp(DATA "small.conf");
	struct conf *before = read_good(text);

	(void)state;
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		char *edited = edit(text, edits[i].from, edits[i].to);
		struct conf *after = read_good(edited);
		bool same = memcmp(before->digest, after->digest, CONF_DIGEST_BYTES) == 0;

		if (same != edits[i].same)
			fail_msg("\"%s\" for \"%s\": digest is %s", edits[i].to, edits[i].from,
				 same ? "the same" : "another");
		assert_int_equal(strcmp(before->digest_text, after->digest_text) == 0, same);
		conf_free(after);
		free(edited);
	}
	assert_int_equal(strlen(before->digest_text), 12);
	conf_free(before);
	free(text);
}

/* What both nodes must agree on to replicate: while a key is exchanged they differ in that. */
static void keys_and_times_are_not_shared(void **state)
{
	static const struct {
		const char *from, *to;
		bool same;
	} edits[] = {
		{ "public-key",
		  "next-public-key cpk1_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE; public-key",
		  true },
		{ "array one {", "sync { rekey 1h; peer-timeout 3s }\narray one {", true },
		{ "array one {",
		  "operator anna { signing-key cvk1_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE }\n"
		  "array one {",
		  true },
		{ "array one {",
		  "operator anna { signing-key cvk1_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE }\n"
		  "require-operator-signature yes\n"
		  "array one {",
		  true },
		{ "vrid 7", "vrid 8", false },
		{ "weight 1 ", "weight 2 ", false },
	};
	char *text = slurp(DATA "small.conf");
	struct conf *before = read_good(text);

	(void)state;
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		char *edited = edit(text, edits[i].from, edits[i].to);
		struct conf *after = read_good(edited);
		bool same = !memcmp(before->shared_digest, after->shared_digest, CONF_DIGEST_BYTES);

		assert_memory_not_equal(before->digest, after->digest, CONF_DIGEST_BYTES);
		assert_true(conf_seed(before) == conf_seed(after));
		if (same != edits[i].same)
			fail_msg("\"%s\" for \"%s\"", edits[i].to, edits[i].from);
		conf_free(after);
		free(edited);
	}
	conf_free(before);
	free(text);
}

/* So that it does not depend on what else the reader's version knows. */
static void digest_is_of_the_canonical_text(void **state)
{
	char *text = slurp(DATA "small.conf"), *canonical = NULL;
	struct conf *conf = read_good(text);
	uint8_t digest[CONF_DIGEST_BYTES];
	size_t size;
	FILE *out = open_memstream(&canonical, &size);

	(void)state;
	assert_non_null(out);
	conf_print(conf->file, out);
	assert_int_equal(fclose(out), 0);
	crypto_generichash(digest, sizeof(digest), (const uint8_t *)canonical, size, NULL, 0);
	assert_memory_equal(conf->digest, digest, sizeof(digest));
	free(canonical);
	conf_free(conf);
	free(text);
}

static void tell_default(FILE *out, const ProtobufCMessageDescriptor *type,
			 const ProtobufCFieldDescriptor *field)
{
	const void *value = field->default_value;

	fprintf(out, "%s %s ", type->short_name, field->name);
	if (!value)
		fputs("none\n", out);
	else if (field->type == PROTOBUF_C_TYPE_STRING)
		fprintf(out, "\"%s\"\n", (const char *)value);
	else
		fprintf(out, "%u\n", *(const uint32_t *)value);
}

static void tell_defaults(FILE *out, const ProtobufCMessageDescriptor *type)
{
	for (unsigned int i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];

		if (field->label != PROTOBUF_C_LABEL_REPEATED &&
		    field->type != PROTOBUF_C_TYPE_MESSAGE)
			tell_default(out, type, field);
	}
}

/*
 * The digest does not cover them, so that a version that adds some agrees with the one before.  For
 * the same reason one that was released never changes: lines may be added here, and no more.
 */
static void defaults_stay(void **state)
{
	static const ProtobufCMessageDescriptor *const types[] = {
		&conf__config__descriptor,     &conf__vrrp__descriptor,
		&conf__sync__descriptor,       &conf__node__descriptor,
		&conf__forwarding__descriptor, &conf__profile__descriptor,
		&conf__array__descriptor,      &conf__service__descriptor,
		&conf__check__descriptor,      &conf__member__descriptor,
		&conf__web__descriptor,
	};
	char *expected = slurp(DATA "defaults"), *told = NULL;
	size_t size;
	FILE *out = open_memstream(&told, &size);

	(void)state;
	assert_non_null(out);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		tell_defaults(out, types[i]);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(told, expected);
	free(told);
	free(expected);
}

static void defaults_are_filled_in(void **state)
{
	char *text = slurp(DATA "small.conf");
	struct conf *conf = read_good(text);
	const Conf__Config *file = conf->file;
	const Conf__Array *array = file->array[0];

	(void)state;
	assert_int_equal(file->node[0]->priority, 254);
	assert_int_equal(file->node[1]->priority, 253);
	assert_true(file->node[1]->has_priority && file->vrrp->has_advert_ms);
	assert_int_equal(file->vrrp->advert_ms, 100);
	assert_int_equal(file->sync->port, 7790);
	assert_int_equal(file->forwarding->flows, 1000000);
	assert_null(file->web);
	/* The array's own service first, then its profile's. */
	assert_int_equal(array->n_service, 3);
	assert_string_equal(array->service[0]->name, "web");
	assert_string_equal(array->service[1]->name, "smtp");
	assert_string_equal(array->service[2]->name, "imaps");
	assert_int_equal(array->service[0]->affinity_timeout_ms, 3600000);
	/* Given once, it serves the group. */
	assert_int_equal(array->service[1]->affinity_timeout_ms, 7200000);
	assert_int_equal(array->service[1]->check[0]->timeout_ms, 500);
	assert_int_equal(array->service[1]->check[0]->fall, 3);
	assert_false(array->service[1]->check[0]->has_port);
	assert_int_equal(array->member[1]->weight, 10);
	assert_true(array->member[1]->has_weight && array->member[0]->has_backup);
	conf_free(conf);
	free(text);
}

/* Spelling and order of the families mean nothing; asked for, an address is of its family. */
static void addresses_of_both_families(void **state)
{
	static const char *const arrays[] = {
		"array one { vip 10.0.0.10, 2001:db8::10; gateway 2001:db8:2::1\n"
		"service s { ports 25 }\n"
		"member x { address 10.2.0.11, 2001:db8:2::11 } }\n",
		"array one { vip 2001:DB8:0::0010, 10.0.0.10; gateway 2001:db8:2:0::1\n"
		"service s { ports 25 }\n"
		"member x { address 2001:DB8:2::11, 10.2.0.11 } }\n",
	};
	const struct flow_ip vip6 = { { htonl(0x20010db8), 0, 0, htonl(0x10) } };
	char *text = slurp(DATA "small.conf"), *edited;
	struct conf *conf[2];

	(void)state;
	*strstr(text, "profile mail") = '\0';
	for (size_t i = 0; i < 2; i++) {
		const Conf__Array *array;
		struct flow_ip ip;

		assert_true(asprintf(&edited, "%s%s", text, arrays[i]) > 0);
		conf[i] = read_good(edited);
		free(edited);
		array = conf[i]->file->array[0];
		assert_true(conf_vip(array, FLOW_IPV4, &ip));
		assert_int_equal(ip.word[3], htonl(0x0a00000a));
		assert_int_equal(flow_ip_family(&ip), FLOW_IPV4);
		assert_true(conf_vip(array, FLOW_IPV6, &ip));
		assert_true(flow_ip_equal(&ip, &vip6));
		assert_false(conf_gateway(array, FLOW_IPV4, &ip));
		assert_true(flow_ip_is_none(&ip));
		assert_true(conf_gateway(array, FLOW_IPV6, &ip));
		assert_true(conf_address(array->member[0], FLOW_IPV4, &ip));
		assert_int_equal(ip.word[3], htonl(0x0a02000b));
		assert_true(conf_address(array->member[0], FLOW_IPV6, &ip));
	}
	assert_memory_equal(conf[0]->digest, conf[1]->digest, CONF_DIGEST_BYTES);
	assert_string_equal(conf[1]->file->array[0]->vip[0], "10.0.0.10");
	assert_string_equal(conf[1]->file->array[0]->vip[1], "2001:db8::10");
	conf_free(conf[0]);
	conf_free(conf[1]);
	free(text);
}

static void node_by_name(void **state)
{
	char *text = slurp(DATA "small.conf");
	struct conf *conf = read_good(text);

	(void)state;
	assert_int_equal(conf_node(conf, "a"), 1);
	assert_int_equal(conf_node(conf, "b"), 2);
	assert_int_equal(conf_node(conf, "c"), 0);
	assert_int_equal(conf_node(conf, ""), 0);
	conf_free(conf);
	free(text);
}

static void seed_is_the_pairs(void **state)
{
	char *text = slurp(DATA "small.conf");
	char *renamed = edit(text, "pair small", "pair smell");
	char *moved = edit(text, "vip 10.0.0.10", "vip 10.0.0.20");
	char *swapped = edit(text, "node a", "node c");
	struct conf *a = read_good(text), *b = read_good(renamed), *c = read_good(moved);
	struct conf *d = read_good(swapped);

	(void)state;
	assert_true(conf_seed(a) != 0);
	assert_true(conf_seed(a) != conf_seed(b));
	assert_true(conf_seed(a) == conf_seed(c));
	assert_true(conf_seed(a) == conf_seed(d));
	conf_free(a);
	conf_free(b);
	conf_free(c);
	conf_free(d);
	free(text);
	free(renamed);
	free(moved);
	free(swapped);
}

static void pool_ids_name_pools(void **state)
{
	Conf__Array one = CONF__ARRAY__INIT, two = CONF__ARRAY__INIT;
	Conf__Service service = CONF__SERVICE__INIT, grouped = CONF__SERVICE__INIT;
	Conf__Service other = CONF__SERVICE__INIT;

	(void)state;
	one.name = strdup("one");
	two.name = strdup("two");
	service.name = strdup("web");
	grouped.name = strdup("https");
	grouped.affinity_group = service.name;
	other.name = strdup("http");
	other.affinity_group = service.name;
	assert_true(conf_pool_id(&one, &service) != 0);
	assert_int_equal(conf_pool_id(&one, &service), conf_pool_id(&one, &service));
	assert_int_equal(conf_pool_id(&one, &grouped), conf_pool_id(&one, &other));
	assert_int_not_equal(conf_pool_id(&one, &service), conf_pool_id(&two, &service));
	/* A service of the name of a group is another pool. */
	assert_int_not_equal(conf_pool_id(&one, &service), conf_pool_id(&one, &grouped));
	/* The wire relies on it.  Computed with another BLAKE2b. */
	assert_int_equal(conf_pool_id(&one, &service), 0x3bf8896a);
	free(one.name);
	free(two.name);
	free(service.name);
	free(grouped.name);
	free(other.name);
}

static void expect_interfaces(const char *text, const char *expected)
{
	struct conf *conf = read_good(text);
	const char **list = conf_interfaces(conf);
	char joined[128] = "";

	for (size_t i = 0; list[i]; i++) {
		strcat(joined, list[i]);
		strcat(joined, " ");
	}
	assert_string_equal(joined, expected);
	free(list);
	conf_free(conf);
}

static void interfaces_of_the_data_plane(void **state)
{
	char *text = slurp(DATA "small.conf");
	char *twice = edit(text, "track-interface eth1", "track-interface eth0, eth2");
	char *own = edit(text, "array one", "forwarding { interface eth5, eth6 }\narray one");

	(void)state;
	expect_interfaces(text, "eth0 eth1 ");
	expect_interfaces(twice, "eth0 eth2 ");
	expect_interfaces(own, "eth5 eth6 ");
	free(text);
	free(twice);
	free(own);
}

static void expect_no_file(const char *path, const char *expected)
{
	struct conf_faults faults;

	assert_null(conf_read_file(path, &faults));
	assert_int_equal(faults.errors, 1);
	assert_int_equal(faults.fault[0].line, 0);
	assert_string_equal(faults.fault[0].text, expected);
	conf_faults_free(&faults);
	assert_int_equal(faults.count, 0);
}

static void files_that_cannot_be_read(void **state)
{
	(void)state;
	expect_no_file("/nonexistent/pair.conf", "cannot open: No such file or directory");
	expect_no_file("/", "not a regular file");
	expect_no_file("/dev/zero", "not a regular file");
}

static void text_that_is_too_long(void **state)
{
	size_t length = CONF_MAX_BYTES + 1;
	char *text = malloc(length);
	struct conf_faults faults;

	(void)state;
	memset(text, '\n', length);
	assert_null(conf_read(text, length, &faults));
	assert_int_equal(faults.errors, 1);
	assert_string_equal(faults.fault[0].text, "larger than 4194304 bytes");
	conf_faults_free(&faults);
	/* One byte less is read: what is missing is named, each once. */
	assert_null(conf_read(text, length - 1, &faults));
	assert_int_equal(faults.errors, 5);
	conf_faults_free(&faults);
	free(text);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A list of places that is searched from its start would take a second for this. */
static void long_files_are_fast(void **state)
{
	char *text = slurp(DATA "small.conf"), *long_text = NULL;
	struct conf_faults faults;
	size_t size;
	FILE *out = open_memstream(&long_text, &size);
	double started;

	(void)state;
	fprintf(out, "%s", text);
	for (unsigned int i = 0; i < 8000; i++)
		fprintf(out, "profile p%u { service s { ports %u-%u; idle-timeout 24h } }\n", i,
			1 + i, 2 + i);
	fclose(out);
	started = seconds();
	assert_null(conf_read(long_text, size, &faults));
	/* Generous: sanitizers and busy machines. */
	assert_true(seconds() - started < 2.0);
	assert_int_equal(faults.errors, 1);
	assert_non_null(strstr(faults.fault[faults.count - 1].text, "profile"));
	conf_faults_free(&faults);
	free(long_text);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sample_has_no_error),
		cmocka_unit_test(faults_are_all_named),
		cmocka_unit_test(each_planted_fault_is_in_its_line),
		cmocka_unit_test(canonical_is_a_fixed_point),
		cmocka_unit_test(canonical_is_golden),
		cmocka_unit_test(json_is_golden),
		cmocka_unit_test(digest_follows_the_meaning),
		cmocka_unit_test(keys_and_times_are_not_shared),
		cmocka_unit_test(digest_is_of_the_canonical_text),
		cmocka_unit_test(defaults_stay),
		cmocka_unit_test(defaults_are_filled_in),
		cmocka_unit_test(addresses_of_both_families),
		cmocka_unit_test(node_by_name),
		cmocka_unit_test(seed_is_the_pairs),
		cmocka_unit_test(pool_ids_name_pools),
		cmocka_unit_test(interfaces_of_the_data_plane),
		cmocka_unit_test(files_that_cannot_be_read),
		cmocka_unit_test(text_that_is_too_long),
		cmocka_unit_test(long_files_are_fast),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
