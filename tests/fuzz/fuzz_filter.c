/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random classic programs on random packets: the translated code, run by ebpf_interpreter.h and by the kernel, has to agree with libpcap's bpf_filter(), with
 * the kernel's own classic engine at a socket, and with a plain interpreter of what translate.h promises. Half of the programs are compiled expressions with
 * instructions changed. FUZZ_SECONDS (60) of it; what fails prints the FUZZ_SEED that begins with it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/fuzz/classic_interpreter.h"
#include "tests/fuzz/classic_make.h"
#include "tests/fuzz/expressions.h"
#include "tests/fuzz/filter_lab.h"
#include "tests/fuzz/libpcap.h"
#include "tests/fuzz/packet_make.h"
#include "tests/verdict/verdict.h"

#define SECONDS_DEFAULT 60
#define PACKETS_PER_PROGRAM 32
#define SNAPLEN 65535
#define LOG_BYTES 65536
#define SKB_MAX 3400 /* what a test run puts into one page */
#define HEADERS_MIN (14 + 40) /* a test run wants the headers whole that Ethernet's type announces */
#define IFINDEX_LOOPBACK 1
#define LONG_FROM 200 /* from here on a program may be too much for a jump, or for the verifier's patience */

struct counts {
	unsigned long programs, packets, accepted, too_large, libpcap, socket, socket_refused, kernel, kernel_programs, far_calls;
};

