/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Filter expressions: code as tcpdump prints it, verdicts on packets of a file, and where in a wrong expression the caret goes. Names are resolved here and
 * counted: no test asks a name server.
 */
#include "fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netdb.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "pcap/filter.h"

#define ETHERNET 1
#define RAW_IP 101

/* ---- the resolver that libpcap gets here: hosts one.example, two.example (192.0.2.1 and .2), ports http and ftp */

static unsigned int lookups;

static int address_find(const char *node, int flags, struct sockaddr_storage *out, socklen_t *len)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
	struct sockaddr_in *in = (struct sockaddr_in *)out;

	in->sin_family = AF_INET;
	*len = sizeof(*in);
	if (inet_pton(AF_INET, node, &in->sin_addr) == 1)
		return 0;
	if (inet_pton(AF_INET6, node, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		*len = sizeof(*in6);
		return 0;
	}
	if (flags & AI_NUMERICHOST)
		return EAI_NONAME;
	lookups++;
	if (!strcmp(node, "one.example"))
		return inet_pton(AF_INET, "192.0.2.1", &in->sin_addr) == 1 ? 0 : EAI_FAIL;
	if (!strcmp(node, "two.example"))
		return inet_pton(AF_INET, "192.0.2.2", &in->sin_addr) == 1 ? 0 : EAI_FAIL;
	return EAI_NONAME;
}

static int port_find(const char *service, struct sockaddr_storage *out, socklen_t *len)
{
	struct sockaddr_in *in = (struct sockaddr_in *)out;

	in->sin_family = AF_INET;
	*len = sizeof(*in);
	in->sin_port = htons(!strcmp(service, "http") ? 80 : 21);
	return !strcmp(service, "http") || !strcmp(service, "ftp") ? 0 : EAI_NONAME;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
	struct {
		struct addrinfo info;
		struct sockaddr_storage address;
	} *found = calloc(1, sizeof(*found));
	int err;

	assert_non_null(found);
	if (node)
		err = address_find(node, hints ? hints->ai_flags : 0, &found->address, &found->info.ai_addrlen);
	else
		err = port_find(service, &found->address, &found->info.ai_addrlen);
	if (err) {
		free(found);
		return err;
	}
	found->info.ai_family = found->address.ss_family;
	found->info.ai_socktype = hints && hints->ai_socktype ? hints->ai_socktype : SOCK_STREAM;
	found->info.ai_protocol = IPPROTO_TCP;
	found->info.ai_addr = (struct sockaddr *)&found->address;
	*result = &found->info;
	return 0;
}

void freeaddrinfo(struct addrinfo *info)
{
	free(info); /* it begins with it */
}

/* ---- helpers */

static int compile(struct filter **out, const char *expression, uint16_t link_type, const char *device, struct filter_problem *problem)
{
	struct filter_request request = { .expression = expression, .link_type = link_type, .device = device };

	memset(problem, 'x', sizeof(*problem));
	return filter_new(out, &request, problem);
}

static struct filter *filter_make(const char *expression, uint16_t link_type)
{
	struct filter_problem problem;
	struct filter *f = NULL;

	if (compile(&f, expression, link_type, NULL, &problem))
		fail_msg("%s: %s", expression, problem.text);
	return f;
}

