// SPDX-License-Identifier: BSD-2-Clause
#include "conf/conf.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "conf/check.h"
#include "conf/fill.h"
#include "conf/print.h"
#include "conf/read.h"
#include "conf/texts.h"
#include "proto/addr.h"

static const struct place whole_file = { 0 };

static ssize_t add_bytes(void *hash, const char *bytes, size_t length)
{
	crypto_generichash_update(hash, (const unsigned char *)bytes, length);
	return (ssize_t)length;
}

/* The text runs straight into the hash: kept in memory, its end could get lost with the memory. */
static bool digest_of(uint8_t digest[CONF_DIGEST_BYTES], const Conf__Config *file)
{
	const cookie_io_functions_t sink = { .write = add_bytes };
	crypto_generichash_state hash;
	FILE *out = fopencookie(&hash, "w", sink);

	if (!out)
		return false;
	crypto_generichash_init(&hash, NULL, 0, CONF_DIGEST_BYTES);
	conf_print(file, out);
	if (fclose(out) != 0)
		return false;
	crypto_generichash_final(&hash, digest, CONF_DIGEST_BYTES);
	return true;
}

/* Keys are exchanged on one node after the other, and sessions go on being replicated meanwhile. */
static bool digest(struct conf *conf)
{
	Conf__Node node[2], *list[2] = { &node[0], &node[1] };
	Conf__Config shared = *conf->file;

	for (size_t i = 0; i < 2; i++) {
		node[i] = *conf->file->node[i];
		node[i].public_key = node[i].next_public_key = NULL;
		node[i].signing_key = node[i].next_signing_key = NULL;
	}
	shared.n_operator_ = 0;
	shared.has_require_operator_signature = false;
	shared.node = list;
	shared.sync = NULL;
	if (!digest_of(conf->digest, conf->file) || !digest_of(conf->shared_digest, &shared))
		return false;
	sodium_bin2hex(conf->digest_text, sizeof(conf->digest_text), conf->digest,
		       sizeof(conf->digest_text) / 2);
	return true;
}

static struct conf *read_whole(struct texts *texts, struct conf_faults *faults)
{
	struct conf *conf = calloc(1, sizeof(*conf));

	if (!conf)
		goto no_memory;
	conf->source = source_new();
	if (!conf->source)
		goto no_memory;
	conf->file = read_text(texts, conf->source, faults);
	if (!conf->file || !check_config(conf->file, conf->source, faults))
		goto no_memory;
	if (faults->errors == 0 && (!fill_config(conf->file) || !digest(conf)))
		goto no_memory;
	return conf;

no_memory:
	fault_error(faults, whole_file, "out of memory");
	return conf;
}

/* Of texts that are whole, or that `why` says are not; they are gone afterwards. */
static struct conf *read_all(struct texts *texts, const char *why, struct conf_faults *faults)
{
	struct conf *conf = NULL;

	*faults = (struct conf_faults){ 0 };
	if (why)
		fault_error(faults, whole_file, "%s", why);
	else
		conf = read_whole(texts, faults);
	faults_finish(faults);
	if (faults->errors) {
		conf_free(conf);
		conf = NULL;
	} else {
		conf->text = texts->list;
		conf->texts = texts->count;
		texts->list = NULL;
		texts->count = 0;
	}
	texts_free(texts);
	return conf;
}

struct conf *conf_read_texts(const struct conf_text *text, size_t count, struct conf_faults *faults)
{
	char why[TEXTS_WHY];
	struct texts texts;
	bool good = true;

	texts_init(&texts);
	for (size_t i = 0; i < count && good; i++)
		good = texts_add(&texts, text[i].name, text[i].bytes, text[i].length, why);
	return read_all(&texts, good ? NULL : why, faults);
}

struct conf *conf_read(const char *text, size_t length, struct conf_faults *faults)
{
	char why[TEXTS_WHY];
	struct texts texts;
	bool good;

	texts_init(&texts);
	good = texts_add(&texts, "pair.conf", text, length, why);
	return read_all(&texts, good ? NULL : why, faults);
}

