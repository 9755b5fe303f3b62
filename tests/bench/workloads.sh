# SPDX-License-Identifier: GPL-2.0-only
# The traffic: start_workload NAME once per series, run_workload for each measurement, which leaves $RATE and, where it is known, $P99; stop_workload.
# shellcheck shell=bash

PORT=9700
WORKLOAD=
WORKLOAD_PIDS=()

# Pinned, if that was asked for.
at_client() {
	# shellcheck disable=SC2086
	in_client ${CLIENT_CPUS:+taskset -c $CLIENT_CPUS} "$@"
}

serve() {
	# shellcheck disable=SC2086
	tool_ready server in_server ${SERVER_CPUS:+taskset -c $SERVER_CPUS} "$@"
	WORKLOAD_PIDS+=("$LAST_PID")
}

start_workload() {
	WORKLOAD=$1
	[ "$1" != bulk ] || in_client ethtool -K c0 tso on gso on gro on >/dev/null
	PORT=$((PORT + 1)) # the last one's connections linger
	case "$1" in
	tcp:* | udp:*) serve "$TOOLS/load" echo "${1%%:*}" "$SERVER4" $PORT "$(cut -d: -f2 <<<"$1")" 600 ;;
	bulk | wire) serve "$TOOLS/load" sink tcp "$SERVER4" $PORT 600 ;;
	flood) serve "$TOOLS/load" sink udp "$SERVER4" $PORT 600 ;;
	nginx) start_nginx ;;
	esac
	run_workload # warm
}

run_workload() {
	case "$WORKLOAD" in
	tcp:* | udp:*) at_client "$TOOLS/load" ask "${WORKLOAD%%:*}" "$SERVER4" $PORT "$(cut -d: -f2 <<<"$WORKLOAD")" "$(cut -d: -f3 <<<"$WORKLOAD")" "$seconds" >"$WORK/result" ;;
	bulk | wire) at_client "$TOOLS/load" bulk "$SERVER4" $PORT "$seconds" >"$WORK/result" ;;
	flood) at_client "$TOOLS/load" flood "$SERVER4" $PORT 18 "$seconds" >"$WORK/result" ;;
	nginx) run_wrk >"$WORK/result" ;;
	esac
	RATE=$(sed -n 's/.*rate=\([0-9]*\).*/\1/p' "$WORK/result")
	P99=$(sed -n 's/.*p99_ns=\([0-9]*\).*/\1/p' "$WORK/result")
	P99=${P99:-0}
}

stop_workload() {
	local pid

	[ "$WORKLOAD" != bulk ] || offloads_off "$CLIENT" c0
	for pid in "${WORKLOAD_PIDS[@]}"; do
		kill "$pid"
		wait "$pid" 2>/dev/null || true
	done
	WORKLOAD_PIDS=()
}

start_nginx() {
	mkdir -p "$WORK/www"
	head -c 600 /dev/zero | tr '\0' x >"$WORK/www/index.html"
	cat >"$WORK/nginx.conf" <<-END
		user root;
		worker_processes 1;
		daemon off;
		pid $WORK/nginx.pid;
		error_log $WORK/nginx.err;
		events { worker_connections 256; }
		http { access_log off; keepalive_requests 10000000; server { listen $SERVER4:$PORT; root $WORK/www; } }
	END
	# shellcheck disable=SC2086
	background in_server ${SERVER_CPUS:+taskset -c $SERVER_CPUS} nginx -p "$WORK" -c "$WORK/nginx.conf"
	WORKLOAD_PIDS+=("$LAST_PID")
	wait_until 5 in_client bash -c "exec 3<>/dev/tcp/$SERVER4/$PORT" || fail "nginx does not listen: $(cat "$WORK/nginx.err")"
}

# In the form of the other programs.
run_wrk() {
	at_client wrk -t 1 -c 16 -d "${seconds}s" --latency "http://$SERVER4:$PORT/" | awk '
		function ns(text) {
			if (text ~ /us$/) return text * 1000
			if (text ~ /ms$/) return text * 1000000
			return text * 1000000000
		}
		$1 == "99%" { p99 = ns($2) }
		$1 == "Requests/sec:" { rate = $2 }
		END { printf "rate=%d p99_ns=%d\n", rate, p99 }'
}