static char *filter_text(const struct filter *f)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	filter_print(f, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static bool have_tcpdump(void)
{
	return !system("tcpdump --version >/dev/null 2>&1");
}

/* What `tcpdump -d OPTIONS EXPRESSION` prints; the caller frees it. */
static char *tcpdump_text(const char *options, const char *expression)
{
	char command[512], path[FIXTURE_PATH_MAX], *text;

	close(fixture_file(path));
	snprintf(command, sizeof(command), "tcpdump %s -d '%s' >%s 2>/dev/null", options, expression, path);
	if (system(command))
		fail_msg("%s: failed", command);
	text = fixture_read(path, NULL);
	unlink(path);
	return text;
}

static void check_tcpdump(const char *options, const char *expression, uint16_t link_type, const char *device)
{
	struct filter_problem problem;
	struct filter *f = NULL;
	char *ours, *theirs;

	if (compile(&f, expression, link_type, device, &problem))
		fail_msg("%s: %s", expression, problem.text);
	ours = filter_text(f);
	theirs = tcpdump_text(options, expression);
	if (strcmp(ours, theirs))
		fail_msg("%s\nours:\n%s\ntcpdump's:\n%s", expression, ours, theirs);
	free(ours);
	free(theirs);
	filter_free(f);
}

/* ---- code */

static const char *const good[] = {
	"", "tcp", "udp port 53", "host 10.0.0.1", "net 10.0.0.0/8 and not port 22", "ip6 and tcp", "vlan and udp", "vlan 5", "mpls", "arp",
	"ether host 2:0:0:0:0:1", "ether multicast", "len > 100", "less 64 or greater 1000", "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
	"ip[8] * 2 + 1 = 129", "portrange 1000-2000", "icmp[icmptype] = icmp-echo", "ip6 host fd77::1", "ip proto 47", "src or dst port 80",
	"(tcp or udp) and src net 10.0.0.0/24 and dst port 53", "ether proto 0x88cc", "not ip", "inbound", "outbound and tcp",
};
#define GOOD_COUNT (sizeof(good) / sizeof(good[0]))

static void test_print(void **state)
{
	size_t i;

	(void)state;
	if (!have_tcpdump())
		skip();
	for (i = 0; i < GOOD_COUNT; i++)
		check_tcpdump("-y EN10MB", good[i], ETHERNET, NULL);
	check_tcpdump("-y RAW", "tcp port 80 or ip6", RAW_IP, NULL);
	check_tcpdump("-y RAW", "inbound and udp", RAW_IP, NULL);
}

static void test_code(void **state)
{
	struct filter *f = filter_make("ip", ETHERNET);
	struct sock_fprog code = filter_code(f);

	(void)state;
	assert_int_equal(code.len, 4);
	assert_int_equal(code.filter[0].code, 0x28);
	assert_int_equal(code.filter[0].k, 12);
	assert_int_equal(code.filter[1].code, 0x15);
	assert_int_equal(code.filter[1].jf, 1);
	assert_int_equal(code.filter[1].k, 0x800);
	assert_int_equal(code.filter[2].k, 262144);
	assert_int_equal(code.filter[3].k, 0);
	filter_free(f);
	filter_free(NULL);
}

static void test_join(void **state)
{
	char *words[] = { (char *)"tcp", (char *)"port 80", (char *)"" }, *joined = filter_join_words(words, 3);

	(void)state;
	assert_string_equal(joined, "tcp port 80 ");
	free(joined);
	joined = filter_join_words(words, 1);
	assert_string_equal(joined, "tcp");
	free(joined);
	joined = filter_join_words(NULL, 0);
	assert_string_equal(joined, "");
	free(joined);
}

/* ---- verdicts */

static const uint8_t tcp_frame[60] = {
	2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 46, 0, 1, 0, 0, 64, 6, 0, 0,
	10, 0, 0, 2, 10, 0, 0, 1, 1, 0xbb, 0xc7, 0x38, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18,
};

static bool verdict(const char *expression, uint16_t link_type, uint32_t cap_len, bool outgoing)
{
	const uint8_t *bytes = tcp_frame + (link_type == RAW_IP ? 14 : 0);
	struct filter *f = filter_make(expression, link_type);
	bool match = filter_match(f, bytes, cap_len, 1000, outgoing);

	filter_free(f);
	return match;
}

static void test_match(void **state)
{
	(void)state;
	assert_true(verdict("", ETHERNET, 0, false));
	assert_true(verdict("tcp port 443 and host 10.0.0.1", ETHERNET, 60, false));
	assert_false(verdict("udp", ETHERNET, 60, false));
	assert_true(verdict("tcp src port 443", RAW_IP, 46, false));
	assert_false(verdict("ip6", RAW_IP, 46, false));
	/* the length is that on the wire, the bytes are those captured */
	assert_true(verdict("len = 1000", ETHERNET, 60, false));
	assert_true(verdict("greater 1000 and less 1000", ETHERNET, 60, false));
	assert_false(verdict("port 443", ETHERNET, 34, false));
	assert_true(verdict("ip[0] = 0x45", ETHERNET, 15, false));
	assert_false(verdict("ip[100] = 0", ETHERNET, 60, false));
	assert_true(verdict("host one.example or host 10.0.0.2", ETHERNET, 60, false));
}

static void test_direction(void **state)
{
	(void)state;
	assert_true(verdict("inbound", ETHERNET, 60, false));
	assert_false(verdict("inbound", ETHERNET, 60, true));
	assert_true(verdict("outbound", ETHERNET, 60, true));
	assert_false(verdict("outbound", ETHERNET, 60, false));
	assert_true(verdict("not inbound and tcp or udp", RAW_IP, 46, true));
	assert_false(verdict("not inbound and tcp or udp", RAW_IP, 46, false));
	assert_true(verdict("(inbound and port 443) or (outbound and port 80)", ETHERNET, 60, false));
	assert_false(verdict("(inbound and port 443) or (outbound and port 80)", ETHERNET, 60, true));
}

/* ---- errors: where */

static const struct wrong {
	const char *expression;
	int column;
	const char *said;
} wrongs[] = {
	/* syntax */
	{ "tcp prot 80", 4, "syntax error" },
	{ "@", 0, "syntax error" },
	{ "tcp @", 4, "syntax error" },
	{ "tcp  \t port 80  x", 16, "syntax error" },
	{ "foo", 0, "syntax error" },
	{ "and tcp", 0, "syntax error" },
	{ "tcp && || udp", 7, "syntax error" },
	{ "port 80 80", 8, "syntax error" },
	{ "tcp)", 3, "syntax error" },
	{ "ip[0]] = 3", 5, "syntax error" },
	{ "ip[0] = 3 4", 10, "syntax error" },
	{ "less 5 more", 7, "syntax error" },
	{ "vlan foo", 5, "syntax error" },
	{ "host ::1::2", 8, "syntax error" },
	{ "host 1.2.3.4 5.6.7.8", 13, "syntax error" },
	{ "ip proto \\tcp x", 14, "syntax error" },
	{ "foo_bar_", 0, "syntax error" },
	{ "ether host 2:0:0:0:0:1 or 2 )", 26, "illegal link layer address" },
	{ "tcp port 80 and \xc3\xbc", 16, "syntax error" },
	{ "inbound outbound", 8, "syntax error" },
	{ "host one.example and (src two.example or one.example) prot", 54, "syntax error" },
	{ "src one.example or two.example and port http or ftp x", 52, "syntax error" },
	{ "ether src host 2:0:0:0:0:1 and ip6 host ::1 1", 44, "syntax error" },
	/* it ends too early */
	{ "tcp and", 7, "syntax error" },
	{ "tcp and not ", 12, "syntax error" },
	{ "(tcp or udp", 11, "syntax error" },
	{ "ip[0", 4, "syntax error" },
	{ "port", 4, "syntax error" },
	{ "len >", 5, "syntax error" },
	{ "tcp[tcpflags] & tcp-syn", 23, "syntax error" },
	/* a word is quoted */
	{ "tcp and host foo.invalid or (udp", 13, "unknown host 'foo.invalid'" },
	{ "port http or host http", 18, "unknown host 'http'" },
	{ "host 1.2.3.4.5", 5, "unknown host '1.2.3.4.5'" },
	{ "host 300.1.1.1", 5, "invalid IPv4 address" },
	{ "tcp port ftps-x", 9, "unknown port" },
	{ "ip proto foo", 9, "unknown ip proto" },
	{ "ip proto \\foo", 9, "unknown ip proto" },
	{ "tcp port 80 and tcp host 1.2.3.4", 16, "'tcp' modifier applied to host" },
	{ "tcp and net 1.2.3.4/8", 12, "non-network bits set" },
	{ "tcp and ip broadcast", 8, "'ip broadcast' not supported" },
	{ "ip6 host 1.2.3.4", 0, "'ip6' modifier" },
	{ "tcp or ifindex 3", 7, "'ifindex'" },
	/* none is */
	{ "port 99999 or tcp", 5, "illegal port number" },
	{ "udp portrange 1-99999", 14, "illegal port number" },
	{ "net 1.2.3.0/33", 12, "mask length" },
	{ "tcp or vlan 5000", 12, "VLAN tag 5000" },
	{ "ether host 1:2:3", 11, "bogus ethernet address" },
	{ "ip[99999999999] = 1", 3, "overflows" },
	{ "tcp and ether or ip", 8, "link layer applied in wrong context" },
	{ "ip[0:3] = 3", 5, "data size" },
	{ "ip[0] / 0 = 1", 8, "division by zero" },
	{ "tcp and udp", 8, "rejects all packets" },
	{ "(ip and ip6 or arp) and udp", 24, "rejects all packets" },
	{ "type mgt", 5, "802.11" },
};

static void test_columns(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		const struct wrong *w = &wrongs[i];
		struct filter_problem problem;
		struct filter *f = NULL;

		assert_int_equal(compile(&f, w->expression, ETHERNET, NULL, &problem), -EINVAL);
		assert_null(f);
		if (problem.column != w->column || !strstr(problem.text, w->said))
			fail_msg("\"%s\": column %d instead of %d, said: %s", w->expression, problem.column, w->column,
				 problem.text);
	}
}

