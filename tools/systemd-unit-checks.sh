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
	check 'nothing is left of it' is '' find $dir /dev/mqueue -name 'revd*1234*'
}

check_unit()
{
	check_wrong_configuration
	check_crashes
	check_mask
	check_idle
	check_sandbox
	check_user_unit
}
