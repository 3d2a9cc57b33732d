// SPDX-License-Identifier: BSD-2-Clause
/* Stands in for libFuzzer: feeds each file named on the command line to the target once. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

enum { MAX_INPUT = 1 << 20 };

/* The input is allocated at its exact length, so that the sanitizer sees a read beyond it. */
static int replay(const char *path)
{
	static uint8_t buffer[MAX_INPUT];
	FILE *file = fopen(path, "rb");
	uint8_t *input;
	size_t length;

	if (!file) {
		perror(path);
		return -1;
	}
	length = fread(buffer, 1, sizeof(buffer), file);
	fclose(file);
	input = malloc(length ? length : 1);
	if (!input)
		return -1;
	for (size_t i = 0; i < length; i++)
		input[i] = buffer[i];
	LLVMFuzzerTestOneInput(input, length);
	free(input);
	return 0;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (replay(argv[i]))
			return 1;
	printf("%d", argc - 1);
	return 0;
}
