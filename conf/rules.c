// SPDX-License-Identifier: BSD-2-Clause
#include "conf/rules.h"

#include <ctype.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/rpcif.h"
#include "proto/flow_limits.h"

enum {
	MS_SECOND = 1000,
	MS_MINUTE = 60 * MS_SECOND,
	MS_HOUR = 60 * MS_MINUTE,
	MS_WEEK = 7 * 24 * MS_HOUR,
	TABLE_MIN = 16,
	TABLE_MAX = 1 << 24, /* about 2 GB of flows */
	LIST_MAX = 16,
	PORTS_MAX = 256,
	RESOLVERS_MAX = 4,
};

/*
 * In the order of the schema.  Limits are there to catch slips of the pen, and what the tables and
 * the timers of the daemons can hold.
 */
/* clang-format off */
static const struct rule rules[] = {
	{ &conf__config__descriptor, "format", RULE_NUMBER, .required = true, .min = 1, .max = 1 },
	{ &conf__config__descriptor, "pair", RULE_NAME, .required = true },
	{ &conf__config__descriptor, "resolve_inside", RULE_ADDRESS, .items = RESOLVERS_MAX },
	{ &conf__config__descriptor, "resolve_outside", RULE_ADDRESS, .items = RESOLVERS_MAX },
	{ &conf__config__descriptor, "resolve_interval_ms", RULE_DURATION,
	  .min = MS_SECOND, .max = 24 * MS_HOUR },

	{ &conf__node__descriptor, "name", .kind = RULE_NAME },
	{ &conf__node__descriptor, "address", RULE_NODE, .required = true, .items = LIST_MAX },
	{ &conf__node__descriptor, "sync", RULE_LOCAL, .required = true, .items = 2 },
	{ &conf__node__descriptor, "priority", RULE_NUMBER, .min = 1, .max = 254 },
	{ &conf__node__descriptor, "public_key", RULE_KEY, .required = true },
	{ &conf__node__descriptor, "next_public_key", .kind = RULE_KEY },
	{ &conf__node__descriptor, "signing_key", .kind = RULE_VERIFIER },
	{ &conf__node__descriptor, "next_signing_key", .kind = RULE_VERIFIER },

	{ &conf__operator__descriptor, "name", .kind = RULE_NAME },
	{ &conf__operator__descriptor, "signing_key", RULE_VERIFIER, .required = true },

	{ &conf__vrrp__descriptor, "interface", RULE_DEVICE, .required = true },
	{ &conf__vrrp__descriptor, "track_interface", RULE_DEVICE, .items = LIST_MAX },
	{ &conf__vrrp__descriptor, "vrid", RULE_NUMBER, .required = true, .min = 1, .max = 255 },
	/* RFC 9568, 5.2.7: twelve bits of centiseconds. */
	{ &conf__vrrp__descriptor, "advert_ms", RULE_DURATION,
	  .min = 10, .max = 40950, .step = 10 },
	{ &conf__vrrp__descriptor, "hold_after_boot_ms", RULE_DURATION, .max = MS_HOUR },
	{ &conf__vrrp__descriptor, "unicast_ttl_min", RULE_NUMBER, .min = 1, .max = 255 },
	{ &conf__vrrp__descriptor, "version", RULE_NUMBER, .min = 2, .max = 3 },

	{ &conf__vrrp__descriptor, "preempt_delay_ms", RULE_DURATION, .max = MS_HOUR },
	{ &conf__vrrp__descriptor, "witness", RULE_ADDRESS, .items = LIST_MAX },
	{ &conf__vrrp__descriptor, "fence_command", .kind = RULE_PATH },
	{ &conf__vrrp__descriptor, "fence_timeout_ms", RULE_DURATION,
	  .min = 100, .max = 10 * MS_MINUTE },

	{ &conf__sync__descriptor, "port", RULE_NUMBER, .min = 1, .max = 65535 },
	{ &conf__sync__descriptor, "path", RULE_DEVICE, .items = LIST_MAX },
	{ &conf__sync__descriptor, "peer_timeout_ms", RULE_DURATION, .min = 100, .max = MS_MINUTE },
	{ &conf__sync__descriptor, "rekey_ms", RULE_DURATION,
	  .min = MS_SECOND, .max = 24 * MS_HOUR },
	{ &conf__sync__descriptor, "verify_interval_ms", RULE_DURATION, .max = MS_WEEK },

	{ &conf__forwarding__descriptor, "interface", RULE_DEVICE, .items = LIST_MAX },
	{ &conf__forwarding__descriptor, "flows", RULE_NUMBER, .min = TABLE_MIN, .max = TABLE_MAX },
	{ &conf__forwarding__descriptor, "pins", RULE_NUMBER, .min = TABLE_MIN, .max = TABLE_MAX },
	{ &conf__forwarding__descriptor, "memory_kib", RULE_SIZE,
	  .min = 1024, .max = 1u << 30 },

	{ &conf__web__descriptor, "listen", RULE_LISTEN, .required = true },
	{ &conf__web__descriptor, "metrics", .kind = RULE_PATH },

	{ &conf__profile__descriptor, "name", .kind = RULE_NAME },

	{ &conf__array__descriptor, "name", .kind = RULE_NAME },
	{ &conf__array__descriptor, "fqdn", .kind = RULE_HOST },
	{ &conf__array__descriptor, "vip", RULE_ADDRESS, .required = true, .items = LIST_MAX },
	{ &conf__array__descriptor, "gateway", RULE_ADDRESS, .items = LIST_MAX },
	{ &conf__array__descriptor, "use", .kind = RULE_NAME },
	{ &conf__array__descriptor, "reset_rate", RULE_NUMBER, .max = 100000 },
	{ &conf__array__descriptor, "outlook_anywhere", .kind = RULE_HOST },
	{ &conf__array__descriptor, "site", .kind = RULE_NAME },
	{ &conf__array__descriptor, "snat_pool", RULE_POOL, .max = CONF_POOL_MAX,
	  .items = 2 * CONF_POOL_MAX },

	{ &conf__service__descriptor, "name", .kind = RULE_NAME },
	{ &conf__service__descriptor, "ports", RULE_PORTS, .required = true, .items = PORTS_MAX },
	{ &conf__service__descriptor, "affinity_group", .kind = RULE_NAME },
	{ &conf__service__descriptor, "affinity_timeout_ms", RULE_DURATION,
	  .min = MS_SECOND, .max = MS_WEEK },
	{ &conf__service__descriptor, "idle_timeout_ms", RULE_DURATION,
	  .min = MS_SECOND, .max = MS_WEEK },
	{ &conf__service__descriptor, "follow", .kind = RULE_NAME },
	{ &conf__service__descriptor, "max_flows_per_source", RULE_NUMBER, .max = TABLE_MAX },
	{ &conf__service__descriptor, "max_new_per_source", RULE_NUMBER, .max = FLOW_SOURCE_RATE },
	{ &conf__service__descriptor, "warn_sessions", RULE_NUMBER, .max = 1000000 },

	{ &conf__check__descriptor, "port", RULE_NUMBER, .min = 1, .max = 65535 },
	{ &conf__check__descriptor, "interval_ms", RULE_DURATION, .min = 100, .max = MS_HOUR },
	{ &conf__check__descriptor, "timeout_ms", RULE_DURATION, .min = 10, .max = MS_MINUTE },
	{ &conf__check__descriptor, "fall", RULE_NUMBER, .min = 1, .max = 100 },
	{ &conf__check__descriptor, "rise", RULE_NUMBER, .min = 1, .max = 100 },
	{ &conf__check__descriptor, "interface", RULE_RPC, .items = RPCIF_WORDS },
	{ &conf__check__descriptor, "warn_latency_ms", RULE_DURATION, .min = 1, .max = MS_MINUTE },
	{ &conf__check__descriptor, "path", RULE_PATH, .items = LIST_MAX },
	{ &conf__check__descriptor, "status", RULE_NUMBER, .min = 100, .max = 599 },
	{ &conf__check__descriptor, "silent_syns", RULE_NUMBER, .min = 1, .max = 1000 },
	{ &conf__check__descriptor, "host", .kind = RULE_HOST },
	{ &conf__check__descriptor, "ca_file", .kind = RULE_PATH },
	{ &conf__check__descriptor, "recheck_ms", RULE_DURATION, .max = MS_HOUR },

	{ &conf__member__descriptor, "name", .kind = RULE_NAME },
	{ &conf__member__descriptor, "address", RULE_ADDRESS, .required = true,
	  .items = LIST_MAX },
	{ &conf__member__descriptor, "site", .kind = RULE_NAME },
	{ &conf__member__descriptor, "weight", RULE_NUMBER, .min = 1, .max = 1000 },
	{ &conf__member__descriptor, "slow_start_ms", RULE_DURATION,
	  .min = MS_SECOND, .max = MS_HOUR },
};
/* clang-format on */

