# bash completion for revc(1)                              -*- shell-script -*-

# Sockets or FIFOs, and the directories on the way: not the names for replies beside them.
_revc_paths()
{
	local kind=$1 path=$2 file

	for file in "$path"*; do
		[[ $file != *.out && $file != *.d ]] || continue
		if [[ -d $file ]] || test "$kind" "$file"; then
			COMPREPLY+=("$file")
		fi
	done
	compopt -o filenames 2>/dev/null
}

# Request queues, as /dev/mqueue shows them: not those for replies.
_revc_queues()
{
	local queue

	for queue in /dev/mqueue/"$1"*; do
		[[ -e $queue && $queue != *.* ]] && COMPREPLY+=("/${queue#/dev/mqueue/}")
	done
}

_revc_uri()
{
	local uri=$1 scheme=${1%%:*}

	case $uri in
	uds:*|shm:*) _revc_paths -S "${uri#*:}" ;;
	fifo:*) _revc_paths -p "${uri#*:}" ;;
	pty:*) _revc_paths -L "${uri#*:}" ;;
	mqueue:*) _revc_queues "${uri#mqueue:/}" ;;
	*)
		COMPREPLY=($(compgen -W 'uds: shm: fifo: mqueue:/ pty: nats://' -- "$uri"))
		compopt -o nospace 2>/dev/null
		return
		;;
	esac
	# readline takes the colon for the end of a word
	[[ $COMP_WORDBREAKS == *:* ]] || COMPREPLY=("${COMPREPLY[@]/#/$scheme:}")
}

_revc()
{
	local cur=${COMP_WORDS[COMP_CWORD]}
	local line=${COMP_LINE:0:COMP_POINT} word

	COMPREPLY=()
	# With = and : as word breaks, "--endpoint=uds:/run" arrives as five words.
	word=${line##*[[:space:]]}
	line=${line%"$word"}
	line=${line%"${line##*[![:space:]]}"}
	line=${line##*[[:space:]]}
	if [[ $word == --*=* ]]; then
		line=${word%%=*}
		word=${word#*=}
	fi
	case $line in
	-e|--endpoint)
		_revc_uri "$word"
		return
		;;
	-f|--file)
		compopt -o filenames 2>/dev/null
		COMPREPLY=($(compgen -f -- "$word"))
		return
		;;
	--timeout)
		COMPREPLY=($(compgen -W '500ms 1s 10s 1min' -- "$word"))
		return
		;;
	-c|--count)
		return
		;;
	esac
	if [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W '-e --endpoint -f --file --ping -c --count --info --stats --all
			--peers --top --doctor --metrics --http
			--json --timeout -V --version -h --help' -- "$cur"))
	elif [[ " ${COMP_WORDS[*]} " =~ \ (-f|--file)\  ]]; then
		compopt -o filenames 2>/dev/null
		COMPREPLY=($(compgen -f -- "$cur"))
	fi
}

complete -F _revc revc
