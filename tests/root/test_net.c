/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What user/net.h says of devices and namespaces, on devices made for it; and which rows of an
 * interrupt table it takes.
 */
#include "tests/root/root_lab.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/net.h"
#include "user/net_irq.h"

static void veth_is_software_ethernet(void **state)
{
	struct lab *lab = lab_need(state);
	struct net_device_info info;
	char index[16];

	lab_run(lab, "ip link set sc0 address 02:00:00:00:00:07");
	assert_int_equal(net_device_query("sc0", &info), 0);
	assert_int_equal(info.ifindex, lab->sc0);
	assert_false(info.raw || info.physical);
	assert_string_equal(info.capture.name, "sc0");
	assert_string_equal(info.capture.description, "veth");
	assert_memory_equal(info.capture.mac, "\x02\0\0\0\0\x07", 6);
	assert_int_equal(info.capture.link_type, 1);
	assert_int_equal(info.irq_count + info.upper_count, 0);
	snprintf(index, sizeof(index), "%d", lab->sc0);
	assert_int_equal(net_device_query(index, &info), 0);
	assert_string_equal(info.capture.name, "sc0");
}

static void loopback_is_ethernet(void **state)
{
	struct net_device_info info;

	lab_need(state);
	assert_int_equal(net_device_query("lo", &info), 0);
	assert_int_equal(info.capture.link_type, 1);
	assert_string_equal(info.capture.description, "loopback");
	assert_false(info.physical);
}

static void tun_is_raw(void **state)
{
	struct lab *lab = lab_need(state);
	struct net_device_info info;

	if (access("/dev/net/tun", F_OK) < 0) {
		print_message("SKIP: no /dev/net/tun\n");
		skip();
	}
	lab_run(lab, "ip tuntap add dev sctun mode tun");
	assert_int_equal(net_device_query("sctun", &info), 0);
	assert_true(info.raw);
	assert_int_equal(info.capture.link_type, 101);
	lab_run(lab, "ip link del sctun");
}

static void unknown_devices(void **state)
{
	struct net_device_info info;
	char names[64];

	lab_need(state);
	assert_int_equal(net_device_query("sc9", &info), -ENODEV);
	assert_int_equal(net_device_query("", &info), -ENODEV);
	assert_int_equal(net_device_query("0", &info), -ENODEV);
	assert_int_equal(net_device_query("99999999999999999999", &info), -ENODEV);
	assert_int_equal(net_device_query("a-name-longer-than-any-device", &info), -ENODEV);
	assert_int_equal(net_device_names(names, sizeof(names)), 0);
	assert_non_null(strstr(names, "sc0"));
	assert_non_null(strstr(names, ", "));
	assert_int_equal(net_device_names(names, 4), 0);
	assert_true(strlen(names) <= 3);
}

static void bridge_is_an_upper(void **state)
{
	struct lab *lab = lab_need(state);
	struct net_device_info info;

	lab_run(lab, "ip link add scbr type bridge; ip link set sc0 master scbr");
	assert_int_equal(net_device_query("sc0", &info), 0);
	assert_int_equal(info.upper_count, 1);
	assert_int_equal(info.uppers[0], if_nametoindex("scbr"));
	assert_int_equal(net_device_query("scbr", &info), 0);
	assert_int_equal(info.upper_count, 0);
	assert_false(info.physical);
	lab_run(lab, "ip link del scbr");
}

/* A bridge on a vxlan on sc0. */
static void uppers_are_recursive(void **state)
{
	struct lab *lab = lab_need(state);
	struct net_device_info info;

	if (strlen(lab_output("ip link add scprobe type vxlan id 7 dev sc0 dstport 4789 2>&1")) !=
	    0) {
		print_message("SKIP: no vxlan\n");
		skip();
	}
	lab_run(lab, "ip link add scbr type bridge; ip link set scprobe master scbr");
	assert_int_equal(net_device_query("scprobe", &info), 0);
	assert_int_equal(info.upper_count, 1);
	assert_int_equal(net_device_query("sc0", &info), 0);
	assert_int_equal(info.upper_count, 2);
	lab_run(lab, "ip link del scbr; ip link del scprobe");
}

static void namespaces_are_entered(void **state)
{
	struct lab *lab = lab_need(state);
	struct net_device_info info;
	uint32_t here, there, back;
	char text[64];
	int old = -1;

	assert_int_equal(net_namespace_inum(&here), 0);
	snprintf(text, sizeof(text), "%d", lab->keeper);
	assert_int_equal(net_namespace_enter(text, &old), 0);
	assert_int_equal(net_namespace_inum(&there), 0);
	assert_int_not_equal(here, there);
	assert_int_equal(net_device_query("sc1", &info), 0);
	assert_int_equal(net_device_query("sc0", &info), -ENODEV);
	snprintf(text, sizeof(text), "/proc/self/fd/%d", old);
	assert_int_equal(net_namespace_enter(text, NULL), 0);
	assert_int_equal(net_namespace_inum(&back), 0);
	assert_int_equal(here, back);
	close(old);
	assert_int_equal(net_namespace_enter("no-such-namespace", &old), -ENOENT);
	assert_int_equal(net_namespace_enter("/proc/self/ns/mnt", NULL), -EINVAL);
}

