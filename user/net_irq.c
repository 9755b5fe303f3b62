/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupts of a device by sysfs and by the names in /proc/interrupts. Buses are the same in every
 * network namespace, class/net is not.
 */
#include "user/net_irq.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "user/cleanup.h"

static void file_close(FILE *f)
{
	if (f)
		fclose(f);
}
CLEANUP_DEFINE(file_cleanup, FILE, file_close);

static void directory_close(DIR *d)
{
	if (d)
		closedir(d);
}
CLEANUP_DEFINE(directory_cleanup, DIR, directory_close);

/* Decimal number at the start of `text`, ended by a character of `ends` or the end. */
static bool number_parse(const char *text, const char *ends, unsigned int *value)
{
	unsigned long parsed;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	parsed = strtoul(text, &end, 10);
	if (errno || parsed > INT_MAX || (*end && !strchr(ends, *end)))
		return false;
	*value = (unsigned int)parsed;
	return true;
}

static size_t irq_add(unsigned int irq, unsigned int *irqs, size_t count, size_t max)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (irqs[i] == irq)
			return count;
	if (count < max)
		irqs[count++] = irq;
	return count;
}

/*
 * DIRECTORY/msi_irqs has one file per vector, named by its number; an allocated vector may serve
 * something else than a queue, which is fine.
 */
static size_t msi_read(const char *directory, unsigned int *irqs, size_t max)
{
	_cleanup_(directory_cleanup) DIR *d = NULL;
	char path[PATH_MAX];
	const struct dirent *entry;
	unsigned int irq;
	size_t count = 0;

	snprintf(path, sizeof(path), "%s/msi_irqs", directory);
	d = opendir(path);
	if (!d)
		return 0;
	for (entry = readdir(d); entry; entry = readdir(d))
		if (number_parse(entry->d_name, "", &irq))
			count = irq_add(irq, irqs, count, max);
	return count;
}

/* First line of DIRECTORY/NAME, or false. */
static bool line_read(const char *directory, const char *name, char *line, size_t size)
{
	_cleanup_(file_cleanup) FILE *f = NULL;
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path))
		return false;
	f = fopen(path, "re");
	if (!f || !fgets(line, (int)size, f))
		return false;
	line[strcspn(line, "\n")] = '\0';
	return true;
}

/* Vectors of the device, or its legacy line. 0 means none there. */
static size_t directory_irqs(const char *directory, unsigned int *irqs, size_t max)
{
	size_t count = msi_read(directory, irqs, max);
	char line[32];
	unsigned int irq;

	if (count == 0 && line_read(directory, "irq", line, sizeof(line)) &&
	    number_parse(line, "", &irq) && irq != 0)
		count = irq_add(irq, irqs, 0, max);
	return count;
}

/*
 * Directory of the parent device. Kernels before 5.15 do not name the parent by netlink: then
 * /sys/class/net, if it shows this very device (/sys belongs to the namespace of who mounted it).
 */
