// SPDX-License-Identifier: GPL-2.0-only
/* Defines every map and constant. */
#include "adrift.bpf.h"
#include "cut.bpf.h"
#include "early.bpf.h"
#include "filter.bpf.h"
#include "hist_row.bpf.h"
#include "hist_wait.bpf.h"
#include "interrupt.bpf.h"
#include "mark.bpf.h"
#include "queued.bpf.h"
#include "sending.bpf.h"
#include "sock_state.bpf.h"
#include "turned_down.bpf.h"
#include "xdp_frames.bpf.h"

const volatile __u32 conf_stages = ~0u;
const volatile __u32 conf_netns_inum = 0;
const volatile __u32 conf_snaplen = 256;
const volatile __u32 conf_room = SC_MIN_BYTES;
const volatile __u32 conf_set_mask = 1023;
const volatile __u64 conf_limit = 0;
const volatile __u64 conf_slower_ns = 0;
const volatile __u8 conf_hist_sides[SC_HIST_STAGES * SC_HIST_STAGES] = {};
const volatile __u32 conf_wake_bytes = 1 << 20;
const volatile __u8 conf_softirq_raise = 0;
const volatile __u8 conf_poll_function = 0;
const volatile __u8 conf_gro_entry = 0;
const volatile __u8 conf_xdp_generic = 0;
const volatile __u8 conf_l4_cgroup = 0;
const volatile __u8 conf_l4_function = 0;
const volatile __u8 conf_tcp_queue = 0;
const volatile __u8 conf_dgram_queue = 0;
const volatile __u8 conf_data_ready = 0;
const volatile __u8 conf_recv_length = 0;
const volatile __u8 conf_dgram_ready = 0;
const volatile __u8 conf_consume_udp = 0;
const volatile __u8 conf_atomics = 1;
const volatile __u8 conf_sk_storage = 1;
const volatile __u8 conf_cookies = 1;
const volatile __u8 conf_dynptr = 1;
const volatile __u64 conf_vmemmap_at = 0;
const volatile __u64 conf_page_offset_at = 0;
const volatile __u8 conf_filter = 0;
const volatile __u8 conf_sock_gate = 0;
const volatile __u8 conf_flow_filter = 0;
const volatile struct sc_device conf_devices[SC_MAX_DEVICES] = {};
const volatile __u64 conf_irqs[SC_MAX_IRQ / 64] = {};
const volatile __u64 conf_irqs_shared[SC_MAX_IRQ / 64] = {};
const volatile __u16 conf_irq_queues[SC_MAX_IRQ] = {};
const volatile char conf_irq_names[SC_MAX_IRQ_NAMES][16] = {};

__u32 socks_followed = 0;
__u32 open_total = 0;
__u32 cut_any = 0;
__u32 begin_dirs = 0;
__u32 begin_at_tc = 0;
__u32 begin_at_driver = 0;
__u64 key_origin = 0;
__u64 begun_total = 0;

struct map_cpu cpu_states SEC(".maps");
struct map_sets sets SEC(".maps");
struct map_timelines timelines SEC(".maps");
struct map_rings rings SEC(".maps");
struct map_pieces pieces SEC(".maps");
struct map_parents gro_parents SEC(".maps");
struct map_cut_packets cut_packets SEC(".maps");
struct map_adrifts adrifts SEC(".maps");
struct map_earlies earlies SEC(".maps");
struct map_turned_down turned_down SEC(".maps");
struct map_socks socks SEC(".maps");
struct map_socks_by_cookie socks_by_cookie SEC(".maps");
struct map_slot_locks slot_locks SEC(".maps");
struct map_queued queued_skbs SEC(".maps");
struct map_hist_rows hist_rows SEC(".maps");
struct map_hist_index hist_index SEC(".maps");
struct map_hist_socks hist_socks SEC(".maps");
struct map_hist_datagrams hist_datagrams SEC(".maps");
struct map_sendings sendings SEC(".maps");
struct map_driver_marks driver_marks SEC(".maps");
struct map_napi_marks napi_marks SEC(".maps");
struct map_xdp_marks xdp_marks SEC(".maps");
struct map_xdp_frames xdp_frames SEC(".maps");
struct map_filter_views filter_views SEC(".maps");

char _license[] SEC("license") = "GPL";
