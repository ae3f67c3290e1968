# Load over every transport while the daemon is restarted, reloaded, upgraded and killed, for
# tools/systemd-checks.sh. /load has the load program and what it needs.
# shellcheck shell=bash
# shellcheck disable=SC2154 # run is set there

# Beside the default endpoints, which the socket units hold, one of every other kind.
load_configuration()
{
	printf '[endpoint.%s]\n%s\nmode = 0666\n' \
		uds $'transport = uds\npath = /run/revd/revd.sock' \
		seqpacket $'transport = uds\ntype = seqpacket\npath = /run/revd/revd.seq' \
		shm $'transport = shm\npath = /run/revd/revd.shm' \
		pty $'transport = pty\npath = /run/revd/revd.tty' \
		slow $'transport = uds\npath = /run/revd/slow.sock\nservice = slow'
	printf '%s\n' '[endpoint.fifo]' 'transport = fifo' 'path = /run/revd/revd.fifo' \
		'[endpoint.mqueue]' 'transport = mqueue' 'queue = /revd' \
		'[service.slow]' 'type = exec' 'mode = frames' 'command = perl /load/slow.pl'
}

# What a package's scripts do once its files are there.
load_upgrade()
{
	printf '%s' 'cp --remove-destination /dest/usr/bin/revd /usr/bin/revd && ' \
		'systemctl daemon-reload && systemctl restart revd.service'
}

# load NAME OPTION...: one run of the load program, whose report is printed in any case.
load()
{
	local name=$1 status=0

	shift
	REVC=/usr/bin/revc /load/revload "$@" >/tmp/load 2>&1 || status=$?
	sed 's/^/        /' /tmp/load
	check "load: $name" [ "$status" = 0 ]
}

load_ways="uds-lines=$run/revd.sock uds-frames=$run/revd.sock seqpacket-lines=$run/revd.seq
	seqpacket-frames=$run/revd.seq shm-lines=$run/revd.shm shm-frames=$run/revd.shm
	fifo-lines=$run/revd.fifo fifo-frames=$run/revd.fifo mqueue-lines=/revd mqueue-frames=/revd
	pty-lines=$run/revd.tty pty-frames=$run/revd.tty exec:uds-frames*1=$run/slow.sock"
retry_ways="uds:revc=uds:$run/revd.sock seqpacket:revc=uds:$run/revd.seq shm:revc=shm:$run/revd.shm
	fifo:revc=fifo:$run/revd.fifo mqueue:revc=mqueue:/revd pty:revc=pty:$run/revd.tty"

# Nothing is lost by anything that an administrator does; what SIGKILL takes away revc asks again.
# REVD_LONG: the numbers that are promised, not only a glance.
check_load()
{
	local restarts=3 reloads=2 upgrades=1 requests=100000 kills=2 retried=50000 pause=() every=500ms

	if [ -n "${REVD_LONG:-}" ]; then
		restarts=10 reloads=5 upgrades=2 requests=1000000 kills=20 retried=500000
		pause=(--pause-max 100ms) every=2s
	fi
	mkdir -p /etc/revd
	load_configuration >/etc/revd/revd.conf
	check 'a configuration with every transport' systemctl restart revd.service
	# shellcheck disable=SC2086 # lists of words
	load "$restarts restarts, $reloads reloads, $upgrades upgrades" $load_ways \
		--requests "$requests" --every "$every" "${pause[@]}" \
		--event "$restarts systemctl restart revd.service" \
		--event "$reloads systemctl reload revd.service" \
		--event "$upgrades $(load_upgrade)"
	# shellcheck disable=SC2086
	load "$kills times SIGKILL, as revc sees it" $retry_ways --requests "$retried" --every 3s \
		--event "$kills systemctl kill -s KILL revd.service"
	# A daemon that was killed may have taken one half of what came through a way that clients
	# share: without the frame's beginning, or its message's, the rest is taken for something
	# else. revd-protocol(7) says so of lines; here nobody sends such ones.
	# shellcheck disable=SC2086
	load 'SIGKILL without retries: what is lost was under way' ${load_ways/fifo-lines=$run\/revd.fifo/} \
		--may-lose --whole --requests 50000 --every 1s --patience 3s --quiet 3s \
		--event '1 systemctl kill -s KILL revd.service'
	rm /etc/revd/revd.conf
	systemctl restart revd.service
}
