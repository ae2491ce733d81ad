# shellcheck shell=bash source=lib.sh
# A relay with many clients answers during a status, a reload and the begin of a drain, and while interfaces come and go:
# addresses in private ranges change nothing of what is permitted, and other new ones of the relay are forbidden to all
# clients. Flows to such an address end.
. "$(dirname "$0")/lib.sh"
many_or_skip
# stretch_within MS WHAT: the relay's processor time between a question and its answer, in the last deaf_during. With all
# at once a status took 27 ms, a reload 380 and the begin of a drain 45.
stretch_within() { at_most_ms "$(deaf_used | cut -d. -f1)" "$1" "ms of the relay's processor time at a stretch, $2"; }
reloads_are() { [ "$(grep -c "reloaded clients" "$TMP/relay1.log")" = "$1" ]; }
reload() {
	kill -HUP "$(cat "$TMP/relay1.pid")"
	wait_for 30 reloads_are "$1"
}
standard_network 1
many_start 3000 9 30000 9000
at_most_ms "$(deaf_during 2 churn 3 172.17.0 | cut -d. -f1)" 400 "ms without an answer, containers"
at_most_ms "$(deaf_during 2 churn 3 9.9.9 | cut -d. -f1)" 400 "ms without an answer, public addresses"
equals "$(status relay1 | jq .open_flows)" 30000 "flows after that"
say "one of the servers' addresses becomes the relay's"
reason() { ask client client 1 "lease 9.10.0.1:80" | cut -d' ' -f1; }
equals "$(reason)" 0 "reason before"
at_most_ms "$(deaf_during 2 ip -n "$PREFIX-relay1" addr add 9.10.0.1/32 dev lo | cut -d. -f1)" 400 "ms without an answer"
equals "$(reason)" 3 "reason after: denied destination"
equals "$(status relay1 | jq .open_flows)" 20000 "flows: the 10,000 to that address have ended"
say "status, reload and drain in steps"
deaf_during 1 status relay1 >/dev/null
stretch_within 20 status
deaf_during 1 reload 1 >/dev/null
stretch_within 60 reload
sed -i '/^\[client c5\]/,/^allow/d' "$TMP/relay1.conf"
deaf_during 1 reload 2 >/dev/null
stretch_within 60 "reload with a client less"
equals "$(status relay1 | jq '.clients | length')" 2999 clients
deaf_during 1 kill -USR1 "$(cat "$TMP/relay1.pid")" >/dev/null
stretch_within 20 drain
