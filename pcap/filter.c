// SPDX-License-Identifier: GPL-2.0-only
/* Filter expressions, compiled and evaluated by libpcap: filter.h. */
#include "pcap/filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <linux/if_packet.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>

#include "pcap/filter_caret.h"

#define LINK_ETHERNET 1
#define LINK_RAW 101
#define SNAPLEN_BYTES 262144 /* tcpdump's: what accepting instructions return */
#define BUFFER_BYTES 65536   /* as little as libpcap takes: nothing is read from the handle */
#define _cleanup_(function) __attribute__((__cleanup__(function)))
#define ANCILLARY(member) ((uint32_t)(SKF_AD_OFF + (member)))

struct filter {
	struct bpf_program program;
	struct sock_filter *code;	/* the same, in the kernel's words */
	struct bpf_program directed[2]; /* [outgoing]: the same, its questions for the direction answered. Of a file's filter only */
};

static void handle_close(pcap_t **handle)
{
	if (*handle)
		pcap_close(*handle);
}

static void filter_drop(struct filter **f)
{
	filter_free(*f);
}

static void list_free(int **list)
{
	if (*list)
		pcap_free_datalinks(*list);
}

static int refuse(int err, struct filter_problem *problem, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int refuse(int err, struct filter_problem *problem, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(problem->text, sizeof(problem->text), fmt, args);
	va_end(args);
	problem->column = -1;
	return err;
}

/* ---- the handle: what an expression means depends on it */

static int activate_failed(int status, pcap_t *handle, const char *device, struct filter_problem *problem)
{
	switch (status) {
	case PCAP_ERROR_NO_SUCH_DEVICE:
		return refuse(-ENODEV, problem, "there is no interface %s to compile the expression for: try one that ip link shows", device);
	case PCAP_ERROR_IFACE_NOT_UP:
		return refuse(-ENETDOWN, problem,
			      "%s is down, and the kernel says how it captures only of an interface that is up: try ip link set %s up",
			      device, device);
	case PCAP_ERROR_PERM_DENIED:
	case PCAP_ERROR_PROMISC_PERM_DENIED:
		return refuse(-EPERM, problem,
			      "no permission for a packet socket on %s, which compiling the expression takes: try as root, or with CAP_NET_RAW",
			      device);
	default:
		return refuse(-EIO, problem, "cannot find out how %s captures, so the expression cannot be compiled for it: %s",
			      device, pcap_geterr(handle));
	}
}

/* Makes the handle an Ethernet one. */
static int ethernet_choose(pcap_t *handle, const char *device, struct filter_problem *problem)
{
	_cleanup_(list_free) int *list = NULL;
	const char *name = pcap_datalink_val_to_description_or_dlt(pcap_datalink(handle));
	int count, i;

	if (pcap_datalink(handle) == DLT_EN10MB)
		return 0;
	count = pcap_list_datalinks(handle, &list);
	for (i = 0; i < count; i++)
		if (list[i] == DLT_EN10MB && !pcap_set_datalink(handle, list[i]))
			return 0;
	return refuse(-ENOTSUP, problem, "libpcap captures on %s as \"%s\", which is not how its packets are recorded: try without an expression, and filter the file",
		      device, name);
}

static int live_open(pcap_t **out, const char *device, struct filter_problem *problem)
{
	_cleanup_(handle_close) pcap_t *handle = NULL;
	char text[PCAP_ERRBUF_SIZE] = "";
	int status, err;

	handle = pcap_create(device, text);
	if (!handle)
		return refuse(-ENOMEM, problem, "cannot ask %s how it captures: %s", device, text);
	pcap_set_snaplen(handle, SNAPLEN_BYTES);
	pcap_set_promisc(handle, 0);
	pcap_set_buffer_size(handle, BUFFER_BYTES);
	status = pcap_activate(handle);
	if (status < 0) /* positive: a warning */
		return activate_failed(status, handle, device, problem);
	err = ethernet_choose(handle, device, problem);
	if (err)
		return err;
	*out = handle;
	handle = NULL;
	return 0;
}

/* libpcap asks no device that is down; the loopback device of its namespace captures Ethernet in the same way. */
static int ethernet_open(pcap_t **out, const char *device, struct filter_problem *problem)
{
	struct filter_problem of_loopback;
	int err = live_open(out, device, problem);

	return err == -ENETDOWN && !live_open(out, "lo", &of_loopback) ? 0 : err;
}

/*
 * Of raw IP no device is asked: libpcap captures many that have such packets (PPP, GRE, IPIP) as something else, and for raw IP the code of a live capture is no
 * other one: tags are refused, and the directions are asked of the kernel.
 */
static int handle_open(pcap_t **out, const struct filter_request *request, struct filter_problem *problem)
{
	if (request->link_type != LINK_ETHERNET && request->link_type != LINK_RAW)
		return refuse(-ENOTSUP, problem, "expressions are for packets with an Ethernet or an IP header in front, not for those of link type %u",
			      request->link_type);
	if (request->device && request->link_type == LINK_ETHERNET)
		return ethernet_open(out, request->device, problem);
	*out = pcap_open_dead(request->link_type == LINK_ETHERNET ? DLT_EN10MB : DLT_RAW, SNAPLEN_BYTES);
	return *out ? 0 : refuse(-ENOMEM, problem, "no memory to compile the expression");
}

/*
 * What `ip broadcast` needs; without an IPv4 address libpcap refuses that. pcap_compile() takes a mask in host order, pcap_lookupnet() gives it as it is on the
 * wire (libpcap pull request 1454: tcpdump -f mixes them up, and without -f it knows no mask).
 */
static bpf_u_int32 handle_netmask(const struct filter_request *request)
{
	char text[PCAP_ERRBUF_SIZE];
	bpf_u_int32 net, mask;

	if (!request->device || pcap_lookupnet(request->device, &net, &mask, text))
		return PCAP_NETMASK_UNKNOWN;
	return ntohl(mask);
}

/* ---- the code */

static int code_copy(struct filter *f, struct filter_problem *problem)
{
	const struct bpf_program *from = &f->program;
	u_int i;

	if (from->bf_len > USHRT_MAX)
		return refuse(-EINVAL, problem, "the expression makes a program of %u instructions, and no program has more than %u",
			      from->bf_len, USHRT_MAX);
	f->code = calloc(from->bf_len, sizeof(*f->code));
	if (!f->code)
		return refuse(-ENOMEM, problem, "no memory to compile the expression");
	for (i = 0; i < from->bf_len; i++) {
		const struct bpf_insn *insn = &from->bf_insns[i];

		f->code[i] = (struct sock_filter){ insn->code, insn->jt, insn->jf, insn->k };
	}
	return 0;
}

static bool insn_asks(const struct bpf_insn *insn, uint32_t ancillary)
{
	return BPF_CLASS(insn->code) == BPF_LD && BPF_MODE(insn->code) == BPF_ABS && insn->k == ancillary;
}

/* libpcap's evaluator knows no packet type: answer in advance. */
static int code_direct(struct filter *f, bool outgoing, struct filter_problem *problem)
{
	struct bpf_program *to = &f->directed[outgoing];
	u_int i;

	to->bf_insns = calloc(f->program.bf_len, sizeof(*to->bf_insns));
	if (!to->bf_insns)
		return refuse(-ENOMEM, problem, "no memory to compile the expression");
	to->bf_len = f->program.bf_len;
	memcpy(to->bf_insns, f->program.bf_insns, to->bf_len * sizeof(*to->bf_insns));
	for (i = 0; i < to->bf_len; i++) {
		struct bpf_insn *insn = &to->bf_insns[i];

		if (insn_asks(insn, ANCILLARY(SKF_AD_IFINDEX)))
			return refuse(-EINVAL, problem, "'ifindex' cannot be asked of the packets of a file: try without it");
		if (!insn_asks(insn, ANCILLARY(SKF_AD_PKTTYPE)))
			continue;
		insn->code = BPF_LD | BPF_IMM;
		insn->k = outgoing ? PACKET_OUTGOING : PACKET_HOST;
	}
	return 0;
}

static int code_make(struct filter *f, pcap_t *handle, const struct filter_request *request, struct filter_problem *problem)
{
	bpf_u_int32 netmask = handle_netmask(request);
	int err;

	if (pcap_compile(handle, &f->program, request->expression, 1, netmask)) {
		refuse(-EINVAL, problem, "%s", pcap_geterr(handle));
		problem->column = filter_caret_find(handle, netmask, request->expression, problem->text);
		return -EINVAL;
	}
	err = code_copy(f, problem);
	if (err || request->device)
		return err;
	err = code_direct(f, false, problem);
	if (!err)
		err = code_direct(f, true, problem);
	if (err == -EINVAL)
		problem->column = filter_caret_find(handle, netmask, request->expression, problem->text);
	return err;
}

int filter_new(struct filter **out, const struct filter_request *request, struct filter_problem *problem)
{
	_cleanup_(handle_close) pcap_t *handle = NULL;
	_cleanup_(filter_drop) struct filter *f = calloc(1, sizeof(*f));
	int err;

	if (!f)
		return refuse(-ENOMEM, problem, "no memory to compile the expression");
	err = handle_open(&handle, request, problem);
	if (!err)
		err = code_make(f, handle, request, problem);
	if (err)
		return err;
	*out = f;
	f = NULL;
	return 0;
}

void filter_free(struct filter *f)
{
	if (!f)
		return;
	pcap_freecode(&f->program);
	free(f->directed[false].bf_insns);
	free(f->directed[true].bf_insns);
	free(f->code);
	free(f);
}

struct sock_fprog filter_code(const struct filter *f)
{
	return (struct sock_fprog){ .len = (unsigned short)f->program.bf_len, .filter = f->code };
}

void filter_print(const struct filter *f, FILE *out)
{
	u_int i;

	for (i = 0; i < f->program.bf_len; i++)
		fprintf(out, "%s\n", bpf_image(&f->program.bf_insns[i], (int)i));
}

bool filter_match(const struct filter *f, const uint8_t *bytes, uint32_t cap_len_bytes, uint32_t wire_len_bytes, bool outgoing)
{
	const struct pcap_pkthdr header = { .caplen = cap_len_bytes, .len = wire_len_bytes };
	const struct bpf_program *program = f->directed[outgoing].bf_insns ? &f->directed[outgoing] : &f->program;

	return pcap_offline_filter(program, &header, bytes);
}

char *filter_join_words(char *const *words, size_t count)
{
	size_t size = 1, len = 0, i;
	char *joined;

	for (i = 0; i < count; i++)
		size += strlen(words[i]) + 1;
	joined = malloc(size);
	if (!joined)
		return NULL;
	for (i = 0; i < count; i++)
		len += (size_t)sprintf(joined + len, "%s%s", i ? " " : "", words[i]);
	joined[len] = '\0';
	return joined;
}
