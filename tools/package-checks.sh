#!/bin/bash
# The checks of tools/test-systemd --packages, run inside of the container: /dest has a
# directory with the packages of each version.
set -uo pipefail

passed=0
failed=0
names='uds:/run/revd/revd.sock fifo:/run/revd/revd.fifo mqueue:/revd'
units='revd-uds.socket revd-fifo.socket revd-mqueue.socket revd.service'
# What is made while a program runs, and what dpkg keeps of every package there ever was.
state='^/var/(lib/(dpkg|apt)|cache|log)/|^/run/(systemd|dbus|log|udev|lock|utmp|mount|agetty)'
state+='|^/etc/(ld\.so\.cache|\.pwd\.lock|(passwd|group|shadow|gshadow|subuid|subgid)-) '
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export DEBIAN_FRONTEND=noninteractive

# check NAME COMMAND...: one check, fine if the command succeeds.
check()
{
	local name=$1 out

	shift
	if out=$("$@" 2>&1); then
		passed=$((passed + 1))
		printf 'ok      %s\n' "$name"
	else
		failed=$((failed + 1))
		printf 'FAILED  %s\n%s\n' "$name" "${out//$'\n'/$'\n'        }"
	fi
}

# What an ordinary user is told, over each transport.
answers()
{
	local uri got

	for uri in '' $names; do
		got=$(runuser -u nobody -- revc --timeout 10s ${uri:+-e "$uri"} hola 2>&1)
		[ "$got" = aloh ] || { printf '%s: got "%s"\n' "$uri" "$got"; return 1; }
	done
}

packages()
{
	apt-get install -q -y --allow-downgrades --reinstall \
		"$1"/revd_*.deb "$1"/librevc0_*.deb
}

# dpkg says it has installed what it could not start, too.
runs()
{
	local unit

	for unit in $units; do
		if ! systemctl is-active -q "$unit" || ! systemctl is-enabled -q "$unit"; then
			systemctl status --no-pager "$unit"
			journalctl --no-pager -n 5 -u "$unit"
			return 1
		fi
	done
}

# What revd would do with the file that is installed, and without one.
sample_is_silent()
{
	local file=/etc/revd/revd.conf

	revd --dump-config >"$work/with" && mv "$file" "$work" && revd --dump-config >"$work/without" &&
		mv "$work/revd.conf" "$file" && diff "$work/with" "$work/without"
}

version_is()
{
	[ "$(dpkg-query -W -f '${Version}' revd)" = "$(basename "$1")" ]
}

# Everything there is, and what it was made to be.
listing()
{
	{
		find /etc /usr /lib /var /run /dev/mqueue -xdev -printf '%p %M %u %g\n' 2>/dev/null
		find /run /dev/mqueue -printf '%p %M %u %g\n' 2>/dev/null
	} | grep -Ev "$state" | sort -u
	sort /etc/passwd /etc/group /etc/shadow /etc/gshadow
	systemctl list-units --all --plain --no-legend 'revd*'
}

nothing_left()
{
	listing >"$work/after"
	diff "$work/before" "$work/after"
}

# A connection, and what waits in a socket whose daemon is stopped, see no upgrade.
starts_of()
{
	systemctl show -P ActiveEnterTimestampMonotonic revd-uds.socket revd-fifo.socket \
		revd-mqueue.socket
}

connect()
{
	coproc revc -e uds:/run/revd/revd.sock
	talks
}

talks()
{
	local answer

	echo hola >&"${COPROC[1]}" && read -r -t 10 answer <&"${COPROC[0]}" && [ "$answer" = aloh ]
}

# change NAME DIRECTORY: another version, under a client.
change()
{
	local before pid

	connect
	before=$(starts_of)
	pid=$(systemctl show -P MainPID revd.service)
	check "$1" packages "$2"
	check "$1: the version" version_is "$2"
	check "$1: another process" test "$pid" != "$(systemctl show -P MainPID revd.service)"
	check "$1: the sockets were held" test "$before" = "$(starts_of)"
	check "$1: a connection is kept" talks
	check "$1: everything runs" runs
	check "$1: each transport answers" answers
	# shellcheck disable=SC1083,SC2093 # closes a descriptor
	exec {COPROC[1]}>&-
	wait "$COPROC_PID" 2>/dev/null
}