struct fuzz {
	uint64_t seed; /* of this case */
	struct sock_filter code[2][TRANSLATE_CLASSIC_MAX];
	struct sock_fprog program[2];
	size_t programs;
	struct bpf_program compiled[2][EXPRESSIONS]; /* by link type; empty where the expression is not for it */
	struct translation translation;
	int sockets[2];
	bool socket_filters; /* they have this case's program */
	bool kernel_asked;
	struct verdict *verdict; /* NULL: this case is not put to the kernel */
	uint64_t kernel_ns, begin_ns;
	struct counts counts;
	uint8_t bytes[PACKET_MAX], untagged[PACKET_MAX], received[PACKET_MAX];
	char log[LOG_BYTES];
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- what failed */

static void programs_print(const struct fuzz *f)
{
	char line[128];

	for (size_t i = 0; i < f->programs; i++) {
		fprintf(stderr, "program %zu of %zu:\n", i + 1, f->programs);
		for (int at = 0; f->program[i].filter && at < f->program[i].len; at++)
			fprintf(stderr, "%-50s { 0x%x, %u, %u, 0x%x },\n", bpf_image(libpcap_code(&f->program[i]) + at, at), f->code[i][at].code, f->code[i][at].jt,
				f->code[i][at].jf, f->code[i][at].k);
	}
	for (size_t at = 0; at < f->translation.count; at++)
		fprintf(stderr, "%s\n", translate_text(&f->translation.code[at], at, line, sizeof(line)));
}

static void packet_print(const struct lab_packet *packet)
{
	fprintf(stderr, "packet: link type %u, %u of %u bytes, tag %u 0x%x, type %u, ifindex %u", packet->link_type, packet->data_bytes, packet->len_bytes,
		packet->vlan_present, packet->vlan_tag, packet->packet_type, packet->ifindex);
	for (uint32_t i = 0; i < packet->data_bytes; i++)
		fprintf(stderr, "%s%02x", i % 32 ? " " : "\n", packet->bytes[i]);
	fprintf(stderr, "\n");
}

/* `packet` may be NULL. */
__attribute__((noreturn, format(printf, 3, 4))) static void give_up(const struct fuzz *f, const struct lab_packet *packet, const char *format, ...)
{
	va_list args;

	programs_print(f);
	if (packet)
		packet_print(packet);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nFUZZ_SEED=%" PRIu64 " begins with this one\n", f->seed);
	exit(1);
}

/* ---- programs */

static void expressions_compile(struct fuzz *f)
{
	static const int link_types[] = { DLT_EN10MB, DLT_RAW };

	for (size_t type = 0; type < COUNT(link_types); type++) {
		pcap_t *dead = pcap_open_dead(link_types[type], SNAPLEN);

		for (size_t i = 0; dead && i < EXPRESSIONS; i++)
			if (pcap_compile(dead, &f->compiled[type][i], expressions[i], 1, 0xffffff00))
				f->compiled[type][i] = (struct bpf_program){ 0 };
		pcap_close(dead);
	}
}

static void expressions_free(struct fuzz *f)
{
	for (size_t type = 0; type < COUNT(f->compiled); type++)
		for (size_t i = 0; i < EXPRESSIONS; i++)
			pcap_freecode(&f->compiled[type][i]);
}

static size_t length_make(uint64_t *seed)
{
	if (random_one_in(seed, 1000))
		return 2 + random_below(seed, TRANSLATE_CLASSIC_MAX - 1);
	return random_one_in(seed, 12) ? 2 + random_below(seed, 400) : 2 + random_below(seed, 30);
}

static void program_make(struct fuzz *f, size_t type, uint64_t *seed)
{
	const struct bpf_program *compiled = &f->compiled[type][random_below(seed, EXPRESSIONS)];
	struct sock_filter *code = f->code[type];
	size_t len = compiled->bf_len, changes = random_one_in(seed, 4) ? 0 : random_below(seed, 5);

	if (len && len <= TRANSLATE_CLASSIC_MAX && random_one_in(seed, 2)) {
		memcpy(code, compiled->bf_insns, len * sizeof(*code));
		while (changes--)
			classic_mutate(code, len, seed);
	} else {
		len = length_make(seed);
		classic_make(code, len, seed);
	}
	f->program[type] = (struct sock_fprog){ (unsigned short)len, code };
	if (!bpf_validate(libpcap_code(&f->program[type]), (int)len))
		give_up(f, NULL, "the program is not valid");
}

static void programs_make(struct fuzz *f, uint64_t *seed)
{
	f->programs = random_one_in(seed, 4) ? 2 : 1;
	for (size_t i = 0; i < f->programs; i++)
		program_make(f, i, seed);
	if (f->programs == 2 && random_one_in(seed, 8))
		f->program[random_below(seed, 2)] = (struct sock_fprog){ 0 };
}

static bool is_long(const struct fuzz *f)
{
	return f->program[0].len > LONG_FROM || (f->programs > 1 && f->program[1].len > LONG_FROM);
}

/* False: it is too large, which is fine. */
static bool programs_translate(struct fuzz *f)
{
	struct translate_problem problem = { "" };
	const char *wrong;
	size_t at;
	int err = translate(&f->translation, f->program, f->programs, &filter_view_layout, &problem);
	if (err == -E2BIG && is_long(f)) {
		f->counts.too_large++;
		return false;
	}
	if (err)
		give_up(f, NULL, "refused: %s", problem.text);
	wrong = ebpf_check(f->translation.code, f->translation.count, &at);
	if (wrong)
		give_up(f, NULL, "instruction %zu: %s", at, wrong);
	f->counts.programs++;
	return true;
}

/* ---- judges */

static const struct sock_fprog *program_of(const struct fuzz *f, const struct lab_packet *packet)
{
	return &f->program[f->programs == 1 ? 0 : packet->link_type];
}

static uint32_t verdict_expected(const struct fuzz *f, const struct lab_packet *packet, unsigned int *notes)
{
	const struct sock_fprog *program = program_of(f, packet);
	struct classic_run run;
	uint32_t verdict;

	*notes = 0;
	if (!program->filter)
		return UINT32_MAX;
	verdict = classic_execute(&run, program, packet);
	*notes = run.notes;
	return verdict;
}

static void interpreter_ask(struct fuzz *f, const struct lab_packet *packet, uint32_t expected)
{
	struct ebpf_run run;
	uint32_t verdict = lab_execute(&run, &f->translation, packet);

	if (run.trap)
		give_up(f, packet, "instruction %zu: %s", run.at, run.trap);
	if (verdict != expected)
		give_up(f, packet, "0x%x instead of 0x%x", verdict, expected);
	f->counts.far_calls += run.far_calls;
}

static void libpcap_ask(struct fuzz *f, const struct lab_packet *packet, uint32_t expected)
{
	const struct sock_fprog *program = program_of(f, packet);
	uint32_t verdict;

	if (!program->filter)
		return;
	verdict = bpf_filter(libpcap_code(program), packet->bytes, packet->len_bytes, packet->data_bytes);
	if (verdict != expected)
		give_up(f, packet, "libpcap says 0x%x instead of 0x%x", verdict, expected);
	f->counts.libpcap++;
}

/* What the kernel's classic checker refuses, and we do not: memory read before it is written, wide shifts, offsets that look ancillary, jumps too far. */
static bool socket_may_refuse(const struct sock_fprog *program)
{
	bool may = program->len > 1000;

	for (size_t i = 0; i < program->len; i++) {
		const struct sock_filter *f = &program->filter[i];

		may |= f->code == (BPF_LD | BPF_MEM) || f->code == (BPF_LDX | BPF_MEM) || (BPF_CLASS(f->code) == BPF_LD && f->k >= (uint32_t)SKF_AD_OFF);
		may |= (f->code == (BPF_ALU | BPF_LSH | BPF_K) || f->code == (BPF_ALU | BPF_RSH | BPF_K)) && f->k > 31;
	}
	return may;
}

static void socket_prepare(struct fuzz *f)
{
	f->socket_filters = false;
	if (!f->program[0].filter)
		return;
	f->socket_filters = !setsockopt(f->sockets[1], SOL_SOCKET, SO_ATTACH_FILTER, &f->program[0], sizeof(f->program[0]));
	if (!f->socket_filters && !socket_may_refuse(&f->program[0]))
		give_up(f, NULL, "a socket refuses the filter: %s", strerror(errno));
	f->counts.socket_refused += !f->socket_filters;
}

/* A socket cuts what it accepts to as many bytes as the verdict says. */
static void socket_ask(struct fuzz *f, const struct lab_packet *packet, uint32_t expected)
{
	ssize_t want = expected < packet->data_bytes ? (ssize_t)expected : (ssize_t)packet->data_bytes, got;

	if (send(f->sockets[0], packet->bytes, packet->data_bytes, MSG_DONTWAIT) != (ssize_t)packet->data_bytes)
		give_up(f, packet, "cannot send: %s", strerror(errno));
	got = recv(f->sockets[1], f->received, sizeof(f->received), MSG_DONTWAIT | MSG_TRUNC);
	if (got != (expected ? want : -1))
		give_up(f, packet, "a socket says %zd instead of 0x%x", got, expected);
	f->counts.socket++;
}

/* What a filter sees of `packet`'s bytes at this hook. */
static struct lab_packet hook_packet(struct fuzz *f, enum verdict_hook hook, const struct lab_packet *packet)
{
	struct lab_packet seen = { .bytes = packet->bytes, .data_bytes = packet->data_bytes, .len_bytes = packet->data_bytes, .ifindex = IFINDEX_LOOPBACK };
	uint32_t proto = (uint32_t)packet->bytes[12] << 8 | packet->bytes[13];

