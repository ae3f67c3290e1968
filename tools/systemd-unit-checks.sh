# Checks of the units, for tools/systemd-checks.sh: what an administrator does, and does wrong.
# shellcheck shell=bash
# shellcheck disable=SC2154 # all_sockets is set there

conf=/etc/revd/revd.conf
drop_in=/etc/revd/revd.conf.d/check.conf

# A mistake: failed, with the sentence, once; what waits is answered when it is mended.
check_wrong_configuration()
{
	local late answer

	late=$(mktemp)
	since=$(date +%s)
	mkdir -p /etc/revd
	printf '[revd]\nworkers = many\n' >$conf
	check 'a restart with a mistake fails' fails systemctl restart revd.service
	user revc --timeout 60s tarde >"$late" 2>&1 &
	printf 'uno\n' 1<>$run/revd.fifo
	sleep 2 # there is no event for "it is not started again"
	check 'it stays failed' is failed state revd.service
	check 'systemctl status has the sentence' status_has "workers: 'many' is neither"
	# by the restart, and perhaps by the first request after it
	check 'it is not started again and again' sh -c "[ \$(journalctl --no-pager -o cat \
		-u revd.service --since @$since | grep -c \"^/etc.*'many' is neither\") -le 2 ]"
	check 'the socket is still there' is active state revd-uds.socket
	rm $conf
	check 'start after it is mended' systemctl start revd.service
	wait
	check 'what waited in the socket is answered' is edrat cat "$late"
	read -r -t 10 answer <>$run/revd.fifo.out
	check 'what waited in the FIFO is answered' is onu echo "$answer"
	rm "$late"
}

# Each crash that follows a start at once makes the next start wait longer.
check_crashes()
{
	local i

	since=$(date +%s)
	for i in 1 2 3 4 5 6; do
		systemctl kill -s KILL revd.service
		sleep 0.4
	done
	check 'it waits longer each time' eventually sh -c "journalctl --no-pager -u revd.service \
		--since @$since -o cat | grep -q 'waiting for 200 ms'"
	check 'and serves again' is aloh user revc --timeout 20s hola
	check 'the sockets were never down' is 0 sh -c "journalctl --no-pager -u 'revd-*.socket' \
		--since @$since -o cat | grep -c Closed"
	sleep 2
	check 'a crash after a while does not count' eventually sh -c \
		'systemctl kill -s KILL revd.service; systemctl show -P NRestarts revd.service'
	check 'it serves after that' is aloh user revc --timeout 20s hola
}

quiet()
{
	check "$1: the name is there" test -e $run/revd.sock
	check "$1: nothing runs" fails main_pid
}

# Each way to end it and to begin again: what waits is answered, and nothing hangs.
check_orders()
{
	local late n=0 i

	late=$(mktemp)
	mkdir -p /etc/revd
	systemctl stop revd.service
	since=$(date +%s)
	check 'start by hand, before any request' systemctl start revd.service
	check 'it serves' is aloh user revc --timeout 10s hola
	systemctl stop revd.service
	check 'a request after a stop' is aloh user revc --timeout 10s hola
	check 'restarts one after the other' eval 'for i in 1 2 3; do
		systemctl restart revd.service || break; done; [ "$i" = 3 ]'
	check 'are no failures' fails sh -c \
		"journalctl --no-pager -o cat -u revd.service --since @$since | grep 'ended soon'"
	for i in 1 2 3 4 5 6; do
		systemctl stop revd.service 2>/dev/null && systemctl restart revd-uds.socket &&
			[ "$(user revc --timeout 10s hola)" = aloh ] && n=$((n + 1))
	done
	check 'restart of a socket right after a stop' is 6 echo $n

	printf '[revd]\nworkers = many\n' >$conf
	systemctl restart revd.service 2>/dev/null
	user revc --timeout 60s tarde >"$late" 2>&1 &
	check 'a mistake, and a request' eventually is active state revd-wake.service
	check 'it has failed' eventually is failed state revd.service
	systemctl reset-failed revd.service
	quiet 'reset-failed'
	rm $conf
	check 'start after reset-failed' systemctl start revd.service
	wait
	check 'what waited is answered' is edrat cat "$late"

	printf '[revd]\nworkers = many\n' >$conf
	systemctl restart revd.service 2>/dev/null
	user revc --timeout 5s hola >/dev/null 2>&1
	check 'a mistake, and a request' is failed state revd.service
	rm $conf
	systemctl stop revd.service 2>/dev/null
	check 'a stop of what has failed lets requests start it' is aloh user revc --timeout 10s hola
	rm "$late"
}