const struct rule *rule_find(const ProtobufCMessageDescriptor *message,
			     const ProtobufCFieldDescriptor *field)
{
	static const struct rule choice = { .kind = RULE_CHOICE, .items = LIST_MAX };
	static const struct rule number = { .kind = RULE_NUMBER, .max = UINT32_MAX };
	static const struct rule name = { .kind = RULE_NAME, .items = LIST_MAX };

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].message == message && strcmp(rules[i].field, field->name) == 0)
			return &rules[i];
	}
	if (field->type == PROTOBUF_C_TYPE_STRING)
		return &name;
	return field->type == PROTOBUF_C_TYPE_UINT32 ? &number : &choice;
}

/* Cuts what does not fit; the schema's names are far shorter. */
static const char *to_word(char word[RULE_KEYWORD], const char *name, size_t length)
{
	size_t i;

	for (i = 0; i < length && i < RULE_KEYWORD - 1; i++)
		word[i] = name[i] == '_' ? '-' : (char)tolower((unsigned char)name[i]);
	word[i] = '\0';
	return word;
}

const char *rule_keyword(char keyword[RULE_KEYWORD], const ProtobufCFieldDescriptor *field)
{
	size_t length = strlen(field->name);

	if (length > 3 && strcmp(field->name + length - 3, "_ms") == 0)
		length -= 3;
	if (length > 4 && strcmp(field->name + length - 4, "_kib") == 0)
		length -= 4;
	return to_word(keyword, field->name, length);
}

const char *rule_choice(char word[RULE_KEYWORD], const ProtobufCEnumValue *value)
{
	return to_word(word, value->name, strlen(value->name));
}

bool rule_is_block(const ProtobufCFieldDescriptor *field)
{
	return field->type == PROTOBUF_C_TYPE_MESSAGE &&
	       field->descriptor != &conf__port_range__descriptor;
}

bool rule_has_title(const ProtobufCFieldDescriptor *field)
{
	return rule_is_block(field) && field->label == PROTOBUF_C_LABEL_REPEATED;
}
