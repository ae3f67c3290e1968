# What the tools share: missing packages, build directories, builds.
# Sourced by bash with `set -euo pipefail`; $top is the checkout.
# shellcheck shell=bash disable=SC2034 # the lists are for those who source this

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

die()
{
	printf '%s: %s\n' "${0##*/}" "$1" >&2
	exit 1
}

# Progress goes to standard error and stays out of what the tool has to say.
note()
{
	printf '%s\n' "$1" >&2
}

# What each package is good for, as something that can be looked at: who has it
# from elsewhere, or runs another distribution, needs no Debian package.
#	package		kind	what
packages='
	gcc		command	cc
	libc6-dev	file	/usr/include/stdio.h
	meson		command	meson
	ninja-build	command	ninja
	pkg-config	command	pkg-config
	libevent-dev	library	libevent_core
	libinih-dev	library	inih
	libedit-dev	library	libedit
	libncurses-dev	library	ncursesw
	libjansson-dev	library	jansson
	libqb-dev	library	libqb
	libnats-dev	library	libnats
	nats-server	daemon	nats-server
	scdoc		command	scdoc
	netcat-openbsd	netcat	-
	check		library	check
	python3		command	python3
	valgrind	command	valgrind
	clang		command	clang
	libclang-rt-14-dev	clangrt	-
	mmdebstrap	command	mmdebstrap
	systemd-container	command	systemd-nspawn
	iproute2	command	ip
	procps		command	pgrep
	jq		command	jq
	socat		command	socat
'

packages_build='gcc libc6-dev meson ninja-build pkg-config libevent-dev libinih-dev
	libedit-dev libncurses-dev libjansson-dev scdoc'
packages_demo="$packages_build netcat-openbsd"
packages_test="$packages_build libqb-dev libnats-dev nats-server check python3 jq socat"

# Success if what the package is needed for is there.
present()
{
	local package kind what

	while read -r package kind what; do
		if [ "$package" != "$1" ]; then
			continue
		fi
		case $kind in
		command) command -v "$what" >/dev/null ;;
		# Not every user's PATH has the directory of daemons.
		daemon) PATH=$PATH:/usr/sbin command -v "$what" >/dev/null ;;
		library) pkg-config --exists "$what" 2>/dev/null ;;
		file) [ -e "$what" ] ;;
		# Other netcats have no -U, or no -N.
		netcat) command -v nc >/dev/null && nc -h 2>&1 | grep -q -- '-N.*EOF' ;;
		clangrt) clang -fsanitize=address -x c -o /dev/null - <<<'int main(void){}' 2>/dev/null ;;
		esac
		return
	done <<<"$packages"
	die "nothing is known about the package '$1'"
}

missing()
{
	local p

	for p in "$@"; do
		present "$p" || printf '%s ' "$p"
	done
}

# Runs a command as root; asks for a password only where somebody can type one.
as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif [ -t 0 ]; then
		sudo "$@"
	else
		sudo -n "$@"
	fi
}

apt_install()
{
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
		--no-install-recommends -o DPkg::Lock::Timeout=300 "$@" </dev/null
}

# Installs what is missing of the packages named. A fresh machine has no package
# lists, an old one has stale ones, so a failure is answered with an update.
need()
{
	local list log

	list=$(missing "$@")
	if [ -z "$list" ]; then
		return
	fi
	if ! command -v apt-get >/dev/null; then
		die "this machine has no apt-get; install what these Debian packages hold: $list"
	fi
	if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
		die "packages are missing; as root: apt-get install --no-install-recommends $list"
	fi
	note "installing $list"
	log=$(mktemp)
	# shellcheck disable=SC2086 # a list of words
	if ! apt_install $list >"$log" 2>&1 &&
		! { as_root apt-get update -q && apt_install $list; } >"$log" 2>&1 </dev/null; then
		tail -n 20 "$log" >&2
		rm -f "$log"
		die "could not install $list"
	fi
	rm -f "$log"
	list=$(missing "$@")
	if [ -n "$list" ]; then
		die "installed, but not found: $list"
	fi
}

# Prints the build directory for a kind of build: build or build-KIND in the
# checkout; where that can't be written or belongs to another user (root after
# sudo, or the other way round), one of our own. One that somebody has set up
# without us, with options of their own, is left alone.
build_dir()
{
	local name=build${1:+-$1} dir base

	if [ -n "${REVD_BUILD:-}" ]; then
		printf '%s\n' "$REVD_BUILD/$name"
		return
	fi
	dir=$top/$name
	if [ -f "$dir/build.ninja" ] && [ ! -f "$dir/tools-options" ]; then
		name=build-tools${1:+-$1}
		dir=$top/$name
	fi
	if [ -O "$dir" ] || { [ ! -e "$dir" ] && [ -O "$top" ] && [ -w "$top" ]; }; then
		printf '%s\n' "$dir"
	else
		base=${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}
		mkdir -p "$base" 2>/dev/null && [ -w "$base" ] || base=/var/tmp
		printf '%s\n' "$base/revd-$(id -u)-$(cksum <<<"$top" | cut -d' ' -f1)/$name"
	fi
}

# configure DIR OPTION...: makes DIR a build directory with these options. One
# that is there already with the same options is left to ninja, which notices
# changed build files by itself; another one is made anew.
configure()
{
	local dir=$1 log
	local stamp=$dir/tools-options want

	shift
	want="$top ${CC:-cc} $*"
	if [ -f "$dir/build.ninja" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$want" ]; then
		return
	fi
	if [ -e "$dir" ] && [ ! -d "$dir/meson-private" ] && [ -n "$(ls -A "$dir")" ]; then
		die "$dir is there, but is no build directory"
	fi
	rm -rf "$dir"
	mkdir -p "$dir"
	log=$dir.setup.log
	if ! meson setup "$@" "$dir" "$top" >"$log" 2>&1; then
		tail -n 8 "$log" >&2
		rm -rf "$dir"
		die "meson setup failed; its whole output is in $log"
	fi
	rm -f "$log"
	printf '%s\n' "$want" >"$stamp"
}

# compile DIR [TARGET...]: says nothing unless it fails or warns.
compile()
{
	local dir=$1 log=$1/tools-build.log

	if ! ninja -j "$(nproc)" -C "$@" >"$log" 2>&1; then
		# From the first failure on, without the command lines of the compiler.
		sed -n '/^FAILED:\|^ninja: error\|ERROR:/,$p' "$log" |
			grep -Ev '^(\[[0-9]+/[0-9]+\] [A-Z][a-z]+ing |(ccache )?(cc|gcc|clang) )' |
			head -n 60 >&2 || true
		die "the build failed; its whole output is in $log"
	fi
	grep -E ': warning: ' "$log" >&2 || true
}

# The queues of all programs of a user share one budget (819200 bytes, 9 queues of
# the usual size), and root's is shared with whatever else runs here. Root may
# ask for more; others live with it.
more_queues()
{
	ulimit -q unlimited 2>/dev/null || true
}

# Two runs at once in one build directory wait for each other. Descriptor 9
# stays open, and the lock ours, until the tool ends.
lock()
{
	mkdir -p "$1"
	exec 9>"$1.lock"
	flock -n 9 || { note "waiting for another run in $1"; flock 9; }
}
