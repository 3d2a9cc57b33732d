// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/keep.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/log.h"

/* Before the content.  Numbers in little-endian order. */
struct head {
	char magic[16];
	uint32_t size, check;
};

static const char magic[16] = "caspair-keep 1\n";

/* FNV-1a: a file that a disk has spoilt is not believed. */
static uint32_t check_of(const uint8_t *bytes, size_t size)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	return hash;
}

static int write_all(int fd, const void *bytes, size_t size)
{
	const uint8_t *at = bytes;

	while (size > 0) {
		ssize_t wrote = write(fd, at, size);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return wrote ? -errno : -ENOSPC;
		at += wrote;
		size -= (size_t)wrote;
	}
	return 0;
}

static int write_fresh(const char *path, const void *bytes, size_t size)
{
	struct head head = { .size = htole32((uint32_t)size),
			     .check = htole32(check_of(bytes, size)) };
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int error;

	if (fd < 0)
		return -errno;
	memcpy(head.magic, magic, sizeof(magic));
	error = write_all(fd, &head, sizeof(head));
	if (!error)
		error = write_all(fd, bytes, size);
	if (!error && fsync(fd))
		error = -errno;
	if (close(fd) && !error)
		error = -errno;
	return error;
}

static int sync_directory(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), error;

	if (fd < 0)
		return -errno;
	error = fsync(fd) ? -errno : 0;
	close(fd);
	return error;
}

int keep_write(const char *dir, const char *name, const void *bytes, size_t size)
{
	char path[PATH_MAX], fresh[PATH_MAX];
	int error;

	if (size > KEEP_MAX)
		return -EFBIG;
	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path) ||
	    snprintf(fresh, sizeof(fresh), "%s/%s.new", dir, name) >= (int)sizeof(fresh))
		return -ENAMETOOLONG;
	error = write_fresh(fresh, bytes, size);
	if (!error && rename(fresh, path))
		error = -errno;
	/* Until the name is on disk too, a crash could bring the old one back. */
	return error ? error : sync_directory(dir);
}

static int read_all(int fd, uint8_t *bytes, size_t size)
{
	while (size > 0) {
		ssize_t got = read(fd, bytes, size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EBADMSG;
		bytes += got;
		size -= (size_t)got;
	}
	return 0;
}

static int read_file(int fd, uint8_t **bytes, size_t *size)
{
	struct head head;
	struct stat file;
	int error = fstat(fd, &file) ? -errno : read_all(fd, (uint8_t *)&head, sizeof(head));

	if (error)
		return error;
	*size = le32toh(head.size);
	if (memcmp(head.magic, magic, sizeof(magic)) != 0 || *size > KEEP_MAX ||
	    (uint64_t)file.st_size != sizeof(head) + *size)
		return -EBADMSG;
	*bytes = malloc(*size + 1);
	if (!*bytes)
		return -ENOMEM;
	error = read_all(fd, *bytes, *size);
	if (!error && check_of(*bytes, *size) != le32toh(head.check))
		error = -EBADMSG;
	if (error)
		free(*bytes);
	return error;
}

int keep_read(const char *dir, const char *name, uint8_t **bytes, size_t *size)
{
	char path[PATH_MAX];
	int fd, error;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	error = read_file(fd, bytes, size);
	close(fd);
	return error;
}

int keep_save(const char *dir, const char *name, const ProtobufCMessage *message)
{
	uint8_t *bytes = malloc(protobuf_c_message_get_packed_size(message) + 1);
	int error = -ENOMEM;

	if (bytes)
		error = keep_write(dir, name, bytes, protobuf_c_message_pack(message, bytes));
	if (error)
		log_error("%s/%s cannot be written: %s", dir, name, strerror(-error));
	free(bytes);
	return error;
}

ProtobufCMessage *keep_load(const char *dir, const char *name,
			    const ProtobufCMessageDescriptor *type, const char *else_what)
{
	ProtobufCMessage *message = NULL;
	uint8_t *bytes = NULL;
	size_t size = 0;
	int error = keep_read(dir, name, &bytes, &size);

	if (error == -ENOENT)
		return NULL;
	if (!error)
		message = protobuf_c_message_unpack(type, NULL, size, bytes);
	if (!message)
		log_error("%s/%s cannot be read (%s): %s", dir, name,
			  strerror(error ? -error : EBADMSG), else_what);
	free(bytes);
	return message;
}
