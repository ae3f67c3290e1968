#!/bin/bash
# The checks of tools/test-systemd, run inside of the container.
set -uo pipefail

passed=0
failed=0
run=/run/revd

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

# is WHAT COMMAND...: succeeds if the command prints that.
is()
{
	local want=$1 got

	shift
	got=$("$@" 2>&1)
	[ "$got" = "$want" ] || { printf 'got "%s" instead of "%s"\n' "$got" "$want"; return 1; }
}

fails()
{
	! "$@"
}

# What an ordinary user sees.
user()
{
	runuser -u nobody -- "$@"
}

state()
{
	systemctl show -P ActiveState "$1"
}

# Fails if there is none: 0 would be our own process group to kill.
main_pid()
{
	local pid

	pid=$(systemctl show -P MainPID revd.service)
	printf '%s\n' "$pid"
	[ "$pid" != 0 ]
}

# Waits for a condition; there is no event for "systemd has noticed".
eventually()
{
	local deadline=$((SECONDS + 20))

	until "$@" >/dev/null 2>&1; do
		if [ "$SECONDS" -ge "$deadline" ]; then
			"$@"
			return
		fi
		sleep 0.05
	done
}

line_over_fifo()
{
	local answer

	# <> does not wait for a daemon that is not there, but would make plain files.
	[ -p "$run/revd.fifo" ] && [ -p "$run/revd.fifo.out" ] || return
	printf 'ma\xc3\xb1ana\n' 1<>"$run/revd.fifo"
	read -r -t 10 answer <>"$run/revd.fifo.out"
	printf '%s\n' "$answer"
}

all_sockets='revd-uds.socket revd-fifo.socket revd-mqueue.socket'
uris="uds:$run/revd.sock fifo:$run/revd.fifo mqueue:/revd"

check_install()
{
	check 'the installed files' cp -a /dest/. /
	check 'the user' systemd-sysusers
	check 'the directories' systemd-tmpfiles --create
	systemctl daemon-reload
	check 'the units pass systemd-analyze verify' is '' systemd-analyze verify --man=no \
		--recursive-errors=yes revd.service revd-uds.socket revd-fifo.socket \
		revd-mqueue.socket
	check 'exposure of 0.4' systemd-analyze security --no-pager --threshold=4 \
		--offline=true revd.service
}

check_names()
{
	check 'mode of the socket' is 'root 666' stat -c '%U %a' $run/revd.sock
	check 'mode of the FIFO' is 'root 622' stat -c '%U %a' $run/revd.fifo
	check 'mode of the queue' is 'root 622' stat -c '%U %a' /dev/mqueue/revd
	check 'mode of the reply directory' is 'revd 1733' stat -c '%U %a' $run/revd.fifo.d
	check 'a user can not take requests from the FIFO' fails user dd if=$run/revd.fifo \
		count=1 iflag=nonblock
}

check_activation()
{
	local uri socket

	for uri in $uris; do
		systemctl stop revd.service 2>/dev/null
		# shellcheck disable=SC2086 # a list of words
		systemctl start $all_sockets
		check "nothing runs before the first request to $uri" is inactive state revd.service
		check "the first request to $uri starts it" is aloh user revc --timeout 10s \
			-e "$uri" hola
		check "it runs after that" is active state revd.service
	done
	check 'it runs as its own user' is revd ps -o user= -p "$(main_pid)"
	for uri in $uris; do
		check "all other names serve too: $uri" is aloh user revc --timeout 10s -e "$uri" hola
	done
	check 'a line over the FIFO' is "$(printf 'ana\xc3\xb1am')" line_over_fifo
	for socket in $all_sockets; do
		check "$socket is up" is active state "$socket"
	done
}

