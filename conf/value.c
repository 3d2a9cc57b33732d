// SPDX-License-Identifier: BSD-2-Clause
/*
 * Strict on purpose: a word is taken whole or refused, nothing is cut off, rounded or guessed. "2s"
 * as a port and "100" as a time are what operators of other balancers have been bitten by.
 */
#include "conf/value.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "conf/near.h"
#include "conf/pool.h"
#include "conf/rpcif.h"
#include "proto/addr.h"
#include "proto/seal.h"

/* What a reader of one kind gets; all return false after they have explained themselves. */
struct job {
	union value *value;
	const struct rule *rule;
	const ProtobufCFieldDescriptor *field;
	char keyword[RULE_KEYWORD];
	char *problem;
};

__attribute__((format(printf, 2, 3))) static bool refuse(const struct job *job, const char *format,
							 ...)
{
	va_list args;
	int used = snprintf(job->problem, VALUE_PROBLEM, "%s ", job->keyword);

	va_start(args, format);
	vsnprintf(job->problem + used, VALUE_PROBLEM - (size_t)used, format, args);
	va_end(args);
	return false;
}

/*
 * Digits at the start of `text`; returns what follows them, or NULL where there are none or too
 * many. */
static const char *digits(const char *text, uint64_t *number)
{
	const char *at = text;

	for (*number = 0; isdigit((unsigned char)*at); at++) {
		if (at - text > 9)
			return NULL;
		*number = *number * 10 + (uint64_t)(*at - '0');
	}
	return at == text ? NULL : at;
}

/* The largest first, for printing; "m" is read, but "min" is what is written. */
static const struct {
	const char *name;
	uint32_t ms;
} units[] = {
	{ "d", 24 * 3600 * 1000 },
	{ "h", 3600 * 1000 },
	{ "min", 60 * 1000 },
	{ "s", 1000 },
	{ "ms", 1 },
	{ "m", 60 * 1000 },
};

const char *value_duration(char text[VALUE_DURATION], uint32_t ms)
{
	size_t unit = 1;

	/* One day is written 24h, as people do. */
	if (ms >= 2 * units[0].ms && ms % units[0].ms == 0)
		unit = 0;
	else if (ms == 0)
		unit = 3;
	while (ms % units[unit].ms != 0)
		unit++;
	snprintf(text, VALUE_DURATION, "%u%s", ms / units[unit].ms, units[unit].name);
	return text;
}

static bool in_range(const struct job *job, uint64_t number)
{
	return number >= job->rule->min && number <= job->rule->max;
}

static bool read_number(const struct job *job, const char *word)
{
	uint64_t number;
	const char *rest = digits(word, &number);

	if (!rest && isdigit((unsigned char)word[0]))
		return refuse(job, "%.40s is out of range: %u to %u", word, job->rule->min,
			      job->rule->max);
	if (!rest || *rest)
		return refuse(job, "takes a whole number, not \"%.40s\"", word);
	if (job->rule->min == job->rule->max && !in_range(job, number))
		return refuse(job, "%s is not known to this version: write %u", word,
			      job->rule->min);
	if (!in_range(job, number))
		return refuse(job, "%s is out of range: %u to %u", word, job->rule->min,
			      job->rule->max);
	job->value->number = (uint32_t)number;
	return true;
}

/* Offers the number with the unit that was probably meant: the one that gives a value in range. */
static bool no_unit(const struct job *job, uint64_t number)
{
	const char *zeros = number ? "000" : "";

	if (in_range(job, number * 1000))
		return refuse(job, "%ju has no unit: write %jus or %ju%sms", (uintmax_t)number,
			      (uintmax_t)number, (uintmax_t)number, zeros);
	if (in_range(job, number))
		return refuse(job, "%ju has no unit: write %jums", (uintmax_t)number,
			      (uintmax_t)number);
	return refuse(job, "%ju has no unit: write ms, s, min, h or d after the number",
		      (uintmax_t)number);
}

static bool set_duration(const struct job *job, const char *word, uint64_t ms)
{
	char min[VALUE_DURATION], max[VALUE_DURATION];

	value_duration(min, job->rule->min);
	value_duration(max, job->rule->max);
	if (!in_range(job, ms))
		return refuse(job, "%.40s is out of range: %s to %s", word, min, max);
	if (job->rule->step && ms % job->rule->step)
		return refuse(job, "%.40s is not a multiple of %ums", word, job->rule->step);
	job->value->number = (uint32_t)ms;
	return true;
}

