#!/usr/bin/env bash
# The inside of tools/cluster: BUILD DIR SECONDS, in namespaces of its own for network, mounts
# and processes, which the kernel clears away when this ends.
set -euo pipefail

build=$1
run=$2
seconds=$3
nodes='1 2 3'
subject=revd.reverse
kept=1
export REVD_MODULE_DIR=$build/src/natslink
revc=$build/src/revc/revc
declare -A daemon broker

die()
{
	printf 'cluster: %s\n' "$1" >&2
	tail -n 5 "$run"/*.log >&2 2>/dev/null || true
	exit 1
}

# Runs in the network of a node.
on()
{
	local node=$1

	shift
	ip netns exec "n$node" "$@"
}

# Waits until a command succeeds.
await()
{
	local what=$1 tries

	shift
	for ((tries = 0; tries < 200; tries++)); do
		if "$@" >/dev/null 2>&1; then
			return
		fi
		sleep 0.05
	done
	die "no $what within 10 s"
}

# A switch, and three nodes at it.
make_network()
{
	local i

	mount -t tmpfs tmpfs /run
	ip link add hub type bridge
	ip link set hub up
	for i in $nodes; do
		ip netns add "n$i"
		ip link add "hub$i" type veth peer name eth0 netns "n$i"
		ip link set "hub$i" master hub up
		ip -n "n$i" link set lo up
		ip -n "n$i" link set eth0 up
		ip -n "n$i" addr add "10.77.0.$i/24" dev eth0
	done
}

start_broker()
{
	cat >"$run/nats$1.conf" <<END
server_name: n$1
listen: "10.77.0.$1:4222"
cluster {
	name: revd, listen: "10.77.0.$1:6222"
	routes: ["nats://10.77.0.1:6222", "nats://10.77.0.2:6222", "nats://10.77.0.3:6222"]
}
END
	ip netns exec "n$1" nats-server -c "$run/nats$1.conf" >>"$run/broker$1.log" 2>&1 &
	broker[$1]=$!
}

# The broker of its own node first, the others where that one is gone.
brokers_of()
{
	local i list="nats://10.77.0.$1:4222"

	for i in $nodes; do
		[ "$i" = "$1" ] || list+=" nats://10.77.0.$i:4222"
	done
	printf '%s' "$list"
}

# start_daemon NODE: with the services reverse and burn.
start_daemon()
{
	cat >"$run/revd$1.conf" <<END
[revd]
plugin_dir = $run/plugins
[endpoint.cluster]
transport = nats
url = $(brokers_of "$1")
subject = revd.reverse
[endpoint.costly]
transport = nats
url = $(brokers_of "$1")
subject = revd.burn
service = burn
[endpoint.local]
transport = uds
path = $run/n$1.sock
[service.burn]
type = burn
END
	ip netns exec "n$1" "$build/src/daemon/revd" -c "$run/revd$1.conf" >>"$run/revd$1.log" 2>&1 &
	daemon[$1]=$!
}

# The process ends by a signal, and that is no failure of ours.
stop_daemon()
{
	kill "-$2" "${daemon[$1]}"
	wait "${daemon[$1]}" 2>/dev/null || true
	unset "daemon[$1]"
}

stop_broker()
{
	kill "-$2" "${broker[$1]}"
	wait "${broker[$1]}" 2>/dev/null || true
	unset "broker[$1]"
}

uri()
{
	printf 'nats://10.77.0.%s:4222/%s' "$1" "${2:-$subject}"
}

# Do that many daemons answer on that node?
has_daemons()
{
	[ "$(on "$1" timeout 5 "$revc" --timeout 1s -e "$(uri "$1" "${3:-$subject}")" --all | wc -l)" = "$2" ]
}

await_daemons()
{
	local i

	for i in ${2:-$nodes}; do
		await "$1 daemons on node $i" has_daemons "$i" "$1" "${3:-$subject}"
	done
}

# start_load ARGS...: a client on each node.
start_load()
{
	local to=$1 i

	shift
	loads=()
	for i in $nodes; do
		ip netns exec "n$i" "$build/tests/cluster/cluster_load" "$@" "$(uri "$i" "$to")" "n$i" \
			>"$run/load$i.json" 2>>"$run/load$i.log" &
		loads+=($!)
	done
}

# Ends the load, and adds up what has become of it in $sum, an object of JSON.
finish_load()
{
	kill "${loads[@]}" 2>/dev/null || true
	wait "${loads[@]}" || note_failure 'a client ended with an error'
	sum=$(jq -cs '{sent: map(.sent) | add, answered: map(.answered) | add, lost: map(.lost) | add,
		wrong: map(.wrong) | add, refused: map(.refused) | add, pause: map(.pause_ms) | max,
		p99: map(.p99_ms) | max, rate: ((map(.answered) | add) / (map(.seconds) | max) | floor)}' "$run"/load?.json)
}

of()
{
	jq -r ".$1" <<<"$sum"
}

note_failure()
{
	printf 'NOT KEPT: %s\n' "$1"
	kept=0
}

# promise WHAT CONDITION: of the last load, in jq's words.
promise()
{
	jq -e "$2" <<<"$sum" >/dev/null || note_failure "$1"
}

row()
{
	printf '%-34s %9s %9s %5s %6s %8s  %8.1f ms  %s\n' "$1" "$(of sent)" "$(of answered)" \
		"$(of lost)" "$(of wrong)" "$(of refused)" "$(of pause)" "${2:-}"
}

# How many requests each of those daemons has served at an endpoint, as it says itself.
served()
{
	local i

	for i in $2; do
		"$revc" -e "uds:$run/n$i.sock" --stats --json |
			jq ".endpoints[] | select(.endpoint == \"$1\").requests"
	done
}

share_load()
{
	local before after shares

	before=$(served cluster "$nodes")
	start_load "$subject"
	sleep "$seconds"
	finish_load
	after=$(served cluster "$nodes")
	shares=$(paste <(echo "$before") <(echo "$after") | jq -Rcs '
		[split("\n")[] | select(. != "") | split("\t") | (.[1] | tonumber) - (.[0] | tonumber)]
		| add as $all | map(. * 1000 / $all | round / 10)')
	row 'all is well' "daemons' shares: $(jq -r 'map("\(.) %") | join(", ")' <<<"$shares")"
	sum=$(jq -c ". + {shares: $shares}" <<<"$sum")
	promise 'nothing is lost or wrong' '.lost == 0 and .wrong == 0 and .refused == 0'
	promise 'no daemon has 20 % more or less than another' \
		'(.shares | max) <= 1.2 * (.shares | min)'
}

kill_parts()
{
	start_load "$subject"
	sleep "$(jq -n "$seconds / 3")"
	stop_daemon 1 KILL
	sleep "$(jq -n "$seconds / 3")"
	stop_broker 2 KILL
	sleep "$(jq -n "$seconds / 3 + 2")"
	finish_load
	row 'revd 1 and broker 2 are killed' "$(of rate) requests/s all the same"
	promise 'a kill loses nothing, as revc sees it' '.lost == 0 and .wrong == 0 and .refused == 0'
	promise 'at least 200000 requests' '.sent >= 200000'
	promise 'no pause over 2 s' '.pause <= 2000'
	start_broker 2
	await 'broker 2' on 2 "$revc" --timeout 1s -e "$(uri 2)" --ping -c 1
	stop_daemon 2 TERM # back to its own broker
	start_daemon 1
	start_daemon 2
	await_daemons 3
}

stop_in_turn()
{
	local i

	start_load "$subject" --once
	for i in $nodes; do
		sleep "$(jq -n "$seconds / 4")"
		stop_daemon "$i" TERM
		start_daemon "$i"
		await_daemons 3
	done
	sleep "$(jq -n "$seconds / 4")"
	finish_load
	row 'each revd is restarted in turn' 'nothing is sent twice here'
	promise 'a graceful stop loses nothing, without a retry' \
		'.lost == 0 and .wrong == 0 and .refused == 0'
	promise 'at least 200000 requests' '.sent >= 200000'
}

leave_one_by_one()
{
	start_load "$subject" --once
	sleep "$(jq -n "$seconds / 3")"
	stop_daemon 3 TERM
	sleep "$(jq -n "$seconds / 3")"
	stop_daemon 2 TERM
	sleep "$(jq -n "$seconds / 3")"
	finish_load
	row 'revd 3 leaves, then revd 2' 'nothing is sent twice here'
	promise 'a daemon that leaves loses nothing, without a retry' \
		'.lost == 0 and .wrong == 0 and .refused == 0'
}

# More daemons for a service that costs 100 us of CPU time. One is there.
grow()
{
	local n cores running='' before after

	cores=$(nproc)
	printf '\nA service that costs 100 us of CPU time, on %s cores:\n' "$cores"
	printf '%-10s %12s %12s %12s %12s\n' daemons requests/s 'a core' 'CPU time/s' 'done twice'
	for n in $nodes; do
		[ "$n" = 1 ] || start_daemon "$n"
		running+=" $n"
		await_daemons "$n" "$nodes" revd.burn
		before=$(served costly "$running" | jq -s add)
		start_load revd.burn --echo
		sleep "$seconds"
		finish_load
		after=$(served costly "$running" | jq -s add)
		printf '%-10s %12s %12s %10s %% %10.1f %%\n' "$n" "$(of rate)" \
			"$(($(of rate) / cores))" "$(($(of rate) / 100))" \
			"$(jq -n "100 * ($after - $before - $(of answered)) / $(of answered)")"
		promise 'nothing is lost or wrong' '.lost == 0 and .wrong == 0 and .refused == 0'
	done
}

local_p99()
{
	"$revc" -e "uds:$run/n1.sock" --ping -c 5000 | sed -n 's/.*half within \([0-9.]* ms\), 99 % within \([0-9.]* ms\).*/\1 \2/p'
}

# What brokers are for does not concern the endpoints beside.
lose_all_brokers()
{
	local with without i

	with=$(local_p99)
	for i in $nodes; do
		stop_broker "$i" KILL
	done
	without=$(local_p99)
	printf '\nA round trip over the Unix socket of revd 1 (half, 99 %%):\n'
	printf '%-26s %s\n' 'brokers there' "$with" 'all brokers killed' "$without"
}

make_network
mkdir -m 755 "$run/plugins"
cp "$build/backends/nats/nats.so" "$build/tests/cluster/burn.so" "$run/plugins"
for i in $nodes; do
	start_broker "$i"
done
for i in $nodes; do
	await "broker $i" grep -q 'Route connection created' "$run/broker$i.log"
	start_daemon "$i"
done
await_daemons 3

printf 'Three nodes, each with a NATS broker, a revd and a client that keeps it busy; %s cores.\n\n' "$(nproc)"
printf '%-34s %9s %9s %5s %6s %8s  %11s\n' '' sent answered lost wrong refused 'worst pause'
share_load
kill_parts
stop_in_turn
leave_one_by_one
grow
lose_all_brokers
echo
if [ "$kept" = 1 ]; then
	echo 'All promises kept.'
else
	exit 1
fi
