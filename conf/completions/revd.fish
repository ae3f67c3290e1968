# fish completion for revd(8)

complete -c revd -f
complete -c revd -s c -l config -r -F -d 'Read this configuration'
complete -c revd -l check -d 'Report what is wrong with the configuration'
complete -c revd -l dump-config -d 'Print the effective configuration'
complete -c revd -l demo -d 'Serve every transport in a private directory'
complete -c revd -l stdio -d 'Serve standard input to standard output'
complete -c revd -l reload -d 'Tell the daemon that runs to reload, and wait for the result'
complete -c revd -l version -d 'Print the version'
complete -c revd -l help -d 'Print a summary'
