# shellcheck shell=bash source=lib.sh
# One connection uses the direct path and 0, 1, 2 detours, in both directions and families.
# alone: measures rates
. "$(dirname "$0")/lib.sh"
standard_network 2
rate=${RATE:-40} # Mbit/s; less where the machine is slow
narrow_paths "${rate}mbit"
relay_conf 1
relay_conf 2
relay_start 1
relay_start 2
server_iperf

# A path carries at most this rate, so a goodput between N and N + 1 times the rate shows that N detours are used.
run() {
	local n=$1
	TARGET=$2
	shift 2
	measure_at_least $((rate * n * 80 / 100 + rate * 7 / 10)) "N=$n $TARGET $*" retry_if_refused iperf -t $((2 + SLOWNESS)) "$@"
	at_most "$MEASURED" $((rate * (n + 1))) "N=$n $TARGET $*"
}
for n in 0 1 2; do
	client_conf "max-detours = $n"
	client_start
	relays_up 2
	run $n $SERVER4
	run $n $SERVER4 -R
	[ $n = 0 ] || run $n $SERVER6
	[ $n = 0 ] || run $n $SERVER6 -R
	stop client
done