	seen.packet_type = hook == VERDICT_XDP || hook == VERDICT_XDP_RAW ? 0 : 4;
	seen.link_type = hook == VERDICT_XDP_RAW || hook == VERDICT_TC_RAW;
	if (hook == VERDICT_TC_TAG) {
		seen.vlan_present = 1;
		seen.vlan_tag = VERDICT_TAG;
		seen.len_bytes += 4;
	}
	if (hook == VERDICT_XDP && seen.data_bytes >= 18 && (proto == 0x8100 || proto == 0x88a8)) {
		seen.vlan_present = 1;
		seen.vlan_tag = (uint32_t)packet->bytes[14] << 8 | packet->bytes[15];
		seen.data_bytes -= 4;
		seen.bytes = f->untagged;
		memcpy(f->untagged, packet->bytes, 12);
		memcpy(f->untagged + 12, packet->bytes + 16, packet->data_bytes - 16);
	}
	return seen;
}

static void kernel_ask(struct fuzz *f, enum verdict_hook hook, const struct lab_packet *packet)
{
	struct lab_packet seen;
	unsigned int notes;
	uint32_t expected;
	int accepted;

	if (packet->data_bytes < 14 || (packet->data_bytes > SKB_MAX && hook != VERDICT_XDP && hook != VERDICT_XDP_RAW))
		return;
	seen = hook_packet(f, hook, packet);
	expected = verdict_expected(f, &seen, &notes);
	accepted = verdict_run(f->verdict, hook, packet->bytes, packet->data_bytes);
	if (accepted == -ENOTSUP || (accepted == -EINVAL && packet->data_bytes < HEADERS_MIN))
		return;
	if (accepted != !!expected)
		give_up(f, &seen, "the kernel says %d instead of %d at hook %d", accepted, !!expected, (int)hook);
	f->counts.kernel++;
}

/* The kernel gets half of the time: loading takes far longer than all other judges. */
static void kernel_prepare(struct fuzz *f)
{
	uint64_t begin_ns = now_ns();
	int err;

	if (!f->kernel_asked || f->kernel_ns > (begin_ns - f->begin_ns) / 2)
		return;
	err = verdict_new(&f->verdict, &f->translation, f->log, sizeof(f->log));
	f->kernel_ns += now_ns() - begin_ns;
	f->kernel_asked = err != -EPERM || f->counts.kernel_programs;
	f->counts.too_large += err && is_long(f);
	if (err && f->kernel_asked && !is_long(f))
		give_up(f, NULL, "%s\nthe kernel refuses the program: %s", f->log, strerror(-err));
	f->counts.kernel_programs += !err;
}

static void kernel_done(struct fuzz *f)
{
	uint64_t begin_ns = now_ns();

	verdict_free(f->verdict);
	f->verdict = NULL;
	f->kernel_ns += now_ns() - begin_ns;
}

/* ---- cases */

static struct lab_packet packet_next(struct fuzz *f, uint64_t *seed)
{
	struct lab_packet packet = { .bytes = f->bytes, .link_type = f->programs == 2 && random_one_in(seed, 2) };