static bool parent_directory(const struct net_irq_device *device, char path[PATH_MAX])
{
	char guess[PATH_MAX], line[32];
	unsigned int ifindex;

	if (device->bus[0] && device->parent[0]) {
		snprintf(guess, sizeof(guess), "/sys/bus/%s/devices/%s", device->bus,
			 device->parent);
		return realpath(guess, path) != NULL;
	}
	snprintf(guess, sizeof(guess), "/sys/class/net/%s", device->ifname);
	if (!line_read(guess, "ifindex", line, sizeof(line)) || !number_parse(line, "", &ifindex) ||
	    ifindex != (unsigned int)device->ifindex)
		return false;
	snprintf(guess, sizeof(guess), "/sys/class/net/%s/device", device->ifname);
	return realpath(guess, path) != NULL;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* "virtio2" is in "virtio2-input.0" and in "x, virtio2", not in "virtio21". */
static bool names_word(const char *text, const char *word)
{
	size_t len = strlen(word);
	const char *at = strstr(text, word);

	if (len == 0)
		return false;
	while (at && ((at > text && is_word(at[-1])) || is_word(at[len])))
		at = strstr(at + 1, word);
	return at != NULL;
}

/* The text behind a row's counters, which are plain numbers. */
static const char *row_text(const char *row)
{
	size_t digits;

	row += strspn(row, " \t");
	for (digits = strspn(row, "0123456789"); digits > 0 && row[digits] == ' ';
	     digits = strspn(row, "0123456789")) {
		row += digits;
		row += strspn(row, " \t");
	}
	return row;
}

size_t net_irq_scan(const char *path, const char *const *names, size_t name_count,
		    unsigned int *irqs, size_t count, size_t max)
{
	_cleanup_(file_cleanup) FILE *f = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t capacity = 0, i;
	const char *start;
	unsigned int irq;

	while (f && getline(&line, &capacity, f) > 0) {
		start = line + strspn(line, " ");
		if (!number_parse(start, ":", &irq) || !strchr(start, ':'))
			continue;
		start = row_text(strchr(start, ':') + 1);
		for (i = 0; i < name_count; i++)
			if (names_word(start, names[i]))
				count = irq_add(irq, irqs, count, max);
	}
	return count;
}

/* Last word of a row: the name of the vector, or of the last device on a shared line. */
static const char *row_name(char *row)
{
	char *end = row + strlen(row), *at;

	while (end > row && isspace((unsigned char)end[-1]))
		*--end = '\0';
	for (at = end; at > row && !isspace((unsigned char)at[-1]); at--)
		;
	return at;
}

static bool name_is_transmit(const char *name)
{
	const char *tx = strcasestr(name, "-tx");

	if (strcasestr(name, "rx"))
		return false;
	return strstr(name, "-output.") || (tx && !isalpha((unsigned char)tx[3]));
}

/* Number at the end of a name that speaks of receiving, + 1; 0 if there is none. */
static uint16_t name_queue(const char *name)
{
	size_t len = strlen(name), digits = 0;
	unsigned int queue;

	while (digits < len && isdigit((unsigned char)name[len - digits - 1]))
		digits++;
	if (!digits || (!strcasestr(name, "rx") && !strstr(name, "-input.")) || !number_parse(name + len - digits, "", &queue))
		return 0;
	return queue < UINT16_MAX ? queue + 1 : 0;
}

size_t net_irq_sort(const char *path, unsigned int *irqs, uint16_t *queues, size_t count)
{
	_cleanup_(file_cleanup) FILE *f = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t capacity = 0, i;
	const char *name;
	unsigned int irq;

	memset(queues, 0, count * sizeof(*queues));
	while (f && getline(&line, &capacity, f) > 0) {
		if (!number_parse(line + strspn(line, " "), ":", &irq))
			continue;
		name = row_name(line);
		for (i = 0; i < count && irqs[i] != irq; i++)
			;
		if (i == count)
			continue;
		queues[i] = name_queue(name);
		if (!name_is_transmit(name))
			continue;
		count--;
		memmove(&irqs[i], &irqs[i + 1], (count - i) * sizeof(*irqs));
		memmove(&queues[i], &queues[i + 1], (count - i) * sizeof(*queues));
	}
	return count;
}

size_t net_irq_find(const struct net_irq_device *device, unsigned int *irqs, size_t max)
{
	const char *names[3] = { device->ifname };
	char path[PATH_MAX], *slash, *leaf = NULL;
	size_t count = 0, name_count = 1;

	/*
	 * Without a parent there is no interrupt, and another namespace's device of the same name
	 * may well have one.
	 */
	if (!parent_directory(device, path))
		return 0;
	count = directory_irqs(path, irqs, max);
	slash = strrchr(path, '/');
	leaf = slash + 1;
	names[name_count++] = leaf;
	if (count == 0 && strncmp(leaf, "virtio", strlen("virtio")) == 0) {
		*slash = '\0';
		count = directory_irqs(path, irqs, max);
	}
	return net_irq_scan("/proc/interrupts", names, name_count, irqs, count, max);
}
