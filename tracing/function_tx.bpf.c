// SPDX-License-Identifier: GPL-2.0-only
/* Kernel functions that a packet to send passes, each as fentry and as kprobe. Names and parameters are the same from 5.10 to 7.2 unless said. */
#include "output.bpf.h"
#include "write.bpf.h"

/* Not tcp_sendmsg: with the socket locked, where the call's bytes begin cannot change any more. */
SC_FUNCTION(sc_tcp_send, "tcp_sendmsg_locked", (struct sock *sk, struct msghdr *msg, __u64 bytes), tcp_written(sk, bytes, false, typed))
/* sendfile() and splice() until 6.5 (kernel commit 1d7e4538a546). */
SC_FUNCTION(sc_tcp_pages, "do_tcp_sendpages", (struct sock *sk, void *page, int offset, __u64 bytes), tcp_written(sk, bytes, false, typed))

SC_FUNCTION(sc_udp4_send, "udp_sendmsg", (struct sock *sk), datagram_written(sk, typed))
SC_FUNCTION(sc_udp6_send, "udpv6_sendmsg", (struct sock *sk), datagram_written(sk, typed))
SC_FUNCTION(sc_raw4_send, "raw_sendmsg", (struct sock *sk), datagram_written(sk, typed))
SC_FUNCTION(sc_raw6_send, "rawv6_sendmsg", (struct sock *sk), datagram_written(sk, typed))
SC_FUNCTION(sc_ping4_send, "ping_v4_sendmsg", (struct sock *sk), datagram_written(sk, typed))
SC_FUNCTION(sc_ping6_send, "ping_v6_sendmsg", (struct sock *sk), datagram_written(sk, typed))

SC_FUNCTION(sc_tcp_xmit, "__tcp_transmit_skb", (struct sock *sk), l4_sent(sk, typed))
SC_FUNCTION(sc_udp4_xmit, "udp_send_skb", (struct sk_buff *skb), l4_sent(FIELD(typed, skb, sk), typed))
SC_FUNCTION(sc_udp6_xmit, "udp_v6_send_skb", (struct sk_buff *skb), l4_sent(FIELD(typed, skb, sk), typed))

SC_FUNCTION(sc_ip_out, "__ip_local_out", (struct net *net, struct sock *sk, struct sk_buff *skb), ip_made(skb, route_flags(skb, typed), typed))
SC_FUNCTION(sc_ip6_out, "__ip6_local_out", (struct net *net, struct sock *sk, struct sk_buff *skb), ip_made(skb, route_flags(skb, typed), typed))

/* TCP over IPv6 does not come by __ip6_local_out, and ip6_xmit() has more parameters than fentry takes. The packet has no route here yet, its socket has. */
SC_FUNCTION(sc_ip6_csk, "inet6_csk_xmit", (struct sock *sk, struct sk_buff *skb), ip_made(skb, sock_route_flags(sk, typed), typed))

SC_FUNCTION(sc_ip_finish, "ip_finish_output", (struct net *net, struct sock *sk, struct sk_buff *skb), ip_leaves(skb, FIELD(typed, skb, dev), typed))
SC_FUNCTION(sc_ip6_finish, "ip6_finish_output", (struct net *net, struct sock *sk, struct sk_buff *skb), ip_leaves(skb, FIELD(typed, skb, dev), typed))