	packet.data_bytes = (uint32_t)packet_make(f->bytes, !packet.link_type, seed);
	packet.len_bytes = random_one_in(seed, 3) ? packet.data_bytes + random_value(seed) : packet.data_bytes;
	packet.vlan_present = random_one_in(seed, 3);
	packet.vlan_tag = packet.vlan_present ? random_below(seed, 65536) : 0;
	packet.packet_type = random_one_in(seed, 2) ? 4 : 0;
	packet.ifindex = random_value(seed);
	return packet;
}

static void packet_run(struct fuzz *f, uint64_t *seed)
{
	struct lab_packet packet = packet_next(f, seed);
	unsigned int notes;
	uint32_t expected = verdict_expected(f, &packet, &notes);

	interpreter_ask(f, &packet, expected);
	if (!(notes & CLASSIC_NOT_LIBPCAP))
		libpcap_ask(f, &packet, expected);
	if (f->socket_filters && !packet.link_type && !(notes & CLASSIC_NOT_SOCKET) && (!(notes & CLASSIC_LEN) || packet.len_bytes == packet.data_bytes))
		socket_ask(f, &packet, expected);
	for (int hook = 0; f->verdict && hook < VERDICT_HOOKS; hook++)
		kernel_ask(f, (enum verdict_hook)hook, &packet);
	f->counts.packets++;
	f->counts.accepted += !!expected;
}

static void case_run(struct fuzz *f, uint64_t *seed)
{
	if (!programs_translate(f))
		return;
	socket_prepare(f);
	kernel_prepare(f);
	for (unsigned int i = 0; i < PACKETS_PER_PROGRAM; i++)
		packet_run(f, seed);
	kernel_done(f);
	translation_free(&f->translation);
}

static void random_run(struct fuzz *f, uint64_t number)
{
	uint64_t seed = f->seed = number;

	programs_make(f, &seed);
	case_run(f, &seed);
}

/* Programs that once failed. */
static void known_run(struct fuzz *f, uint64_t number)
{
	/* The verifier's bounds of X exclude one another within the window: 4 to 60 in steps of 4, and 1 to 3. */
	static const struct sock_filter excluded[] = {
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 14), BPF_STMT(BPF_MISC | BPF_TXA, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 2, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_IND, 121), BPF_STMT(BPF_ALU | BPF_OR | BPF_K, 1), BPF_STMT(BPF_RET | BPF_A, 0),
	};
	uint64_t seed = f->seed = number;

	memcpy(f->code[0], excluded, sizeof(excluded));
	f->program[0] = (struct sock_fprog){ COUNT(excluded), f->code[0] };
	f->programs = 1;
	case_run(f, &seed);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static int report(const struct fuzz *f)
{
	const struct counts *c = &f->counts;
	bool empty = !c->libpcap || !c->socket || !c->far_calls || c->accepted < c->packets / 20 || (f->kernel_asked && !c->kernel);

	printf("%lu programs (%lu too large, %lu refused by sockets), %lu packets, %lu accepted, %lu bytes asked for beyond the window\n", c->programs, c->too_large,
	       c->socket_refused, c->packets, c->accepted, c->far_calls);
	printf("%s: verdicts of libpcap %lu, of a socket %lu, of the kernel %lu (%lu programs)%s\n", empty ? "FAILED, a judge or a case is missing" : "ok", c->libpcap,
	       c->socket, c->kernel, c->kernel_programs, f->kernel_asked ? "" : "; the kernel was not asked: that needs root");
	return empty;
}

int main(void)
{
	struct fuzz *f = calloc(1, sizeof(*f));
	uint64_t number = 0, end_ns;
	int status;

	if (!f || getrandom(&number, 4, 0) != 4 || socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, f->sockets)) {
		perror("fuzz_filter");
		return 1;
	}
	number = setting("FUZZ_SEED", number);
	printf("FUZZ_SEED=%" PRIu64 "\n", number);
	fflush(stdout);
	f->kernel_asked = !geteuid();
	expressions_compile(f);
	end_ns = now_ns() + setting("FUZZ_SECONDS", SECONDS_DEFAULT) * 1000000000;
	known_run(f, number);
	f->kernel_ns = 0;
	f->begin_ns = now_ns(); /* so that the kernel is asked about the first program: the one of a FUZZ_SEED */
	do
		random_run(f, number++);
	while (now_ns() < end_ns);
	status = report(f);
	expressions_free(f);
	close(f->sockets[0]);
	close(f->sockets[1]);
	free(f);
	return status;
}