knows_nats()
{
	printf '[endpoint.far]\ntransport = nats\n' >"$work/nats.conf"
	revd --check -c "$work/nats.conf" && revc --all hola | grep -q aloh
}

installed_tests()
{
	local name

	dpkg -i "$1"/*-dev_*.deb >/dev/null || return
	mkdir -p "$work/source" && tar -xJf "$1"/*.debian.tar.xz -C "$work/source" || return
	for name in ask client plugin restart; do
		check "debian/tests/$name" "$work/source/debian/tests/$name"
	done
	check 'the benchmark installs' dpkg -i "$1"/revd-bench_*.deb
	check 'the benchmark runs' revbench --version
	check 'the transport nats installs' dpkg -i "$1"/revd-nats_*.deb "$1"/librevc-nats_*.deb
	check 'the transport nats is loaded' knows_nats
	check 'the others go' dpkg -P revd-nats librevc-nats revd-bench revd-dev librevc-dev
}

# As in a chroot: nothing is started, and nothing fails.
without_systemd()
{
	# shellcheck disable=SC2016 # for the inner shell
	unshare -m --propagation private bash -e -c '
		mount -t tmpfs tmpfs /run
		dpkg -i "$1"/revd_*.deb "$1"/librevc0_*.deb
		[ "$(stat -c %U /run/revd)" = revd ]
		systemctl is-enabled revd.service revd-uds.socket
		[ "$(echo hola | revd --stdio)" = aloh ]
		dpkg -P revd librevc0
		[ ! -e /run/revd ]' - "$1"
}

mapfile -t versions < <(find /dest -mindepth 1 -maxdepth 1 -type d | sort -V)
[ "${#versions[@]}" = 2 ] || { echo 'two versions are to be tried; see tools/package --next'; exit 1; }
old=${versions[0]}
new=${versions[1]}

listing >"$work/before"
check 'install' packages "$old"
check 'install: everything runs' runs
check 'install: each transport answers at once' answers
check 'install: the sample changes nothing' sample_is_silent
check 'install: reload' systemctl reload revd.service
installed_tests "$old"
change 'upgrade' "$new"
change 'reinstall' "$new"
change 'downgrade' "$old"

check 'a service that is disabled' systemctl disable --now revd.service
check 'a service that is disabled: upgrade' packages "$new"
check 'a service that is disabled: stays stopped' \
	test "$(systemctl is-active revd.service)$(systemctl is-enabled revd.service)" = inactivedisabled
check 'a service that is disabled: the sockets start it' answers

echo '[endpoint.mine]' >/etc/revd/mine
check 'remove' dpkg -r revd librevc0
check 'install again' packages "$new"
check 'install again: what was disabled stays so' \
	test "$(systemctl is-enabled revd.service revd-uds.socket | sort -u)" = disabled
check 'enable again' systemctl enable --now revd.service
check 'remove' dpkg -r revd librevc0
check 'remove: no name is left' test ! -e /run/revd -a ! -e /dev/mqueue/revd
check 'remove: the configuration stays' test -e /etc/revd/revd.conf
check 'install again' packages "$new"
check 'install again: everything runs' runs
check 'install again: each transport answers' answers
check 'remove again' dpkg -r revd librevc0
check 'purge' dpkg -P revd librevc0
check "purge: a file of the administrator's stays" test -e /etc/revd/mine
rm -r /etc/revd
check 'purge: nothing is left' nothing_left
check 'install after a purge' packages "$new"
check 'install after a purge: everything runs' runs
check 'install after a purge: each transport answers' answers
check 'purge at once' dpkg -P revd librevc0
check 'purge at once: nothing is left' nothing_left
check 'without systemd' without_systemd "$new"
check 'without systemd: nothing is left' nothing_left

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
