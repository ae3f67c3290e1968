# bash completion for revc(1)                              -*- shell-script -*-

# Endpoints that exist: sockets and FIFOs as files, queues as /dev/mqueue shows them.
_revc_uri()
{
	local cur=$1 scheme path queue

	case $cur in
	uds:*|fifo:*)
		scheme=${cur%%:*}
		path=${cur#*:}
		COMPREPLY=($(compgen -f -- "$path"))
		# readline takes the colon for the end of a word
		[[ $COMP_WORDBREAKS == *:* ]] || COMPREPLY=("${COMPREPLY[@]/#/$scheme:}")
		compopt -o filenames 2>/dev/null
		;;
	mqueue:*)
		path=${cur#mqueue:/}
		for queue in /dev/mqueue/"$path"*; do
			[[ -e $queue ]] || continue
			queue=/${queue#/dev/mqueue/}
			[[ $COMP_WORDBREAKS == *:* ]] || queue=mqueue:$queue
			COMPREPLY+=("$queue")
		done
		;;
	*)
		COMPREPLY=($(compgen -W 'uds: fifo: mqueue:/' -- "$cur"))
		compopt -o nospace 2>/dev/null
		;;
	esac
}

_revc()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	local line=${COMP_LINE:0:COMP_POINT} word

	COMPREPLY=()
	# With the colon as a word break, "uds:/run" arrives as three words.
	word=${line##*[[:space:]]}
	line=${line%"$word"}
	line=${line%"${line##*[![:space:]]}"}
	case ${line##*[[:space:]]} in
	-e|--endpoint)
		_revc_uri "$word"
		return
		;;
	-f|--file)
		compopt -o filenames 2>/dev/null
		COMPREPLY=($(compgen -f -- "$cur"))
		return
		;;
	--timeout)
		COMPREPLY=($(compgen -W '500ms 1s 10s 1min' -- "$cur"))
		return
		;;
	esac
	if [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W '-e --endpoint -f --file --ping -c --count --info --stats --all
			--json --timeout -V --version -h --help' -- "$cur"))
	elif [[ " ${COMP_WORDS[*]} " =~ \ (-f|--file)\  ]]; then
		compopt -o filenames 2>/dev/null
		COMPREPLY=($(compgen -f -- "$cur"))
	fi
}

complete -F _revc revc