static bool read_duration(const struct job *job, const char *word)
{
	uint64_t number;
	const char *rest = digits(word, &number);

	if (!rest)
		return refuse(job, "takes a time such as 250ms, 2s, 15min or 24h, not \"%.40s\"",
			      word);
	if (!*rest)
		return no_unit(job, number);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(rest, units[i].name) == 0)
			return set_duration(job, word, number * units[i].ms);
	}
	return refuse(job, "%.40s has an unknown unit: write ms, s, min, h or d", word);
}

static const char size_units[] = "KMG";

const char *value_size(char text[VALUE_AMOUNT], uint32_t kib)
{
	const char *unit = size_units;

	for (; kib && kib % 1024 == 0 && unit[1]; unit++)
		kib /= 1024;
	snprintf(text, VALUE_AMOUNT, "%u%c", kib, *unit);
	return text;
}

static bool read_size(const struct job *job, const char *word)
{
	uint64_t number;
	const char *rest = digits(word, &number), *unit;
	char min[VALUE_AMOUNT], max[VALUE_AMOUNT];

	if (!rest)
		return refuse(job, "takes a size such as 512M or 2G, not \"%.40s\"", word);
	unit = *rest ? strchr(size_units, *rest) : NULL;
	if (!unit || rest[1])
		return refuse(job, "%.40s has %s unit: write K, M or G after the number", word,
			      *rest ? "an unknown" : "no");
	for (; unit > size_units; unit--)
		number *= 1024;
	if (!in_range(job, number))
		return refuse(job, "%.40s is out of range: %s to %s", word,
			      value_size(min, job->rule->min), value_size(max, job->rule->max));
	job->value->number = (uint32_t)number;
	return true;
}

static bool read_ports(const struct job *job, const char *word)
{
	uint64_t first, last;
	const char *rest = digits(word, &first);

	last = first;
	if (rest && *rest == '-')
		rest = digits(rest + 1, &last);
	if (!rest || *rest)
		return refuse(job, "takes ports such as 443 or 6005-59530, not \"%.40s\"", word);
	if (first < 1 || first > 65535 || last < 1 || last > 65535)
		return refuse(job, "%.40s is out of range: 1 to 65535", word);
	if (first > last)
		return refuse(job, "%.40s ends before it begins", word);
	job->value->ports.first = (uint32_t)first;
	job->value->ports.last = (uint32_t)last;
	return true;
}

static bool read_flag(const struct job *job, const char *word)
{
	if (strcmp(word, "yes") != 0 && strcmp(word, "no") != 0)
		return refuse(job, "is yes or no, not \"%.40s\"", word);
	job->value->choice = word[0] == 'y';
	return true;
}

/* "tcp, passive, ..." for the message; cut where it would not fit. */
static void list_choices(const ProtobufCEnumDescriptor *choices, char *text, size_t size)
{
	char word[RULE_KEYWORD];
	size_t used = 0;

	for (unsigned int i = 0; i < choices->n_values && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "",
					 rule_choice(word, &choices->values[i]));
}

static bool read_choice(const struct job *job, const char *word)
{
	const ProtobufCEnumDescriptor *choices = job->field->descriptor;
	char candidate[RULE_KEYWORD], text[NEAR_TEXT], all[100];
	struct near near = { .word = word };

	if (job->field->type == PROTOBUF_C_TYPE_BOOL)
		return read_flag(job, word);
	for (unsigned int i = 0; i < choices->n_values; i++) {
		if (strcmp(rule_choice(candidate, &choices->values[i]), word) == 0) {
			job->value->choice = choices->values[i].value;
			return true;
		}
		near_try(&near, candidate);
	}
	if (near.best[0])
		return refuse(job, "\"%.40s\" is not known%s", word, near_text(text, &near));
	list_choices(choices, all, sizeof(all));
	return refuse(job, "\"%.40s\" is not known; there are: %s", word, all);
}

