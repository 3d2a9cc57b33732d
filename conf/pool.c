// SPDX-License-Identifier: BSD-2-Clause
#include "conf/pool.h"

#include <arpa/inet.h>
#include <string.h>

#include "conf/conf.h"
#include "proto/addr.h"

static bool same_net(const struct flow_ip *a, const struct flow_ip *b)
{
	return memcmp(a->word, b->word, sizeof(a->word) - sizeof(a->word[3])) == 0;
}

bool pool_read(struct pool_range *range, const char *word)
{
	const char *dash = strchr(word, '-');
	size_t length = dash ? (size_t)(dash - word) : strlen(word);
	char first[ADDR_TEXT];

	if (length >= sizeof(first))
		return false;
	memcpy(first, word, length);
	first[length] = '\0';
	if (!addr_parse_flow(&range->first, first))
		return false;
	range->last = range->first;
	if (dash && !addr_parse_flow(&range->last, dash + 1))
		return false;
	if (!same_net(&range->first, &range->last))
		return false;
	range->count = ntohl(range->last.word[3]) < ntohl(range->first.word[3])
			       ? 0
			       : ntohl(range->last.word[3]) - ntohl(range->first.word[3]) + 1;
	return true;
}

struct flow_ip pool_address(const struct pool_range *range, uint32_t number)
{
	struct flow_ip ip = range->first;

	ip.word[3] = htonl(ntohl(ip.word[3]) + number);
	return ip;
}

size_t conf_pool(const Conf__Array *array, enum flow_family family,
		 struct flow_ip ip[CONF_POOL_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < array->n_snat_pool; i++) {
		struct pool_range range;

		if (!pool_read(&range, array->snat_pool[i]) ||
		    flow_ip_family(&range.first) != family)
			continue;
		for (uint32_t n = 0; n < range.count && count < CONF_POOL_MAX; n++)
			ip[count++] = pool_address(&range, n);
	}
	return count;
}
