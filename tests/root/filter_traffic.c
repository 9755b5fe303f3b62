/* SPDX-License-Identifier: GPL-2.0-only */
/* Records real traffic between a lab's namespaces for the filter tests: filter_packets.h. */
#include "tests/root/filter_packets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <pcap/pcap.h>

#include "tests/root/root_lab.h"

/* To the peer's namespace; returns what leads back. */
static int peer_enter(const struct lab *lab)
{
	char path[64];
	int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), there;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)lab->keeper);
	there = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(here >= 0 && there >= 0 && setns(there, CLONE_NEWNET) == 0);
	close(there);
	return here;
}

static void peer_leave(int here)
{
	assert_int_equal(setns(here, CLONE_NEWNET), 0);
	close(here);
}

static int socket_of_peer(const struct lab *lab, int domain, int type)
{
	int here = peer_enter(lab), fd = socket(domain, type | SOCK_CLOEXEC, 0);

	peer_leave(here);
	assert_true(fd >= 0);
	return fd;
}

static struct sockaddr_storage address_make(const char *text, uint16_t port, socklen_t *size)
{
	struct sockaddr_storage storage = { 0 };
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&storage;
	struct sockaddr_in *v4 = (struct sockaddr_in *)&storage;

	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		*size = sizeof(*v4);
	} else {
		assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		*size = sizeof(*v6);
	}
	return storage;
}

static void exchange_udp(const struct lab *lab, const char *address)
{
	uint8_t data[1400] = "datagram";
	socklen_t size;
	struct sockaddr_storage to = address_make(address, 9000, &size);
	int server = socket_of_peer(lab, to.ss_family, SOCK_DGRAM), client = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(client >= 0);
	assert_int_equal(bind(server, (struct sockaddr *)&to, size), 0);
	for (size_t i = 0; i < 30; i++)
		assert_true(sendto(client, data, i * 45, 0, (struct sockaddr *)&to, size) >= 0);
	close(server); /* from here on the answer is an ICMP error */
	for (size_t i = 0; i < 3; i++)
		sendto(client, data, 100, 0, (struct sockaddr *)&to, size);
	close(client);
}

static void exchange_tcp(const struct lab *lab, const char *address)
{
	uint8_t data[1000] = "GET / HTTP/1.1\r\n";
	socklen_t size;
	struct sockaddr_storage to = address_make(address, 8080, &size);
	int listener = socket_of_peer(lab, to.ss_family, SOCK_STREAM), client = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), server;

	assert_int_equal(bind(listener, (struct sockaddr *)&to, size), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(connect(client, (struct sockaddr *)&to, size), 0);
	server = accept(listener, NULL, NULL);
	assert_true(server >= 0);
	for (int i = 0; i < 25; i++) {
		assert_int_equal(send(client, data, sizeof(data), 0), sizeof(data));
		assert_int_equal(recv(server, data, sizeof(data), MSG_WAITALL), sizeof(data));
		assert_int_equal(send(server, data, 200, 0), 200);
		assert_int_equal(recv(client, data, 200, MSG_WAITALL), 200);
	}
	close(server);
	close(listener);
	close(client);
	client = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(client, (struct sockaddr *)&to, size), -1); /* nobody listens: a reset */
	close(client);
}

static void add_recorded(u_char *list, const struct pcap_pkthdr *header, const u_char *bytes)
{
	frames_add((struct frames *)list, bytes, header->caplen);
}

static void record_drain(pcap_t *handle, struct frames *list)
{
	assert_true(pcap_dispatch(handle, -1, add_recorded, (u_char *)list) >= 0);
}

static pcap_t *device_open(const char *device)
{
	char text[PCAP_ERRBUF_SIZE] = "";
	pcap_t *handle = pcap_create(device, text);

	assert_non_null(handle);
	pcap_set_snaplen(handle, 65535);
	pcap_set_timeout(handle, 20);
	pcap_set_buffer_size(handle, 32 << 20);
	assert_true(pcap_activate(handle) >= 0);
	assert_int_equal(pcap_setnonblock(handle, 1, text), 0);
	return handle;
}

/* Tagged frames of the list, sent by the peer: the kernel takes their tags out, libpcap puts them back in. */
static void exchange_tagged(const struct lab *lab, const struct frames *list)
{
	int here = peer_enter(lab);
	pcap_t *handle = device_open("sc1");
	size_t sent = 0;

	peer_leave(here);
	for (size_t i = 0; i < list->count && sent < 40; i++) {
		const struct frame *f = &list->frame[i];

		if (f->size > 60 && f->size < 1000 && (f->bytes[12] == 0x81 || f->bytes[12] == 0x88))
			sent += pcap_inject(handle, f->bytes, f->size) == (int)f->size;
	}
	pcap_close(handle);
	assert_int_equal(sent, 40);
}

size_t frames_record(struct frames *list, const struct lab *lab)
{
	static const char *const pings[] = { "-c 12 192.0.2.2", "-c 8 -s 4000 192.0.2.2", "-c 2 -R 192.0.2.2", "-c 12 2001:db8::2", "-c 8 -s 4000 2001:db8::2" };
	static const char *const peers[] = { "192.0.2.2", "2001:db8::2" };
	size_t before = list->count;
	struct pcap_stat stat = { 0 };
	pcap_t *handle;

	lab_run(lab, "ethtool -K sc0 tso off gso off gro off; ip addr add 2001:db8::1/64 dev sc0 nodad");
	lab_run(lab, "{peer} ethtool -K sc1 tso off gso off gro off; ip addr add 2001:db8::2/64 dev sc1 nodad; ip link set lo up");
	handle = device_open("sc0");
	for (size_t i = 0; i < sizeof(pings) / sizeof(pings[0]); i++) {
		lab_run(lab, "ping -q -i 0.01 -W 1 %s >/dev/null", pings[i]);
		record_drain(handle, list);
	}
	for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
		exchange_udp(lab, peers[i]);
		exchange_tcp(lab, peers[i]);
		record_drain(handle, list);
	}
	exchange_tagged(lab, list);
	assert_int_equal(pcap_stats(handle, &stat), 0);
	assert_int_equal(stat.ps_drop, 0);
	for (int wait = 0; list->count - before < stat.ps_recv && wait < 100; wait++) {
		usleep(50000); /* packets come in blocks, when their time is up */
		record_drain(handle, list);
	}
	pcap_close(handle);
	return list->count - before;
}
