// SPDX-License-Identifier: BSD-2-Clause
/* JSON (RFC 8259) of any message, written as a stream: no tree is ever built. */
#include "conf/conf.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "conf/store.h"
#include "conf/utf8.h"

static void print_string(const char *text, size_t length, FILE *out)
{
	static const char escapes[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
	const char *end = text + length;

	fputc('"', out);
	while (text < end) {
		uint32_t point = 0;
		size_t bytes = utf8_decode(text, end, &point);
		const char *escape = *text ? strchr(escapes, *text) : NULL;

		if (bytes == 0)
			fputs("\\ufffd", out);
		else if (escape)
			fprintf(out, "\\%c", names[escape - escapes]);
		else if (point < 0x20 || point == 0x7f)
			fprintf(out, "\\u%04x", point);
		else
			fwrite(text, 1, bytes, out);
		text += bytes ? bytes : 1;
	}
	fputc('"', out);
}

static void print_bytes(const ProtobufCBinaryData *bytes, FILE *out)
{
	fputc('"', out);
	for (size_t i = 0; i < bytes->len; i++)
		fprintf(out, "%02x", bytes->data[i]);
	fputc('"', out);
}

/* JSON has no words for what is not a number. */
static void print_double(double number, FILE *out)
{
	if (isfinite(number))
		fprintf(out, "%.6g", number);
	else
		fputs("null", out);
}

static void print_enum(const ProtobufCEnumDescriptor *type, int number, FILE *out)
{
	const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(type, number);
	char word[RULE_KEYWORD];

	if (value)
		fprintf(out, "\"%s\"", rule_choice(word, value));
	else
		fprintf(out, "%d", number);
}

static void print_number(ProtobufCType type, const void *at, FILE *out)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		fprintf(out, "%" PRId32, *(const int32_t *)at);
		break;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		fprintf(out, "%" PRIu32, *(const uint32_t *)at);
		break;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		fprintf(out, "%" PRId64, *(const int64_t *)at);
		break;
	case PROTOBUF_C_TYPE_FLOAT:
		print_double((double)*(const float *)at, out);
		break;
	case PROTOBUF_C_TYPE_DOUBLE:
		print_double(*(const double *)at, out);
		break;
	default:
		fprintf(out, "%" PRIu64, *(const uint64_t *)at);
		break;
	}
}

static void print_item(const ProtobufCFieldDescriptor *field, const void *at, FILE *out)
{
	const char *text;

	switch (field->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		conf_print_json(*(const ProtobufCMessage *const *)at, out);
		break;
	case PROTOBUF_C_TYPE_STRING:
		text = *(const char *const *)at;
		print_string(text, strlen(text), out);
		break;
	case PROTOBUF_C_TYPE_BYTES:
		print_bytes(at, out);
		break;
	case PROTOBUF_C_TYPE_BOOL:
		fputs(*(const protobuf_c_boolean *)at ? "true" : "false", out);
		break;
	case PROTOBUF_C_TYPE_ENUM:
		print_enum(field->descriptor, *(const int *)at, out);
		break;
	default:
		print_number(field->type, at, out);
		break;
	}
}

static size_t item_size(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_MESSAGE:
	case PROTOBUF_C_TYPE_STRING:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	default:
		return 4;
	}
}

static void print_array(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
			FILE *out)
{
	const char *list = *(const char *const *)store_at(message, field);
	size_t count = store_count(message, field);

	fputc('[', out);
	for (size_t i = 0; i < count; i++) {
		fputs(i ? "," : "", out);
		print_item(field, list + i * item_size(field->type), out);
	}
	fputc(']', out);
}

void conf_print_json(const ProtobufCMessage *message, FILE *out)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	const char *comma = "";

	fputc('{', out);
	for (unsigned int i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		bool list = field->label == PROTOBUF_C_LABEL_REPEATED;

		/* What is absent is unknown, and left out; an empty list is known to be empty. */
		if (!list && !store_present(message, field))
			continue;
		fprintf(out, "%s\"%s\":", comma, field->name);
		if (list)
			print_array(message, field, out);
		else
			print_item(field, store_at(message, field), out);
		comma = ",";
	}
	fputc('}', out);
}
