// SPDX-License-Identifier: BSD-2-Clause
#include "conf/bundle_text.h"

#include <ctype.h>
#include <string.h>

#include "conf/bundle.h"
#include "conf/utf8.h"

/* One part of a path, up to `length`. */
static bool is_part(const char *name, size_t length)
{
	if (length == 0 || *name == '.' || *name == '-')
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("._-", name[i]))
			return false;
	return true;
}

bool bundle_name_first(const char *name)
{
	return strlen(name) < BUNDLE_FILE_NAME && is_part(name, strlen(name));
}

bool bundle_name_included(const char *name)
{
	size_t first = strcspn(name, "/");

	if (name[first] == '\0')
		return bundle_name_first(name);
	return strlen(name) < BUNDLE_FILE_NAME && is_part(name, first) &&
	       is_part(name + first + 1, strlen(name) - first - 1);
}

bool bundle_name_pair(const char *name)
{
	return strlen(name) < 64 && is_part(name, strlen(name));
}

bool bundle_text_good(const char *text)
{
	const char *end = text + strlen(text);

	if (end - text >= BUNDLE_TEXT)
		return false;
	while (text < end) {
		uint32_t point = 0;
		size_t length = utf8_decode(text, end, &point);

		/* C0, DEL and C1; and what turns the direction of writing around. */
		if (length == 0 || point < 0x20 || (point >= 0x7f && point < 0xa0) ||
		    (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069))
			return false;
		text += length;
	}
	return true;
}