/* Whatever the expression, libpcap asks for each name that it comes to once. */
static void test_lookups(void **state)
{
	struct filter_problem problem;
	struct filter *f = NULL;

	(void)state;
	lookups = 0;
	assert_int_equal(compile(&f, "host one.example and src two.example and net 10.0.0.0/8 and port http x", ETHERNET, NULL, &problem), -EINVAL);
	assert_int_equal(problem.column, 70);
	assert_int_equal(lookups, 2);
	lookups = 0;
	assert_int_equal(compile(&f, "host one.example and not-there and port 99999", ETHERNET, NULL, &problem), -EINVAL);
	assert_int_equal(problem.column, 21);
	assert_int_equal(lookups, 2);
	lookups = 0;
	assert_int_equal(compile(&f, "host one.example and (two.example or one.example) and port 99999", ETHERNET, NULL, &problem), -EINVAL);
	assert_int_equal(problem.column, 59);
	assert_int_equal(lookups, 3);
}

static void test_link_types(void **state)
{
	struct filter_problem problem;
	struct filter *f = NULL;

	(void)state;
	assert_int_equal(compile(&f, "tcp", 113, NULL, &problem), -ENOTSUP);
	assert_int_equal(problem.column, -1);
	assert_non_null(strstr(problem.text, "link type 113"));
	assert_int_equal(compile(&f, "ip and ether host 2:0:0:0:0:1", RAW_IP, NULL, &problem), -EINVAL);
	assert_int_equal(problem.column, 18);
	assert_int_equal(compile(&f, "vlan", RAW_IP, NULL, &problem), -EINVAL);
	assert_non_null(strstr(problem.text, "no VLAN support"));
	assert_int_equal(problem.column, 0);
}