# What is written while nothing runs waits in the FIFO, and is answered.
check_waiting_line()
{
	local answer=

	systemctl stop revd.service 2>/dev/null
	printf 'uno\n' >"$run/revd.fifo"
	check 'a line in the FIFO starts it' eventually test -p "$run/revd.fifo.out"
	read -r -t 10 answer <>"$run/revd.fifo.out"
	check 'and is answered' is onu echo "$answer"
}

check_reload()
{
	local before uri

	before=$(main_pid)
	check 'reload' systemctl reload revd.service
	check 'the same process after it' is "$before" main_pid
	check 'active again after it' eventually is active state revd.service
	mkdir -p /etc/revd
	printf '[endpoint.x]\ntransprot = uds\n' >/etc/revd/revd.conf
	check 'reload of a broken file is refused' fails systemctl reload revd.service
	check 'the reason is in the journal' journal_has "did you mean 'transport'?"
	check 'the same process after that' is "$before" main_pid
	check_refused_reload
	rm /etc/revd/revd.conf
	check 'reload without a file' systemctl reload revd.service
	for uri in $uris; do
		check "it goes on to serve $uri" is aloh user revc --timeout 10s -e "$uri" hola
	done
}

journal_has()
{
	eventually sh -c "journalctl --no-pager -u revd.service | grep -qF -- \"$1\""
}

status_has()
{
	systemctl show -P StatusText revd.service | grep -F -- "$1"
}

# Files without a mistake, and a daemon that can't do what they say; a name that is lost.
check_refused_reload()
{
	local refused='the last reload was refused: more: /etc/revd/'

	printf '%s\n' '[endpoint.uds]' 'transport = uds' "path = $run/revd.sock" '[endpoint.fifo]' \
		'transport = fifo' "path = $run/revd.fifo" '[endpoint.mqueue]' 'transport = mqueue' \
		'queue = /revd' '[endpoint.more]' 'transport = uds' 'path = /etc/revd/more.sock' \
		>/etc/revd/revd.conf
	check 'reload that the daemon refuses' fails systemctl reload revd.service
	check 'systemctl status names it' status_has "$refused"
	check 'and the journal' journal_has 'the old configuration stays'
	sed -i "s|/etc/revd/more|$run/more|" /etc/revd/revd.conf
	check 'reload after that' systemctl reload revd.service
	check 'systemctl status forgets it' fails status_has 'was refused'
	check 'the new endpoint' is aloh revc --timeout 10s -e uds:$run/more.sock hola
	rm $run/more.sock
	check 'reload makes a lost name again' systemctl reload revd.service
	check 'which serves' is aloh revc --timeout 10s -e uds:$run/more.sock hola
	rm $run/revd.sock
	check 'reload with a lost name of a socket unit' fails systemctl reload revd.service
	check 'it says which' status_has revd.sock
	systemctl stop revd.service 2>/dev/null
	check 'restart of its unit' systemctl restart revd-uds.socket
	check 'which makes it serve again' is aloh revc --timeout 10s hola
}

# What has no socket unit, in the sandbox: memory, terminals, other programs.
check_more()
{
	mkdir -p /etc/revd/revd.conf.d
	printf '%s\n' '[endpoint.memory]' 'transport = shm' "path = $run/revd.shm" 'mode = 0666' \
		'[endpoint.terminal]' 'transport = pty' "path = $run/revd.tty" 'mode = 0666' \
		'[endpoint.upper]' 'transport = shm' "path = $run/upper.shm" 'mode = 0666' \
		'service = upper' '[service.upper]' 'type = exec' 'command = tr a-z A-Z' \
		'[endpoint.sort]' 'transport = uds' "path = $run/sort.sock" 'mode = 0666' \
		'service = sort' '[service.sort]' 'type = exec' 'mode = request' 'command = sort' \
		>/etc/revd/revd.conf.d/more.conf
	check 'reload with more endpoints' systemctl reload revd.service
	check 'shared memory' is aloh user revc --timeout 10s -e shm:$run/revd.shm hola
	check 'owner and mode of the terminal' is 'revd 666' stat -L -c '%U %a' $run/revd.tty
	check 'a terminal' is aloh user revc --timeout 10s -e pty:$run/revd.tty hola
	check 'a program as a service' is HOLA user revc --timeout 10s -e shm:$run/upper.shm hola
	check 'a process for each request' is hola user revc --timeout 10s -e uds:$run/sort.sock hola
	check 'the program is not root' is revd ps -o user= -C tr
	rm -r /etc/revd/revd.conf.d
	check 'reload without them' systemctl reload revd.service
	check 'the program has ended' eventually fails pgrep -x tr
	check 'the terminal is gone' fails test -L $run/revd.tty
}

