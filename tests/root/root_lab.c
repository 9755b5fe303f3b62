/* SPDX-License-Identifier: GPL-2.0-only */
/* Builds and removes the two-namespace network of the root tests. */
#include "tests/root/root_lab.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tracing/stamp.h"

/* A child in a namespace of its own that lives until it is killed, or until we die. */
static pid_t keeper_start(void)
{
	int ready[2];
	pid_t pid;
	char byte;

	if (pipe(ready) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) < 0 || write(ready[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (pid > 0 && read(ready[0], &byte, 1) != 1)
		pid = -1;
	close(ready[0]);
	return pid;
}

static int maps_make(struct lab *lab)
{
	lab->marks_fd = bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "xdp_marks", sizeof(__u32),
				       sizeof(struct sc_xdp_marks), 1, NULL);
	lab->frames_fd = bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "xdp_frames", sizeof(__u32), sizeof(struct sc_xdp_frames), 1, NULL);
	lab->counter_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "counter", sizeof(__u32),
					 LAB_COUNTERS * sizeof(__u64), 1, NULL);
	return lab->marks_fd < 0 || lab->frames_fd < 0 || lab->counter_fd < 0 ? -1 : 0;
}

int lab_setup(void **state)
{
	struct lab *lab;

	*state = NULL;
	if (geteuid() != 0)
		return 0;
	lab = calloc(1, sizeof(*lab));
	if (!lab)
		return -1;
	lab->home_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (lab->home_fd < 0 || unshare(CLONE_NEWNET) < 0) {
		free(lab);
		return 0;
	}
	*state = lab;
	lab->keeper = keeper_start();
	if (lab->keeper < 0 || maps_make(lab))
		return -1;
	lab_run(lab, "ip link set lo up; ip link add sc0 type veth peer name sc1");
	lab_run(lab,
		"ip link set sc1 netns %d; ip addr add 192.0.2.1/24 dev sc0; ip link set sc0 up",
		lab->keeper);
	lab_run(lab, "{peer} ip addr add 192.0.2.2/24 dev sc1; ip link set sc1 up");
	lab->sc0 = (int)if_nametoindex("sc0");
	return lab->sc0 > 0 ? 0 : -1;
}

int lab_teardown(void **state)
{
	struct lab *lab = *state;

	if (!lab)
		return 0;
	system("ip link del sc0 2>/dev/null");
	if (lab->keeper > 0) {
		kill(lab->keeper, SIGKILL);
		waitpid(lab->keeper, NULL, 0);
	}
	setns(lab->home_fd, CLONE_NEWNET);
	close(lab->home_fd);
	close(lab->marks_fd);
	close(lab->frames_fd);
	close(lab->counter_fd);
	free(lab);
	return 0;
}

struct lab *lab_need(void **state)
{
	if (!*state) {
		print_message("SKIP: needs root and network namespaces\n");
		skip();
	}
	return *state;
}

void lab_run(const struct lab *lab, const char *fmt, ...)
{
	char text[512], command[640];
	va_list args;
	int status;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (strncmp(text, "{peer}", strlen("{peer}")) == 0)
		snprintf(command, sizeof(command), "nsenter --target %d --net sh -ec '%s'",
			 lab->keeper, text + strlen("{peer}"));
	else
		snprintf(command, sizeof(command), "set -e; %s", text);
	status = system(command);
	if (status != 0)
		fail_msg("%s: status %d", command, status);
}

const char *lab_output(const char *command)
{
	static char buffers[3][16384];
	static unsigned int next;
	char *buf = buffers[next++ % 3];
	FILE *f = popen(command, "re");
	size_t got;

	assert_non_null(f);
	got = fread(buf, 1, sizeof(buffers[0]) - 1, f);
	buf[got] = '\0';
	pclose(f);
	return buf;
}

int lab_program(const struct lab *lab, int type, int verdict, enum lab_counter counter)
{
	struct bpf_insn code[] = {
		/* r1 = &element[0].counters[counter] */
		{ .code = BPF_LD | BPF_DW | BPF_IMM,
		  .dst_reg = 1,
		  .src_reg = BPF_PSEUDO_MAP_VALUE,
		  .imm = lab->counter_fd },
		{ .imm = counter * (int)sizeof(__u64) },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = 1 },
		{ .code = BPF_STX | BPF_DW | BPF_ATOMIC,
		  .dst_reg = 1,
		  .src_reg = 2,
		  .imm = BPF_ADD },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = verdict },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(type, "foreign", "GPL", code, sizeof(code) / sizeof(code[0]), NULL);

	assert_true(fd >= 0);
	return fd;
}

uint64_t lab_counter(const struct lab *lab, enum lab_counter counter)
{
	uint64_t values[LAB_COUNTERS];
	__u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(lab->counter_fd, &zero, values), 0);
	return values[counter];
}

void lab_ping(const struct lab *lab)
{
	lab_run(lab, "{peer} ping -q -c 1 -W 1 192.0.2.1 >/dev/null || true");
}
