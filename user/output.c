// SPDX-License-Identifier: GPL-2.0-only
/* Opening, emptying and undoing a recording's file: see output.h. */
#include "user/output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/log.h"

/* O_CREAT again for what is there: as the kernel protects sticky folders. */
int output_open(struct output *o, const char *path)
{
	int fd;

	*o = (struct output){ .path = path && strcmp(path, "-") ? path : NULL };
	if (!o->path) {
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
		return fd < 0 ? log_err(-errno, "cannot write standard output") : fd;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	o->is_new = fd >= 0;
	if (fd < 0 && errno == EEXIST)
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return log_err(-errno, "cannot write %s: check the folder and its permissions", path);
	return fd;
}

int output_empty(const struct output *o, int fd)
{
	struct stat st;

	if (!o->path || o->is_new)
		return 0;
	if (fstat(fd, &st) || (S_ISREG(st.st_mode) && ftruncate(fd, 0)))
		return log_err(-errno, "cannot empty %s", o->path);
	return 0;
}

void output_undo(const struct output *o)
{
	if (o->is_new)
		unlink(o->path);
}