inodes()
{
	stat -c %i $run/revd.sock $run/revd.fifo /dev/mqueue/revd
}

# Those that whoever asks in lines reads from. revd makes them itself.
reply_inodes()
{
	stat -c %i $run/revd.fifo.out /dev/mqueue/revd.out
}

# held RESULT: asks over connection 3 of this shell's co-process.
held()
{
	local answer

	printf '%s\n' "$1" >&"${held[1]}"
	read -r -t 10 answer <&"${held[0]}"
	printf '%s\n' "$answer"
}

# A connection that is idle goes on in the process after one that was killed.
check_crash()
{
	local before

	coproc held { exec revc -e uds:$run/revd.sock; }
	check 'a connection' is onu held uno
	check 'it is kept' eventually store_has
	sleep 0.5 # it gets into what is kept within 200 ms, of which nobody outside is told
	before=$(main_pid)
	check 'SIGKILL' systemctl kill -s KILL revd.service
	check 'another process after a crash' eventually fails is "$before" main_pid
	check 'the connection goes on' is sod held dos
	check 'the journal says so' journal_has '1 of its connections go on, 0 end'
	kill "$held_PID"
}

store_has()
{
	[ "$(systemctl show -P NFileDescriptorStore revd.service)" -ge 2 ]
}

check_restart()
{
	local names replies before uri

	names=$(inodes)
	replies=$(reply_inodes)
	before=$(main_pid)
	check 'restart' systemctl restart revd.service
	check 'the same names after a restart' is "$names" inodes
	check 'the same names of replies after a restart' is "$replies" reply_inodes
	check 'another process after a restart' fails is "$before" main_pid
	check 'it runs' main_pid
	before=$(main_pid) && kill -KILL "$before"
	check 'another process after SIGKILL' eventually fails is "$before" main_pid
	check_crash
	for uri in $uris; do
		check "it serves $uri after SIGKILL" is aloh user revc --timeout 10s -e "$uri" hola
	done
	systemctl stop revd.service 2>/dev/null
	check 'the same names after a stop' is "$names" inodes
	check 'result of the stop' is success systemctl show -P Result revd.service
}

# A process that hangs is killed and started again.
check_watchdog()
{
	local before

	mkdir -p /run/systemd/system/revd.service.d
	printf '[Service]\nWatchdogSec=1\n' >/run/systemd/system/revd.service.d/watchdog.conf
	systemctl daemon-reload
	systemctl restart revd.service
	check 'it runs with a watchdog' main_pid
	before=$(main_pid) || return
	check 'it runs longer than the watchdog waits' fails timeout 3 tail -f --pid "$before" /dev/null
	check 'the same process' is "$before" main_pid
	kill -STOP "$before"
	check 'another process after a hang' eventually fails is "$before" main_pid
	check 'it serves again' is aloh user revc --timeout 10s hola
	rm -r /run/systemd/system/revd.service.d
	systemctl daemon-reload
	systemctl restart revd.service
}

