/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Who has locked a file.
 *
 * A lock of an open file (F_OFD_SETLK) has no process as far as fcntl and /proc/locks can tell; but each process's
 * /proc/PID/fdinfo shows the locks of its open files, to its own user.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit.h"

/* Does the line "lock:" stand in the fdinfo of this open file? */
static bool fd_holds(const char *process, const char *fd)
{
	char path[600], text[2048];
	snprintf(path, sizeof(path), "/proc/%.20s/fdinfo/%.20s", process, fd);
	int info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		return false;
	ssize_t length = read(info, text, sizeof(text) - 1);
	close(info);
	text[length > 0 ? length : 0] = 0;
	return strstr(text, "lock:") != NULL;
}

/* Our own look does not count: it has no lock. */
static bool process_holds(const struct vmm_block_file *file, const char *process)
{
	char path[64];
	bool found = false;
	snprintf(path, sizeof(path), "/proc/%.20s/fd", process);
	DIR *folder = opendir(path);
	struct dirent *entry;
	while (folder != NULL && !found && (entry = readdir(folder)) != NULL) {
		struct stat what;
		found = isdigit((unsigned char)entry->d_name[0]) &&
			fstatat(dirfd(folder), entry->d_name, &what, 0) == 0 && what.st_dev == file->device &&
			what.st_ino == file->inode && fd_holds(process, entry->d_name);
	}
	if (folder != NULL)
		closedir(folder);
	return found;
}

static void process_name(const char *process, char name[64])
{
	char path[64], command[17] = "";
	snprintf(path, sizeof(path), "/proc/%.20s/comm", process);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		ssize_t length = read(fd, command, sizeof(command) - 1);
		command[length > 0 ? length : 0] = 0;
		command[strcspn(command, "\n")] = 0;
		close(fd);
	}
	snprintf(name, 64, command[0] != 0 ? "process %.20s (%s)" : "process %.20s", process, command);
}

void lock_holder(const struct vmm_block_file *file, char holder[64])
{
	struct flock lock = { .l_type = file->flags & VMM_BLOCK_FILE_READONLY ? F_RDLCK : F_WRLCK,
		.l_whence = SEEK_SET };
	char self[24], number[24];
	snprintf(holder, 64, "another virtual disk or process");
	/* One of the older kind has a process. */
	if (fcntl(file->fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK && lock.l_pid > 0) {
		snprintf(number, sizeof(number), "%ld", (long)lock.l_pid);
		process_name(number, holder);
		return;
	}
	snprintf(self, sizeof(self), "%ld", (long)getpid());
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		if (!isdigit((unsigned char)entry->d_name[0]) || !process_holds(file, entry->d_name))
			continue;
		if (strcmp(entry->d_name, self) == 0)
			snprintf(holder, 64, "another virtual disk of this process");
		else
			process_name(entry->d_name, holder);
		break;
	}
	if (folder != NULL)
		closedir(folder);
}
