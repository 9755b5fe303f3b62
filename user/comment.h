/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one-line comment that carries a packet's timeline in the file:
 *
 *   stampcap rx total=152.318us hardirq=+0.000us softirq=+2.104us ... read=+144.910us | driver_side=5.435us stack=3.171us app=143.712us |
 *   cpu=1 irq=33 queue=0 pid=812 comm=nginx end=read flags=gro+retrans id=4711
 *
 * (one line). Tokens are name=value separated by one space, '|' separates groups, no commas. Times are microseconds with three decimals, so
 * exact ns. The first stamped stage is +0.000us; every other is the time since the stamped stage before it. Absent values are absent.
 * `anchor` does not appear: it is the first packet-owned stamp (RX: xdp, driver, netif, tc ...; TX: driver, else netdev, else tc) and is the
 * block's timestamp, which is how parsing turns the steps back into absolute times. Stages of the forwarded half of an RX packet are prefixed
 * `tx_`. The sides group also has unsplit=...us when time belongs to no single side (see packet_sides); zero sides that no interval fed are absent.
 * After id, where set: gro=K/N (the K-th of N packets that GRO made one skb of), into=ID (GRO parent), of=ID (retransmission: the packet that had its first byte
 * first; else segmentation parent), segs=N (super-packet: what it is cut into), ends=N (datagram to a group: sockets it was offered to, full ones too), via=DEV, at=STAGE. comm: printable ASCII, other bytes, space, '=', '|',
 * ',' and '\' written as \xHH.
 */
#pragma once

#include <stddef.h>

#include "user/packet.h"

#define COMMENT_MAX 2048 /* enough for every packet */

/* Writes p's comment into buf (NUL-terminated); returns its length or -ENOSPC. */
int comment_format(const struct packet *p, char *buf, size_t size);

/*
 * Fills the timeline fields of *p (all but bytes, lengths, interface, wall_ns) from `text` of `len` bytes; p->wall_ns must be set: it anchors
 * the stamps. Returns 0, -ENOENT if the comment is not ours, -EINVAL if it is ours and malformed (p is then undefined).
 */
int comment_parse(struct packet *p, const char *text, size_t len);

/* The stage whose stamp is the block's timestamp: see above; SC_STAGE_NONE if no stage is stamped. */
unsigned int packet_anchor(const struct packet *p);