static bool read_rpc(const struct job *job, const char *word)
{
	struct rpcif found[RPCIF_PER_WORD];
	struct near near = { .word = word };
	char text[NEAR_TEXT];

	if (rpcif_parse(found, word))
		return true;
	for (size_t i = 0; rpcif_name(i); i++)
		near_try(&near, rpcif_name(i));
	if (near.best[0])
		return refuse(job, "\"%.40s\" is not known%s", word, near_text(text, &near));
	return refuse(job, "\"%.40s\" is not known; there are: %s, %s, UUID/VERSION", word,
		      rpcif_name(0), rpcif_name(1));
}

static const char loopback[] = "a loopback address";

static const char *unfit4(const uint8_t *byte)
{
	if (byte[0] == 127)
		return loopback;
	return byte[0] == 0 || byte[0] >= 224 ? "not an address of a host" : NULL;
}

/* RFC 4291, 2.4 and 2.5. */
static const char *unfit6(const uint8_t *byte)
{
	static const uint8_t zero[15];

	if (memcmp(byte, zero, sizeof(zero)) == 0 && byte[15] == 1)
		return loopback;
	/* Also what was once ::a.b.c.d. */
	return byte[0] == 0xff || memcmp(byte, zero, 12) == 0 ? "not an address of a host" : NULL;
}

/* RFC 3927, 2.7, and RFC 4291, 2.5.6: no router passes it on, and it means nothing without the name
 * of its link. */
static bool is_link_local(const struct addr *addr)
{
	if (addr->family == 4)
		return addr->bytes[0] == 169 && addr->bytes[1] == 254;
	return addr->bytes[0] == 0xfe && (addr->bytes[1] & 0xc0) == 0x80;
}

static const char *unfit_for_host(const struct addr *addr)
{
	return addr->family == 4 ? unfit4(addr->bytes) : unfit6(addr->bytes);
}

static bool read_address(const struct job *job, const char *word)
{
	struct addr addr;
	const char *unfit;

	if (!addr_parse(&addr, word))
		return refuse(job, "takes an IPv4 or IPv6 address, not \"%.60s\"", word);
	unfit = is_link_local(&addr) ? "a link-local address" : unfit_for_host(&addr);
	return unfit ? refuse(job, "%.60s is %s", word, unfit) : true;
}

static bool read_pool(const struct job *job, const char *word)
{
	struct pool_range range;
	char first[ADDR_TEXT], last[ADDR_TEXT];

	if (!pool_read(&range, word))
		return refuse(job,
			      "takes an address or a range such as 10.30.0.200-10.30.0.207, not "
			      "\"%.60s\"",
			      word);
	if (!range.count)
		return refuse(job, "%.60s ends before it begins", word);
	if (range.count > job->rule->max)
		return refuse(job, "%.60s has %u addresses: %u of a family are the most", word,
			      range.count, job->rule->max);
	/* What hosts cannot have does not lie between two addresses that they can have. */
	return read_address(job, addr_print_flow(first, &range.first)) &&
	       read_address(job, addr_print_flow(last, &range.last));
}

/* Its link is known: it is that of the adverts, or of the channel. */
static bool read_node(const struct job *job, const char *word)
{
	struct addr addr;
	const char *unfit;

	if (!addr_parse(&addr, word))
		return refuse(job, "takes an IPv4 or IPv6 address, not \"%.60s\"", word);
	unfit = unfit_for_host(&addr);
	if (job->rule->kind == RULE_LOCAL && unfit == loopback)
		unfit = NULL;
	return unfit ? refuse(job, "%.60s is %s", word, unfit) : true;
}

/* An IPv6 address stands in brackets, since its colons would hide the port's (RFC 3986, 3.2.2). */
static bool read_listen(const struct job *job, const char *word)
{
	const char *colon = strrchr(word, ':');
	char host[ADDR_TEXT];
	struct addr addr;
	uint64_t port;
	const char *rest = colon ? digits(colon + 1, &port) : NULL;
	size_t length = colon ? (size_t)(colon - word) : 0;
	bool brackets = length > 2 && word[0] == '[' && colon[-1] == ']';

	if (brackets) {
		word++;
		length -= 2;
	}
	if (!rest || *rest || length >= sizeof(host))
		return refuse(job, "takes ADDRESS:PORT, not \"%.60s\"", word);
	memcpy(host, word, length);
	host[length] = '\0';
	if (!addr_parse(&addr, host) || (addr.family == 6) != brackets)
		return refuse(job, "takes ADDRESS:PORT, not \"%.60s\"", word);
	if (port < 1 || port > 65535)
		return refuse(job, "port %ju is out of range: 1 to 65535", (uintmax_t)port);
	return true;
}

