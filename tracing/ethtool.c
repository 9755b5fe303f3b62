/* SPDX-License-Identifier: GPL-2.0-only */
/* ethtool ioctls: features, driver, speed. */
#include "tracing/ethtool.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "tracing/cleanup.h"

_Static_assert(sizeof(((struct ifreq *)0)->ifr_name) == IFNAMSIZ, "interface names");

int ethtool_open(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

int ethtool_ifname(int sock, int ifindex, char name[IFNAMSIZ])
{
	struct ifreq request = { .ifr_ifindex = ifindex };

	if (ioctl(sock, SIOCGIFNAME, &request) < 0)
		return -errno;
	snprintf(name, IFNAMSIZ, "%.*s", IFNAMSIZ - 1, request.ifr_name);
	return 0;
}

static int ethtool_call(int sock, const char *ifname, void *command)
{
	struct ifreq request = { .ifr_data = command };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", ifname);
	return ioctl(sock, SIOCETHTOOL, &request) < 0 ? -errno : 0;
}

static int feature_count(int sock, const char *ifname, size_t *count)
{
	struct {
		struct ethtool_sset_info info;
		uint32_t length;
	} query = { .info = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ull << ETH_SS_FEATURES } };
	int err = ethtool_call(sock, ifname, &query);

	if (err)
		return err;
	if (!query.info.sset_mask)
		return -EOPNOTSUPP;
	*count = query.length;
	return query.length <= ETHTOOL_MAX_FEATURES ? 0 : -EOVERFLOW;
}

static int feature_names(int sock, const char *ifname, struct feature_set *f)
{
	size_t bytes = f->count * ETH_GSTRING_LEN;
	_cleanup_free_ struct ethtool_gstrings *strings = calloc(1, sizeof(*strings) + bytes);
	size_t i;
	int err;

	if (!strings)
		return -ENOMEM;
	strings->cmd = ETHTOOL_GSTRINGS;
	strings->string_set = ETH_SS_FEATURES;
	strings->len = f->count;
	err = ethtool_call(sock, ifname, strings);
	if (err)
		return err;
	memcpy(f->name, strings->data, bytes);
	for (i = 0; i < f->count; i++)
		f->name[i][ETH_GSTRING_LEN - 1] = '\0';
	return 0;
}

static int feature_values(int sock, const char *ifname, struct feature_set *f)
{
	size_t words = (f->count + 31) / 32, i;
	_cleanup_free_ struct ethtool_gfeatures *values =
		calloc(1, sizeof(*values) + words * sizeof(values->features[0]));
	int err;

	if (!values)
		return -ENOMEM;
	values->cmd = ETHTOOL_GFEATURES;
	values->size = words;
	err = ethtool_call(sock, ifname, values);
	if (err)
		return err;
	for (i = 0; i < words; i++)
		f->active[i] = values->features[i].active;
	return 0;
}

int ethtool_features(int sock, const char *ifname, struct feature_set *out)
{
	int err;

	memset(out, 0, sizeof(*out));
	err = feature_count(sock, ifname, &out->count);
	if (!err)
		err = feature_names(sock, ifname, out);
	if (!err)
		err = feature_values(sock, ifname, out);
	return err;
}

int ethtool_driver(int sock, const char *ifname, struct ethtool_drvinfo *out)
{
	int err;

	memset(out, 0, sizeof(*out));
	out->cmd = ETHTOOL_GDRVINFO;
	err = ethtool_call(sock, ifname, out);
	out->driver[sizeof(out->driver) - 1] = '\0';
	out->bus_info[sizeof(out->bus_info) - 1] = '\0';
	return err;
}

int ethtool_speed(int sock, const char *ifname, uint64_t *bits_per_second)
{
	struct ethtool_cmd settings = { .cmd = ETHTOOL_GSET };
	int err = ethtool_call(sock, ifname, &settings);
	/* ethtool_cmd_speed() of the header shifts into the sign of an int. */
	uint32_t megabits = err ? 0 : (uint32_t)settings.speed_hi << 16 | settings.speed;

	*bits_per_second = megabits == (uint32_t)SPEED_UNKNOWN ? 0 : megabits * 1000000ull;
	return err;
}

bool feature_active(const struct feature_set *f, size_t index)
{
	return index < f->count && (f->active[index / 32] >> (index % 32) & 1);
}

bool feature_named(const struct feature_set *f, const char *name)
{
	size_t i;

	for (i = 0; i < f->count; i++)
		if (strcmp(f->name[i], name) == 0)
			return feature_active(f, i);
	return false;
}
