/* SPDX-License-Identifier: GPL-2.0-only */
/* What is kept with a socket. */
#pragma once

#include "maps.bpf.h"

#define SENDS_KEPT 4
struct send_call {
	__u64 time_ns;
	__u32 from; /* first sequence number */
	__u32 to;
	__u32 pid;
	__u32 tid;
};

struct sock_state { /* a socket of a captured device; freed with the socket */
	__u64 cookie;
	__u64 queued;	  /* datagrams queued so far, in the order of the socket */
	__u64 taken;	  /* datagrams read so far */
	__u32 reader_tid; /* 0 none yet, ~0 several */
	__u32 copied_seq; /* TCP: reported as read up to here */
	__u32 write_end;  /* TCP: end of the send call being reported */
	__u32 write_tid;  /* its thread, 0: none open */
	struct send_call send[SENDS_KEPT]; /* newest send calls while the filter has accepted nothing of this socket */
	__u32 sends;	  /* free-running */
	__u32 comm_tid;	  /* whose name `comm` is */
	char comm[16];
	__u8 followed;	  /* the filter has accepted a packet of it */
	__u8 fresh;	  /* followed, and no read or datagram has been counted yet */
	__u8 pad[6];
};
struct map_socks {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct sock_state);
};
extern struct map_socks socks SEC(".maps");
