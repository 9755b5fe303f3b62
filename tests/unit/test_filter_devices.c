/* SPDX-License-Identifier: GPL-2.0-only */
/* Filters for devices that libpcap cannot ask: Ethernet that is down, raw IP that it captures as something else. In a network namespace of their own. */
#include "fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "pcap/filter.h"

#ifndef ARPHRD_RAWIP
#define ARPHRD_RAWIP 519 /* Linux 4.19; not in glibc's header */
#endif
#define ETHERNET 1
#define RAW_IP 101

static void device_flags(const char *name, short flags)
{
	struct ifreq request = { .ifr_flags = flags };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	strcpy(request.ifr_name, name);
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	close(fd);
}

/* The descriptor that keeps it; -1 without /dev/net/tun. */
static int device_make(const char *name, short kind)
{
	struct ifreq request = { .ifr_flags = (short)(kind | IFF_NO_PI) };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	strcpy(request.ifr_name, name);
	if (fd >= 0 && ioctl(fd, TUNSETIFF, &request)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void device_address(const char *name, const char *address, const char *mask)
{
	struct ifreq request = {};
	struct sockaddr_in *in = (struct sockaddr_in *)&request.ifr_addr;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	strcpy(request.ifr_name, name);
	in->sin_family = AF_INET;
	assert_int_equal(inet_pton(AF_INET, address, &in->sin_addr), 1);
	assert_int_equal(ioctl(fd, SIOCSIFADDR, &request), 0);
	assert_int_equal(inet_pton(AF_INET, mask, &in->sin_addr), 1);
	assert_int_equal(ioctl(fd, SIOCSIFNETMASK, &request), 0);
	close(fd);
}

static int compile(struct filter **out, const char *expression, uint16_t link_type, const char *device, struct filter_problem *problem)
{
	struct filter_request request = { .expression = expression, .link_type = link_type, .device = device };

	return filter_new(out, &request, problem);
}

/* The code as text; the caller frees it. */
static char *code_text(const char *expression, uint16_t link_type, const char *device)
{
	struct filter_problem problem;
	struct filter *f = NULL;
	char *text = NULL;
	size_t len;
	FILE *out;

	if (compile(&f, expression, link_type, device, &problem))
		fail_msg("%s on %s: %s", expression, device, problem.text);
	out = open_memstream(&text, &len);
	assert_non_null(out);
	filter_print(f, out);
	assert_int_equal(fclose(out), 0);
	filter_free(f);
	return text;
}

static void check_refused(const char *expression, uint16_t link_type, const char *device, int want, const char *said)
{
	struct filter_problem problem;
	struct filter *f = NULL;

	assert_int_equal(compile(&f, expression, link_type, device, &problem), want);
	assert_null(f);
	if (!strstr(problem.text, said))
		fail_msg("%s: %s", expression, problem.text);
}

/* A network namespace where all devices are down; the descriptor of the old one. */
static int namespace_enter(void)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	assert_true(home >= 0);
	if (unshare(CLONE_NEWNET)) {
		close(home);
		skip();
	}
	return home;
}

static void namespace_leave(int home)
{
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	close(home);
}

static void test_down(void **state)
{
	static const char expression[] = "(vlan 5 and inbound) or ip broadcast";
	int home = namespace_enter(), tap = device_make("tap7", IFF_TAP);
	char *down, *up;

	(void)state;
	if (tap < 0) {
		namespace_leave(home);
		skip();
	}
	device_address("tap7", "10.0.0.1", "255.255.240.0");
	device_flags("tap7", 0); /* an address sets it up */
	check_refused(expression, ETHERNET, "tap7", -ENETDOWN, "ip link set tap7 up"); /* as is lo */
	device_flags("lo", IFF_UP);
	down = code_text(expression, ETHERNET, "tap7");
	assert_non_null(strstr(down, "[vlanp]"));
	assert_non_null(strstr(down, "#0xfff ")); /* the netmask is its own */
	check_refused("tcp prot", ETHERNET, "tap7", -EINVAL, "syntax error");
	device_flags("tap7", IFF_UP);
	up = code_text(expression, ETHERNET, "tap7");
	assert_string_equal(down, up);
	free(down);
	free(up);
	close(tap);
	namespace_leave(home);
}

/* A device of type `arphrd`, down and up. */
static void check_raw(int tun, int arphrd)
{
	struct filter_problem problem;
	struct filter *f = NULL;
	char *text;

	assert_int_equal(ioctl(tun, TUNSETLINK, arphrd), 0);
	for (int up = 0; up < 2; up++) {
		device_flags("tun7", up ? IFF_UP : 0);
		text = code_text("ip6", RAW_IP, "tun7");
		if (!strstr(text, "ldb      [0]")) /* the version: no header in front */
			fail_msg("type %d:\n%s", arphrd, text);
		free(text);
		check_refused("vlan 5", RAW_IP, "tun7", -EINVAL, "no VLAN support");
		assert_int_equal(compile(&f, "outbound and port 53", RAW_IP, "tun7", &problem), 0);
		assert_int_equal(filter_code(f).filter[0].k, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE));
		filter_free(f);
		text = code_text("ifindex 3", RAW_IP, "tun7");
		assert_non_null(strstr(text, "#0x3"));
		free(text);
	}
	device_flags("tun7", 0);
}

static void test_raw(void **state)
{
	int home = namespace_enter(), tun = device_make("tun7", IFF_TUN);

	(void)state;
	if (tun < 0) {
		namespace_leave(home);
		skip();
	}
	check_raw(tun, ARPHRD_NONE);
	check_raw(tun, ARPHRD_PPP);
	check_raw(tun, ARPHRD_TUNNEL);
	check_raw(tun, ARPHRD_TUNNEL6);
	check_raw(tun, ARPHRD_SIT);
	check_raw(tun, ARPHRD_IPGRE);
	check_raw(tun, ARPHRD_RAWIP);
	close(tun);
	namespace_leave(home);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_down),
		cmocka_unit_test(test_raw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