# What an upgrade may do. systemd would refuse to where the FIFO still existed.
check_new_mode()
{
	local dropin=/run/systemd/system/revd-fifo.socket.d

	mkdir -p "$dropin"
	printf '[Socket]\nSocketMode=0620\n' >"$dropin/mode.conf"
	systemctl daemon-reload
	# shellcheck disable=SC2086 # a list of words
	systemctl stop revd.service $all_sockets
	check 'the FIFO with another mode' systemctl start revd-fifo.socket
	check 'has that mode' is 'root 620' stat -c '%U %a' $run/revd.fifo
	rm -r "$dropin"
	systemctl daemon-reload
	systemctl restart revd-fifo.socket
	# shellcheck disable=SC2086 # a list of words
	systemctl start $all_sockets
}

check_stop()
{
	# shellcheck disable=SC2086 # a list of words
	systemctl stop revd.service $all_sockets
	check 'no socket after all is stopped' fails test -e $run/revd.sock
	check 'no FIFO after all is stopped' fails test -e $run/revd.fifo
	check 'no queue after all is stopped' fails test -e /dev/mqueue/revd
	check 'starting the service brings the sockets' systemctl start revd.service
	check 'and serves' is aloh user revc --timeout 10s hola
}

# upper SERVICE: what it makes of a word.
upper()
{
	user revc --timeout 10s -e "uds:$run/$1.sock" hola
}

exec_endpoint()
{
	printf '[endpoint.%s]\ntransport = uds\npath = %s/%s.sock\nmode = 0666\nservice = x-%s\n' \
		"$1" "$run" "$1" "$1"
	printf '[service.x-%s]\ntype = exec\n%s\n' "$1" "$2"
}

# Programs as services, within the sandbox and with the drop-in of revd.conf(5).
check_exec()
{
	local names='tr stdbuf sed awk request' name dropin=/run/systemd/system/revd.service.d child

	{
		exec_endpoint tr 'command = tr a-z A-Z'
		exec_endpoint stdbuf $'command = tr a-z A-Z\nbuffering = stdbuf'
		exec_endpoint sed "command = sed 's/.*/\\U&/'"
		exec_endpoint awk "command = awk '{ print toupper(\$1) }'"
		exec_endpoint request $'command = tr a-z A-Z\nmode = request\nprocesses = 2'
		exec_endpoint state "command = sh -c 'while read -r x; do echo \"\$x\" >\$STATE; cat \$STATE; done'
environment = STATE=/var/lib/revd-exec/last"
	} >/etc/revd/revd.conf
	check 'a configuration with programs' systemctl restart revd.service
	for name in $names; do
		check "exec in the sandbox: $name" is HOLA upper "$name"
	done
	child=$(pgrep -P "$(main_pid)" -x tr | head -n 1)
	check 'a program has no capability' is 0000000000000000 \
		sed -n 's/^CapEff:\t//p' "/proc/$child/status"
	check 'a program is in the sandbox' is 2 sed -n 's/^Seccomp:\t//p' "/proc/$child/status"
	mkdir -p "$dropin"
	printf '[Service]\nMemoryDenyWriteExecute=no\nSystemCallFilter=@resources\nStateDirectory=revd-exec\n' \
		>"$dropin/exec.conf"
	systemctl daemon-reload
	systemctl restart revd.service
	check 'exec with the drop-in' is hola upper state
	check 'and without a terminal of its own' is HOLA upper stdbuf
	systemctl stop revd.service
	check 'no program is left' fails pgrep -x tr
	rm -r "$dropin" /etc/revd/revd.conf
	systemctl daemon-reload
	systemctl start revd.service
}

# shellcheck source=tools/systemd-unit-checks.sh
. "$(dirname "$0")/systemd-unit-checks.sh"

# shellcheck source=tools/systemd-load.sh
. "$(dirname "$0")/systemd-load.sh"

check_install
# shellcheck disable=SC2086 # a list of words
systemctl start $all_sockets
check_names
check_activation
check_waiting_line
check_reload
check_more
check_restart
check_exec
check_watchdog
check_new_mode
check_unit
check_load
check_stop
if [ "$failed" != 0 ]; then
	journalctl --no-pager -o short-monotonic -u 'revd*' | tail -n 60
fi
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