# with_drop_in NAME TEXT: a drop-in of the service for what follows; without TEXT none.
with_drop_in()
{
	local dir=/run/systemd/system/revd.service.d

	rm -rf $dir
	if [ $# = 2 ]; then
		mkdir -p $dir
		printf '[Service]\n%s\n' "$2" >"$dir/$1.conf"
	fi
	systemctl daemon-reload
}

# Mistakes in the unit are no better than those in the configuration.
check_wrong_unit()
{
	local text

	for text in ReadWritePaths=/does/not/exist WorkingDirectory=/does/not/exist \
		$'ExecStart=\nExecStart=/usr/bin/no-revd' $'ExecStart=\nExecStart=/usr/bin/revd --foo'; do
		with_drop_in wrong "$text"
		check "start with ${text##*$'\n'}" fails systemctl restart revd.service
		sleep 0.5 # longer than RestartSec=
		check "it stays failed" is failed state revd.service
		check "the socket is still there" is active state revd-uds.socket
	done
	with_drop_in wrong
	check 'start of the right unit' systemctl start revd.service
	check 'serves' is aloh user revc --timeout 10s hola
}

# Right by itself, but not possible here: it is tried again, more and more slowly, and says why.
check_impossible()
{
	mkdir -p ${drop_in%/*}
	printf '[endpoint.x]\ntransport = uds\npath = /srv/none/x.sock\n' >$drop_in
	systemctl restart revd.service 2>/dev/null
	check 'it waits, and status says why' eventually status_has 'why: x: '
	check 'and longer each time' eventually status_has 'waiting for 800 ms'
	check 'a stop ends that' timeout 3 systemctl stop revd.service
	check 'it is stopped' fails main_pid
	rm $drop_in
	check 'a request starts it again' is aloh user revc --timeout 10s hola
}

# Another endpoint with a socket unit, by the manual; an abstract name, which the sandbox's own
# network hides from all but those.
check_more_sockets()
{
	local unit=/run/systemd/system/revd-more.socket

	printf '[Socket]\nService=revd-wake.service\nListenStream=@revd-more\n%s\n%s\n' \
		FileDescriptorName=more TriggerLimitBurst=0 >$unit
	mkdir -p ${drop_in%/*}
	printf '[endpoint.more]\ntransport = uds\npath = @revd-more\n' >$drop_in
	with_drop_in more Sockets=revd-more.socket
	systemctl stop revd.service
	check 'a socket unit of an abstract name' systemctl start revd-more.socket
	check 'starts it' is aloh user revc --timeout 10s -e uds:@revd-more hola
	check 'beside the others' is aloh user revc --timeout 10s hola
	systemctl stop revd.service revd-more.socket
	rm $unit $drop_in
	with_drop_in more
	check 'it serves without that' is aloh user revc --timeout 10s hola
}

# One worker of two hangs in a service: the manager ends the process.
check_hang()
{
	local before

	mkdir -p ${drop_in%/*}
	printf '%s\n' '[revd]' 'workers = 2' 'plugin_dir = /usr/lib/revd-test' '[endpoint.late]' \
		'transport = uds' "path = $run/late.sock" 'service = late' 'mode = 0666' >$drop_in
	with_drop_in watchdog WatchdogSec=1
	check 'two workers with a service that can hang' systemctl restart revd.service
	before=$(main_pid)
	check 'the service answers' is ggg user revc --timeout 10s -e uds:$run/late.sock 'grow 3'
	user revc --timeout 1s -e uds:$run/late.sock hang >/dev/null 2>&1
	check 'another process after a worker has hung' eventually fails is "$before" main_pid
	check 'the log says that it did' journal_has 'a worker hangs'
	check 'and serves' is aloh user revc --timeout 20s hola
	rm $drop_in
	with_drop_in watchdog
	systemctl restart revd.service
}

# By the README; the files themselves are the installation's.
check_uninstall()
{
	# shellcheck disable=SC2086 # a list of words
	check 'disable' systemctl disable --now $all_sockets revd.service
	systemctl reset-failed 'revd*' 2>/dev/null
	check 'nothing is active after that' eventually is '' systemctl list-units --all --plain \
		--no-legend --state=active,failed,activating 'revd*'
	check 'no name is left' fails ls $run/revd.sock $run/revd.fifo /dev/mqueue/revd
	# shellcheck disable=SC2086 # a list of words
	systemctl start $all_sockets
	check 'it can be started again' is aloh user revc --timeout 10s hola
}

check_mask()
{
	check 'a masked socket' systemctl mask --now revd-fifo.socket
	check 'the others serve on' is aloh user revc --timeout 10s hola
	check 'restart without it' systemctl restart revd.service
	check 'the socket serves' is aloh user revc --timeout 10s hola
	check 'the queue serves' is aloh user revc --timeout 10s -e mqueue:/revd hola
	systemctl unmask revd-fifo.socket
	check 'the socket unit again' systemctl start revd-fifo.socket
	check 'restart with it' systemctl restart revd.service
	check 'it serves' is aloh user revc --timeout 10s -e fifo:$run/revd.fifo hola
}

# It ends when nobody needs it, and nothing is lost at that moment.
check_idle()
{
	local i n=0

	mkdir -p ${drop_in%/*}
	printf '[revd]\nexit_on_idle = 200ms\n' >$drop_in
	check 'restart with exit_on_idle' systemctl restart revd.service
	check 'it ends when idle' eventually is inactive state revd.service
	check 'the socket stays' is active state revd-uds.socket
	for i in 1 2 3 4 5 6 7 8 9 10; do
		[ "$(user revc --timeout 10s "hola$i")" = "${i/10/01}aloh" ] && n=$((n + 1))
		[ "$(user revc --timeout 10s -e mqueue:/revd hola)" = aloh ] && n=$((n + 1))
		sleep "0.2$i"
	done
	check 'requests at that moment are answered' is 20 echo $n
	rm $drop_in
	systemctl restart revd.service
}

# Names that the sandbox keeps from it, or from others.
check_sandbox()
{
	mkdir -p ${drop_in%/*} /srv/revd
	chown revd /srv/revd
	printf '[endpoint.x]\ntransport = uds\npath = /srv/revd/x.sock\nmode = 0666\n' >$drop_in
	check 'a place that the unit may not write to' fails systemctl reload revd.service
	check 'says which drop-in allows it' status_has 'ReadWritePaths=/srv/revd'
	mkdir -p /run/systemd/system/revd.service.d
	printf '[Service]\nReadWritePaths=/srv/revd\n' >/run/systemd/system/revd.service.d/x.conf
	systemctl daemon-reload
	check 'with that drop-in' systemctl restart revd.service
	check 'it is served' is aloh user revc --timeout 10s -e uds:/srv/revd/x.sock hola
	groupadd -f askers
	printf '[endpoint.x]\ntransport = uds\npath = /srv/revd/x.sock\ngroup = askers\n' >$drop_in
	check 'a group that the unit is not in' fails systemctl reload revd.service
	check 'says which drop-in allows that' status_has 'SupplementaryGroups='
	printf 'SupplementaryGroups=askers\nSystemCallFilter=@chown\n' \
		>>/run/systemd/system/revd.service.d/x.conf
	systemctl daemon-reload
	check 'with that one' systemctl restart revd.service
	check 'the group has the socket' is 'revd askers 660' stat -c '%U %G %a' /srv/revd/x.sock
	printf '[endpoint.x]\ntransport = uds\npath = @hidden\n' >$drop_in
	check 'an abstract name' systemctl reload revd.service
	check 'which nobody finds, as the log says' journal_has 'PrivateNetwork=no'
	rm -r $drop_in /run/systemd/system/revd.service.d /srv/revd
	systemctl daemon-reload
	systemctl restart revd.service
}

as_ana()
{
	runuser -u ana -- env XDG_RUNTIME_DIR=/run/user/1234 "$@"
}

# The same for one user, with that user's own manager.
check_user_unit()
{
	local dir=/run/user/1234 uri

	useradd -m -u 1234 ana
	mkdir -p $dir /run/systemd/system/user@.service.d
	chown ana $dir
	chmod 700 $dir
	# what pam_systemd would do
	printf '[Service]\nEnvironment=XDG_RUNTIME_DIR=/run/user/%%i\n' \
		>/run/systemd/system/user@.service.d/x.conf
	systemctl daemon-reload
	check 'a user manager' systemctl start user@1234.service
	# shellcheck disable=SC2086 # a list of words
	check 'the user units' as_ana systemctl --user enable --now $all_sockets
	for uri in uds:$dir/revd/revd.sock fifo:$dir/revd/revd.fifo mqueue:/revd-1234; do
		check "the user asks $uri" is aloh as_ana revc --timeout 10s -e "$uri" hola
	done
	check 'nobody else may' fails user revc --timeout 1s -e mqueue:/revd-1234 hola
	check 'restart of the user unit' as_ana systemctl --user restart revd.service
	check 'it serves after that' is aloh as_ana revc --timeout 10s hola
	systemctl stop user@1234.service
	# with the user's manager its directory may go, too
	check 'no queue is left of it' fails test -e /dev/mqueue/revd-1234
	check 'no socket is left of it' fails test -e $dir/revd/revd.sock
}

check_unit()
{
	check_wrong_configuration
	check_orders
	check_wrong_unit
	check_impossible
	check_crashes
	check_more_sockets
	check_hang
	check_mask
	check_idle
	check_sandbox
	check_user_unit
	check_uninstall
}
