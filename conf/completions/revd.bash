# bash completion for revd(8)                              -*- shell-script -*-

_revd()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}

	case $prev in
	-c|--config)
		compopt -o filenames 2>/dev/null
		COMPREPLY=($(compgen -f -- "$cur"))
		;;
	*)
		COMPREPLY=($(compgen -W '-c --config --check --dump-config --demo --stdio --reload --version -h --help' \
			-- "$cur"))
		;;
	esac
}

complete -F _revd revd
