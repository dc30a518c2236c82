# Completion of aios for fish, written by `aios install`; `aios uninstall` removes it.

function __aios_complete
    set -l tokens (commandline -opc)
    set -e tokens[1]
    set -l current (commandline -ct)
    set -l lines (@program@ --complete $tokens "$current" 2>/dev/null)
    switch "$lines[1]"
        case files directories
            __fish_complete_path "$current"
        case '*'
            set -e lines[1]
            test (count $lines) -gt 0; and printf '%s\n' $lines
    end
end

complete -c aios -f -k -a '(__aios_complete)'
complete -c aio -f -k -a '(__aios_complete)'
