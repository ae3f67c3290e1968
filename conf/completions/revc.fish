# fish completion for revc(1)

function __revc_uris
    set -l word (string replace -r '^(--endpoint=|-e)' '' -- (commandline -ct))
    switch $word
        case 'uds:*' 'shm:*' 'fifo:*' 'pty:*'
            set -l scheme (string split -m1 : -- $word)[1]
            set -l kind -S
            string match -q fifo $scheme; and set kind -p
            string match -q pty $scheme; and set kind -L
            for file in (string split -m1 : -- $word)[2]*
                if test -d $file
                    echo $scheme:$file/
                else if test $kind $file; and not string match -q '*.out' -- $file
                    echo $scheme:$file
                end
            end
        case 'mqueue:*'
            for queue in /dev/mqueue/*
                string match -q '*.*' -- $queue
                or echo mqueue:/(string replace /dev/mqueue/ '' -- $queue)
            end
        case '*'
            printf '%s\n' uds: shm: fifo: mqueue:/ pty: nats://
    end
end

complete -c revc -f
complete -c revc -s e -l endpoint -x -a '(__revc_uris)' -d 'Ask there'
complete -c revc -s f -l file -r -F -d 'Each line of this file'
complete -c revc -l ping -d 'Measure a round trip'
complete -c revc -s c -l count -x -d 'With --ping: so many'
complete -c revc -l info -d 'What answers there'
complete -c revc -l stats -d 'Requests, errors, clients and latencies of each endpoint'
complete -c revc -l peers -d 'Who is connected'
complete -c revc -l top -d 'Rates and latencies of each endpoint, live'
complete -c revc -l doctor -d 'What is wrong, and what mends it'
complete -c revc -l metrics -d 'The counters, as Prometheus reads them'
complete -c revc -l http -d 'With --metrics: answer a request of HTTP'
complete -c revc -l all -d 'Ask every endpoint of the daemon'
complete -c revc -l json -d 'Print JSON'
complete -c revc -l timeout -x -a '500ms 1s 10s 1min' -d 'Give up after so long without an answer'
complete -c revc -s V -l version -d 'Print the version'
complete -c revc -s h -l help -d 'Print a summary'