struct conf *conf_read_file(const char *path, struct conf_faults *faults)
{
	char why[TEXTS_WHY];
	struct texts texts;
	bool good;

	texts_init(&texts);
	good = texts_open(&texts, path, why);
	return read_all(&texts, good ? NULL : why, faults);
}

void conf_free(struct conf *conf)
{
	if (!conf)
		return;
	if (conf->file)
		conf__config__free_unpacked(conf->file, NULL);
	source_free(conf->source);
	for (size_t i = 0; i < conf->texts; i++) {
		free(conf->text[i].name);
		free(conf->text[i].bytes);
	}
	free(conf->text);
	free(conf);
}

static bool find(char *const *text, size_t count, enum flow_family family, struct flow_ip *ip)
{
	for (size_t i = 0; i < count; i++)
		if (addr_parse_flow(ip, text[i]) && flow_ip_family(ip) == family)
			return true;
	*ip = (struct flow_ip){ 0 };
	return false;
}

bool conf_vip(const Conf__Array *array, enum flow_family family, struct flow_ip *ip)
{
	return find(array->vip, array->n_vip, family, ip);
}

bool conf_gateway(const Conf__Array *array, enum flow_family family, struct flow_ip *ip)
{
	return find(array->gateway, array->n_gateway, family, ip);
}

bool conf_address(const Conf__Member *member, enum flow_family family, struct flow_ip *ip)
{
	return find(member->address, member->n_address, family, ip);
}

bool conf_node_address(const Conf__Node *node, enum flow_family family, struct flow_ip *ip)
{
	return find(node->address, node->n_address, family, ip);
}

unsigned int conf_node(const struct conf *conf, const char *name)
{
	for (unsigned int i = 0; i < conf->file->n_node; i++) {
		if (strcmp(conf->file->node[i]->name, name) == 0)
			return i + 1;
	}
	return 0;
}

/* Hashes a text with its terminating NUL, so that neighbouring texts cannot run together. */
static void add_text(crypto_generichash_state *hash, const char *text)
{
	crypto_generichash_update(hash, (const unsigned char *)text, strlen(text) + 1);
}

static uint64_t end_hash(crypto_generichash_state *hash)
{
	unsigned char bytes[crypto_generichash_BYTES];
	uint64_t value = 0;

	crypto_generichash_final(hash, bytes, sizeof(bytes));
	for (unsigned int i = 0; i < sizeof(value); i++)
		value |= (uint64_t)bytes[i] << (8 * i);
	return value;
}

uint64_t conf_seed(const struct conf *conf)
{
	crypto_generichash_state hash;

	crypto_generichash_init(&hash, NULL, 0, crypto_generichash_BYTES);
	add_text(&hash, "caspair seed 2");
	add_text(&hash, conf->file->pair);
	return end_hash(&hash);
}

uint32_t conf_pool_id(const Conf__Array *array, const Conf__Service *service)
{
	const char *group = service->affinity_group;
	crypto_generichash_state hash;
	uint32_t id;

	crypto_generichash_init(&hash, NULL, 0, crypto_generichash_BYTES);
	add_text(&hash, "caspair pool 1");
	add_text(&hash, array->name);
	/* A service may have the name of a group that it is not in. */
	add_text(&hash, group ? "group" : "service");
	add_text(&hash, group ? group : service->name);
	id = (uint32_t)end_hash(&hash);
	return id ? id : 1;
}

const char **conf_interfaces(const struct conf *conf)
{
	const Conf__Forwarding *forwarding = conf->file->forwarding;
	const Conf__Vrrp *vrrp = conf->file->vrrp;
	size_t n = 0;
	const char **list = calloc(forwarding->n_interface + vrrp->n_track_interface + 2,
				   sizeof(*list));

	if (!list)
		return NULL;
	for (; n < forwarding->n_interface; n++)
		list[n] = forwarding->interface[n];
	if (n)
		return list;
	list[n++] = vrrp->interface;
	for (size_t i = 0; i < vrrp->n_track_interface; i++) {
		if (strcmp(vrrp->track_interface[i], vrrp->interface) != 0)
			list[n++] = vrrp->track_interface[i];
	}
	return list;
}
