# shellcheck shell=bash source=lib.sh
# The Grafana dashboard has the form that Grafana needs, and each of its queries, asked of a Prometheus that scrapes a client
# and its relay, is understood, and finds something.
. "$(dirname "$0")/lib.sh"
command -v prometheus >/dev/null || skip "no prometheus"
top=$(dirname "${BASH_SOURCE[0]}")/../..
dashboard=$top/configs/grafana-dashboard.json
[ -e "$dashboard" ] || skip "no dashboard here"
valid dashboard <"$dashboard"
standard_network 1
narrow_paths 40mbit
relay_conf 1 "metrics = $(relay4 1):9746"
relay_start 1
CHOOSE=default RELAYS=1 client_conf "detour-after = 0
metrics = 127.0.0.1:9745"
client_start
relays_up 1
web_start
random_file "$TMP/www/file" 200
cat >"$TMP/prometheus.yml" <<-YML
	global: {scrape_interval: 1s, evaluation_interval: 1s}
	rule_files: ["$(realpath "$top/configs/prometheus-alerts.yml")"]
	scrape_configs:
	  - job_name: detourd
	    static_configs: [{targets: ["127.0.0.1:9745", "$(relay4 1):9746"]}]
YML
nsenter --net="/run/netns/$PREFIX-client" -- prometheus --config.file="$TMP/prometheus.yml" --storage.tsdb.path="$TMP/tsdb" \
	--web.listen-address=127.0.0.1:9090 >"$TMP/prometheus.log" 2>&1 &
echo $! >"$TMP/prometheus.pid"
disown
api() { on client curl -sS --max-time $((10 * SLOWNESS)) "http://127.0.0.1:9090/api/v1/$1" "${@:2}"; }
ask() { api query --data-urlencode "query=$1"; }
found() { ask "$1" | jq -e '.data.result | length > 0' >/dev/null; }
both_up() { api targets | jq -e '[.data.activeTargets[] | select(.health == "up")] | length == 2' >/dev/null; }
wait_for 30 both_up

say "a download, during which all queries are asked"
on client mptcpize run sh -c "while :; do curl -sS -o /dev/null http://$SERVER4/file; done" 2>/dev/null &
load=$!
disown
wait_for 30 found 'sum(rate(detourd_path_bytes_total{relay="relay1"}[20s])) > 0'
direct_hole # a path dies, for the gap's sake
wait_for 20 found 'detourd_gap_seconds_count{relay="direct"} > 0'
direct_hole_end
empty=0 asked=0
while read -r expr; do
	# as Grafana fills its variables in, for the little time that there was
	query=${expr//\$__rate_interval/20s}
	query=${query//\$__range/10m}
	query=${query//\$instance/.*}
	ask "$query" >"$TMP/answer"
	jq -e '.status == "success"' "$TMP/answer" >/dev/null || fail "$query: $(cat "$TMP/answer")"
	asked=$((asked + 1))
	jq -e '.data.result | length == 0' "$TMP/answer" >/dev/null || continue
	# what nothing need have happened for
	case $query in
	*detourd_relay_gain* | *denied* | *detourd_gain_ratio* | *detourd_path_ends_total*) empty=$((empty + 1)) ;;
	*) fail "finds nothing: $query" ;;
	esac
done < <(jq -r '.panels[].targets[].expr' "$dashboard")
kill $load
say "$asked queries are understood; $empty found nothing, and need not"
at_least "$asked" 20 "queries"

say "names that queries and alerts use are exported"
names() { jq -r '.panels[].targets[].expr' "$dashboard"; sed 's/#.*//' "$top/configs/prometheus-alerts.yml"; }
names | grep -oE 'detourd_[a-z_]+' | sed -E 's/_(bucket|count|sum)$//' | sort -u >"$TMP/used"
{ "$DETOURD" metrics --control "$TMP/client.sock"; "$DETOURD" metrics --control "$TMP/relay1.sock"; } | sed -n 's/^# TYPE \([^ ]*\).*/\1/p' | sort -u >"$TMP/exported"
equals "$(comm -23 "$TMP/used" "$TMP/exported")" "" "names that are not exported"
api rules | jq -e '[.data.groups[].rules[] | select(.health != "ok")] | length == 0' >/dev/null || fail "alerts: $(api rules | jq -c '[.data.groups[].rules[] | select(.health != "ok")]')"
wait_for 20 found 'up == 1'
stop client
wait_for 30 found 'ALERTS{alertname="DetourdDown"}'
stop prometheus
