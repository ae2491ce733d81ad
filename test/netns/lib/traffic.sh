# shellcheck shell=bash
# Servers, transfers and their goodput.

# server_iperf [OPTIONS]: iperf3 on the server, over MPTCP
server_iperf() {
	on server mptcpize run iperf3 -s -D --pidfile "$TMP/iperf3.pid" --logfile "$TMP/iperf3.log" "$@" >/dev/null
	wait_for 5 on server sh -c 'ss -ltn | grep -q :5201'
}

# iperf3_run COMMAND...: prints the goodput as the receiver saw it, in Mbit/s. Tries again when iperf3 was not ready yet: it
# serves one client at a time, and while it finishes with the last one it says "busy", resets the connection, or does not
# listen.
iperf3_run() {
	local tries
	for ((tries = 0; tries < 20; tries++)); do
		"$@" >"$TMP/iperf3.json" || true
		if jq -e '.end.sum_received' "$TMP/iperf3.json" >/dev/null; then
			jq -r '.end.sum_received.bits_per_second / 1e6 | . * 100 | round / 100' "$TMP/iperf3.json"
			return
		fi
		jq -e '.error | test("busy|control message: Connection reset|Connection refused")' "$TMP/iperf3.json" >/dev/null || break
		sleep 0.25
	done
	fail "iperf3: $(cat "$TMP/iperf3.json")"
}

# iperf [OPTIONS]: over MPTCP, to $TARGET or the server
iperf() { iperf3_run on client mptcpize run iperf3 -c "${TARGET:-$SERVER4}" -J "$@"; }
# web_start: nginx on the server, port 80, over MPTCP; serves the files in $TMP/www, and takes what is PUT to /put/ into $TMP/put
web_start() {
	mkdir -p "$TMP/www" "$TMP/put"
	cat >"$TMP/nginx.conf" <<-CONF
		daemon off;
		worker_processes 1;
		pid $TMP/nginx.pid;
		error_log $TMP/nginx.log info;
		events { worker_connections 1024; }
		http {
			access_log off; send_timeout 10m; client_body_timeout 10m; client_max_body_size 0;
			client_body_temp_path $TMP/body; proxy_temp_path $TMP/p; fastcgi_temp_path $TMP/f;
			uwsgi_temp_path $TMP/u; scgi_temp_path $TMP/s;
			server {
				listen 80; listen [::]:80; root $TMP/www;
				location /put/ { root $TMP; dav_methods PUT; }
			}
		}
	CONF
	chmod -R a+rwX "$TMP" 2>/dev/null || true
	chmod 600 "$TMP"/*.key 2>/dev/null || true
	on server mptcpize run nginx -c "$TMP/nginx.conf" -p "$TMP" 2>>"$TMP/nginx.log" &
	disown
	wait_for 5 on server sh -c 'ss -ltn | grep -q :80'
}

# receive_start PORT FILE [FAMILY]: the server writes what it receives into FILE. It goes on listening, because MPTCP refuses joins
# once the listener is closed.
receive_start() {
	on server mptcpize run socat -u "TCP${3:-4}-LISTEN:$1,reuseaddr,fork" "OPEN:$2,creat,trunc" &
	disown
	wait_for 5 on server sh -c "ss -ltn | grep -q :$1"
}

# random_file PATH MEGABYTES
random_file() { head -c "$(($2 * 1000000))" /dev/urandom >"$1"; }
same_bytes() { cmp "$1" "$2" || fail "$1 and $2 differ"; }
# bytes_of NAME VIA FIELD: the sum over all connections in a saved status, $TMP/NAME.json
bytes_of() { jq "[.connections[].subflows[] | select(.via == \"$2\") | .$3] | add // 0" "$TMP/$1.json"; }

# gap_serve [ADDRESS]: gap.py on the server, port 7000
gap_serve() {
	on server python3 "$(dirname "${BASH_SOURCE[0]}")/../gap.py" serve "${1:-$SERVER4}" 7000 &
	disown
	wait_for 5 listens server 7000
}

# gap WHAT ADDRESS PORT SECONDS: its other end, on the client
gap() { on client python3 "$(dirname "${BASH_SOURCE[0]}")/../gap.py" "$@"; }