/* A secret key in a file that is copied about is a mistake worth its own words. */
static bool read_key(const struct job *job, const char *word)
{
	uint8_t key[SEAL_KEY];

	bool verifier = job->rule->kind == RULE_VERIFIER;

	if (strncmp(word, "csk1_", 5) == 0 || strncmp(word, "css1_", 5) == 0)
		return refuse(job, "is given a secret key: it must never stand in this file; "
				   "make a new one with pairctl keygen");
	if (!(verifier ? seal_verifier_parse : seal_public_parse)(key, word))
		return refuse(job,
			      "takes a key as pairctl keygen prints it (%s and 43 "
			      "characters), not \"%.60s\"",
			      verifier ? "cvk1_" : "cpk1_", word);
	return true;
}

/* Names go into messages, file names and metric labels, and ARRAY/MEMBER is written with a slash.
 */
static bool read_name(const struct job *job, const char *word)
{
	size_t length = strlen(word);

	if (!isalnum((unsigned char)word[0]))
		return refuse(job, "\"%.40s\" does not begin with a letter or digit", word);
	if (length > 63)
		return refuse(job, "\"%.20s...\" has more than 63 characters", word);
	for (const char *at = word; *at; at++) {
		if (!isalnum((unsigned char)*at) && !strchr("._-", *at))
			return refuse(job,
				      "\"%.63s\" has the character '%c': letters, digits and "
				      ". _ - make a name",
				      word, *at);
	}
	return true;
}

/* What the kernel accepts (dev_valid_name), without the characters that confuse people. */
static bool read_device(const struct job *job, const char *word)
{
	if (strlen(word) > 15)
		return refuse(job, "\"%.40s\" is longer than the 15 characters of an interface",
			      word);
	if (strpbrk(word, "/:\"'\\") || strcmp(word, ".") == 0 || strcmp(word, "..") == 0)
		return refuse(job, "\"%s\" is not the name of an interface", word);
	return true;
}

/* RFC 1123, 2.1; a last label of digits only would be an address. */
static bool read_host(const struct job *job, const char *word)
{
	const char *label = word;
	bool letters = false;

	for (const char *at = word;; at++) {
		if (isalnum((unsigned char)*at) || *at == '-') {
			letters |= !isdigit((unsigned char)*at);
			continue;
		}
		if ((*at && *at != '.') || at == label || at - label > 63 || *label == '-' ||
		    at[-1] == '-')
			return refuse(job, "\"%.100s\" is not a DNS name", word);
		if (!*at)
			break;
		label = at + 1;
		letters = false;
	}
	if (!letters || strlen(word) > 253)
		return refuse(job, "takes a DNS name, not \"%.100s\"", word);
	return true;
}

static bool read_path(const struct job *job, const char *word)
{
	if (word[0] != '/' || strpbrk(word, "\"\\"))
		return refuse(job, "takes a path that begins with \"/\", not \"%.60s\"", word);
	return true;
}

bool value_read(union value *value, const struct rule *rule, const ProtobufCFieldDescriptor *field,
		const char *word, char problem[VALUE_PROBLEM])
{
	static bool (*const readers[])(const struct job *, const char *) = {
		[RULE_CHOICE] = read_choice,     [RULE_NUMBER] = read_number,
		[RULE_DURATION] = read_duration, [RULE_PORTS] = read_ports,
		[RULE_SIZE] = read_size,         [RULE_NAME] = read_name,
		[RULE_ADDRESS] = read_address,   [RULE_NODE] = read_node,
		[RULE_LOCAL] = read_node,        [RULE_DEVICE] = read_device,
		[RULE_HOST] = read_host,         [RULE_KEY] = read_key,
		[RULE_LISTEN] = read_listen,     [RULE_PATH] = read_path,
		[RULE_RPC] = read_rpc,         [RULE_POOL] = read_pool,
		[RULE_VERIFIER] = read_key,
	};
	struct job job = { value, rule, field, "", problem };

	problem[0] = '\0';
	rule_keyword(job.keyword, field);
	return readers[rule->kind](&job, word);
}
