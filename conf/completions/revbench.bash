# bash completion for revbench(1)                          -*- shell-script -*-

# Endpoints that exist: sockets and FIFOs as files, queues as /dev/mqueue shows them.
_revbench_uri()
{
	local name kind=-S

	[[ $1 == fifo:* ]] && kind=-p
	case $1 in
	uds:*|shm:*|fifo:*)
		for name in "${1#*:}"*; do
			[[ -d $name ]] && COMPREPLY+=("${1%%:*}:$name/")
			test $kind "$name" && [[ $name != *.out ]] && COMPREPLY+=("${1%%:*}:$name")
		done
		;;
	mqueue:*)
		for name in /dev/mqueue/"${1#mqueue:/}"*; do
			[[ -f $name && $name != *.out ]] && COMPREPLY+=("mqueue:/${name##*/}")
		done
		;;
	*)
		COMPREPLY=($(compgen -W 'uds: shm: fifo: mqueue:/' -- "$1"))
		;;
	esac
	compopt -o nospace 2>/dev/null
}

_revbench()
{
	local line=${COMP_LINE:0:COMP_POINT} word option value prefix= typed= breaks
	local -a words

	# With = and : as word breaks "--endpoint=uds:/run" is many words, so the line is read anew.
	word=${line##*[[:space:]]}
	words=(${line%"$word"})
	option=${words[-1]}
	value=$word
	if [[ $word == --*=* ]]; then
		option=${word%%=*}
		prefix=$option=
		value=${word#*=}
	fi
	COMPREPLY=()
	case $option in
	-e|--endpoint)
		_revbench_uri "$value"
		;;
	--json|--html|--svg|--revd|--plugin-dir)
		compopt -o filenames 2>/dev/null
		COMPREPLY=($(compgen -f -- "$value"))
		;;
	--only)
		COMPREPLY=($(compgen -W 'stream seqpacket shm fifo mqueue nats' -- "$value"))
		;;
	--size)
		COMPREPLY=($(compgen -W '64B 1K 16K 1M' -- "$value"))
		;;
	--slice)
		COMPREPLY=($(compgen -W '50ms 200ms 1s' -- "$value"))
		;;
	--in-flight|--clients|--rounds|--rate)
		;;
	*)
		COMPREPLY=($(compgen -W '-e --endpoint --only --quick --peers --json --html --svg
			--size --in-flight --clients --rounds --slice --rate --raise --revd --plugin-dir
			-q --quiet -V --version -h --help' -- "$value"))
		;;
	esac
	# readline replaces what stands behind the last word break.
	breaks=${COMP_WORDBREAKS//[^=:]/}
	[[ -z $breaks ]] || typed=${word%"${word##*[$breaks]}"}
	COMPREPLY=("${COMPREPLY[@]/#/$prefix}")
	COMPREPLY=("${COMPREPLY[@]#"$typed"}")
}

complete -F _revbench revbench
