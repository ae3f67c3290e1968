# fish completion for revbench(1)

function __revbench_uris
    set -l word (commandline -ct | string replace -r '^--endpoint=' '')
    switch $word
        case 'uds:*' 'shm:*' 'fifo:*'
            set -l scheme (string split -m1 : -- $word)[1]
            for file in (__fish_complete_path (string split -m1 : -- $word)[2])
                string match -qr '\.(lock|out)(\t|$)' -- $file; or echo $scheme:$file
            end
        case 'mqueue:*'
            for queue in /dev/mqueue/*
                string match -q '*.out' -- $queue
                or echo mqueue:/(string replace /dev/mqueue/ '' -- $queue)
            end
        case '*'
            printf '%s\n' uds: shm: fifo: mqueue:/
    end
end

complete -c revbench -f
complete -c revbench -s e -l endpoint -x -a '(__revbench_uris)' -d 'Measure a daemon that runs'
complete -c revbench -l only -x -a 'stream seqpacket shm fifo mqueue nats' -d 'This transport alone'
complete -c revbench -l quick -d 'A few seconds: 64 bytes, 1 and 64 in flight'
complete -c revbench -l peers -d 'Also measure redis-server, memcached and libqb'
complete -c revbench -l json -r -F -d 'Write every figure as JSON'
complete -c revbench -l html -r -F -d 'Write a page with plots'
complete -c revbench -l svg -r -F -d 'Write the plot of throughput alone'
complete -c revbench -l size -x -a '64B 1K 16K 1M' -d 'This load alone: bytes of a request'
complete -c revbench -l in-flight -x -d 'This load alone: requests per client'
complete -c revbench -l clients -x -d 'This load alone: clients'
complete -c revbench -l rounds -x -d 'Rounds that are compared'
complete -c revbench -l slice -x -a '50ms 200ms 1s' -d 'How long each is measured in a round'
complete -c revbench -l rate -x -d 'Requests/s of the load at fixed times'
complete -c revbench -l raise -d 'Run before other programs'
complete -c revbench -l revd -r -F -d 'The daemon to start'
complete -c revbench -l plugin-dir -x -a '(__fish_complete_directories)' -d 'Where its plugin for nats is'
complete -c revbench -s q -l quiet -d 'No progress line'
complete -c revbench -s V -l version -d 'Print the version'
complete -c revbench -s h -l help -d 'Print a summary'