static void check_soon(const char *expression, int column)
{
	struct timespec begin, end;
	struct filter_problem problem;
	struct filter *f = NULL;
	double took_s;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	assert_int_equal(compile(&f, expression, ETHERNET, NULL, &problem), -EINVAL);
	clock_gettime(CLOCK_MONOTONIC, &end);
	took_s = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
	if (took_s > 3)
		fail_msg("took %.1f s", took_s);
	if (problem.column != column && problem.column != -1) /* a slow machine may give up */
		fail_msg("column %d instead of %d: %s", problem.column, column, problem.text);
}

static void test_long(void **state)
{
	char *expression = malloc(200000);
	size_t len, i;

	(void)state;
	assert_non_null(expression);
	len = (size_t)sprintf(expression, "tcp");
	for (i = 0; i < 4000; i++)
		len += (size_t)sprintf(expression + len, " or host 10.0.%zu.%zu", i >> 8, i & 255);
	strcpy(expression + len, " or port 99999 or tcp");
	check_soon(expression, (int)len + 9);
	strcpy(expression + len, " prot 80");
	check_soon(expression, (int)len + 1);
	memset(expression, 'x', 100000);
	expression[100000] = '\0';
	check_soon(expression, 0);
	memset(expression, '(', 5000);
	expression[5000] = '\0';
	check_soon(expression, 5000);
	free(expression);
}