static const char interrupts[] =
	"           CPU0       CPU1       \n"
	" 16:          7          0   IO-APIC  16-fasteoi   uhci_hcd:usb1, ens33\n"
	" 24:          1          0  PCI-MSIX-0000:02:01.0   0-edge      ens33-rx-0\n"
	" 25:          1          0  PCI-MSIX-0000:02:02.0   0-edge      ens331-rx-0\n"
	" 38:          0        551 PCI-MSIX-0000:00:03.0   1-edge      virtio2-input.0\n"
	" 39:          0        551 PCI-MSIX-0000:00:03.0   1-edge      virtio21-input.0\n"
	" 40:          0          0 PCI-MSI 524288-edge      mlx5_comp0@pci:0000:03:00.0\n"
	"NMI:          0          0   Non-maskable interrupts ens33\n"
	"4294967297:   0          0   none ens33\n"
	" 41";

static void interrupt_rows(void **state)
{
	static const char *const ens33[] = { "ens33" }, *const virtio2[] = { "virtio2", "eth0" },
				 *const pci[] = { "0000:03:00.0", "" };
	char path[] = "/tmp/stampcap-test-XXXXXX";
	int fd = mkstemp(path);
	unsigned int irqs[4];

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, interrupts, strlen(interrupts)), (ssize_t)strlen(interrupts));
	close(fd);
	assert_int_equal(net_irq_scan(path, ens33, 1, irqs, 0, 4), 2);
	assert_int_equal(irqs[0], 16);
	assert_int_equal(irqs[1], 24);
	assert_int_equal(net_irq_scan(path, virtio2, 2, irqs, 2, 4), 3);
	assert_int_equal(irqs[2], 38);
	assert_int_equal(net_irq_scan(path, pci, 2, irqs, 0, 4), 1);
	assert_int_equal(irqs[0], 40);
	assert_int_equal(net_irq_scan(path, ens33, 1, irqs, 0, 1), 1);
	unlink(path);
	assert_int_equal(net_irq_scan(path, ens33, 1, irqs, 0, 4), 0);
}

/* Vectors that serve transmit queues alone go; of the others the queue is known where the name says so. */
static void interrupt_queues(void **state)
{
	static const char table[] = "           CPU0       CPU1\n"
				    " 30:  0  0  PCI-MSIX-0000:00:05.0   0-edge      virtio3-config\n"
				    " 31:  0  0  PCI-MSIX-0000:00:05.0   1-edge      virtio3-input.0\n"
				    " 32:  0  0  PCI-MSIX-0000:00:05.0   2-edge      virtio3-output.0\n"
				    " 33:  0  0  PCI-MSIX-0000:00:05.0   3-edge      virtio3-input.11\n"
				    " 34:  0  0  PCI-MSI 1-edge      ens33-tx-0\n"
				    " 35:  0  0  PCI-MSI 2-edge      ens33-rx-0\n"
				    " 36:  0  0  PCI-MSI 3-edge      i40e-ens33-TxRx-7\n"
				    " 37:  0  0  PCI-MSI 4-edge      ens33-rxtx-2\n"
				    " 10:  0  0   IO-APIC  10-fasteoi   ens33, eth1\n";
	unsigned int irqs[] = { 30, 31, 32, 33, 34, 35, 36, 37, 10, 99 };
	const unsigned int kept[] = { 30, 31, 33, 35, 36, 37, 10, 99 }, queue[] = { 0, 1, 12, 1, 8, 3, 0, 0 };
	char path[] = "/tmp/stampcap-test-XXXXXX";
	int fd = mkstemp(path);
	uint16_t queues[10];

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, table, strlen(table)), (ssize_t)strlen(table));
	close(fd);
	assert_int_equal(net_irq_sort(path, irqs, queues, 10), 8);
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(irqs[i], kept[i]);
		assert_int_equal(queues[i], queue[i]);
	}
	unlink(path);
}

#define LAB(test) cmocka_unit_test_setup_teardown(test, lab_setup, lab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB(veth_is_software_ethernet),
		LAB(loopback_is_ethernet),
		LAB(tun_is_raw),
		LAB(unknown_devices),
		LAB(bridge_is_an_upper),
		LAB(uppers_are_recursive),
		LAB(namespaces_are_entered),
		cmocka_unit_test(interrupt_rows),
		cmocka_unit_test(interrupt_queues),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