/* Words in any order: nothing to crash on, and a column within the expression. */
static void test_random(void **state)
{
	static const char *const words[] = {
		"tcp", "udp", "ip", "ip6", "host", "net", "port", "portrange", "src", "dst", "and", "or", "not", "(", ")", "[", "]", "1", "80",
		"1.2.3.4", "10.0.0.0/8", "::1", "1:2:3:4:5:6", "1:2:", "one.example", "http", "nobody", "=", "!=", ">", "<=", "&", "|", "+",
		"-", "*", "/", "!", "&&", "||", "len", "vlan", "mpls", "proto", "\\tcp", "tcp-syn", "tcpflags", "inbound", "ifindex", "ether",
		"broadcast", "less", "@", "$1", "_", "0x10", "99999", "99999999999", "type", "on", "gateway", ":", "dead::beef", "'", "\"",
		"\\", "\t", "\xff",
	};
	uint64_t seed = 20261123;
	unsigned int cases;

	(void)state;
	for (cases = 0; cases < 4000; cases++) {
		unsigned int count = 1 + (unsigned int)(fixture_random(&seed) % 9);
		struct filter_problem problem;
		struct filter *f = NULL;
		char expression[256] = "";

		while (count--) {
			strcat(expression, words[fixture_random(&seed) % (sizeof(words) / sizeof(words[0]))]);
			if (fixture_random(&seed) % 4)
				strcat(expression, " ");
		}
		if (compile(&f, expression, ETHERNET, NULL, &problem))
			assert_in_range(problem.column + 1, 0, strlen(expression) + 1);
		else
			filter_match(f, tcp_frame, sizeof(tcp_frame), 100, true);
		filter_free(f);
	}
}

/* ---- devices, in a network namespace of their own */

static void device_up(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	strcpy(request.ifr_name, name);
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	close(fd);
}

/* The descriptor that keeps it; -1 without /dev/net/tun. */
static int tun_make(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	strcpy(request.ifr_name, name);
	if (fd >= 0 && ioctl(fd, TUNSETIFF, &request)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void check_device(const char *device, uint16_t link_type, const char *expression, int want, const char *said)
{
	struct filter_problem problem;
	struct filter *f = NULL;
	int err = compile(&f, expression, link_type, device, &problem);

	if (err != want || (err && (!strstr(problem.text, said) || problem.column != -1)))
		fail_msg("%s: %d instead of %d: %s", device, err, want, err ? problem.text : "");
	filter_free(f);
}

static void check_text(const char *device, const char *expression, const char *part)
{
	struct filter_problem problem;
	struct filter *f = NULL;
	char *text;

	assert_int_equal(compile(&f, expression, ETHERNET, device, &problem), 0);
	text = filter_text(f);
	if (!strstr(text, part))
		fail_msg("%s on %s: no %s in\n%s", expression, device, part, text);
	free(text);
	filter_free(f);
}

static void check_loopback(void)
{
	struct filter_problem problem;
	struct filter *f = NULL;
	size_t i;

	check_device("lo", ETHERNET, "tcp", 0, "");
	check_text("lo", "vlan 5 and inbound", "[vlanp]");
	check_text("lo", "ifindex 3", "#0x3");
	check_text("lo", "ip broadcast", "#0xffffff "); /* 127.0.0.0/8 */
	assert_int_equal(compile(&f, "tcp prot 80", ETHERNET, "lo", &problem), -EINVAL);
	assert_int_equal(problem.column, 4);
	for (i = 0; have_tcpdump() && i < GOOD_COUNT; i++)
		check_tcpdump("-i lo", good[i], ETHERNET, "lo");
}

static void test_device(void **state)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), tun;

	(void)state;
	assert_true(home >= 0);
	if (unshare(CLONE_NEWNET)) {
		close(home);
		skip();
	}
	check_device("nodev", ETHERNET, "tcp", -ENODEV, "nodev");
	check_device("lo", ETHERNET, "tcp", -ENETDOWN, "ip link set lo up");
	device_up("lo");
	check_loopback();
	assert_int_equal(seteuid(65534), 0);
	check_device("lo", ETHERNET, "tcp", -EPERM, "CAP_NET_RAW");
	assert_int_equal(seteuid(0), 0);
	tun = tun_make("tun7");
	if (tun >= 0) {
		device_up("tun7");
		check_device("tun7", RAW_IP, "tcp or inbound", 0, "");
		check_device("tun7", ETHERNET, "tcp", -ENOTSUP, "Raw IP");
		check_device("tun7", RAW_IP, "tcp", 0, "");
		close(tun);
	}
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	close(home);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_print),	  cmocka_unit_test(test_code),	 cmocka_unit_test(test_join),
		cmocka_unit_test(test_match),	  cmocka_unit_test(test_direction), cmocka_unit_test(test_columns),
		cmocka_unit_test(test_lookups),	  cmocka_unit_test(test_link_types), cmocka_unit_test(test_long),
		cmocka_unit_test(test_random),	  cmocka_unit_test(test_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
