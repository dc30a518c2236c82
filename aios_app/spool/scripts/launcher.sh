#!/bin/sh
# launcher.sh ATTEMPT_DIR WORKTREE WORD...: runs inside the person's login shell, so with the environment of
# a terminal. Runs the project's setup, then becomes the agent, whose command the words are.
dir=$1
: >"$dir/started"
: >"$AIOS_SPOOL/$AIOS_ATTEMPT.1.started" # empty, so whole at once
cd "$2" || exit 112 # start-up files may have left it
shift 2

# An agent that uses tmux gets a server of its own: "tmux kill-server" ends nothing of ours.
TMUX_TMPDIR=$AIOS_TMUX_TMPDIR
export TMUX_TMPDIR
unset TMUX TMUX_PANE AIOS_TMUX AIOS_TMUX_TMPDIR

if [ -f "$dir/setup" ]; then
    rm -f "$dir/setup.status"
    {
        /bin/sh "$dir/setup" </dev/null 2>&1
        echo $? >"$dir/setup.status"
    } | tee "$dir/setup.log"
    status=1
    [ -f "$dir/setup.status" ] && read -r status <"$dir/setup.status"
    /bin/sh "$AIOS_HOOK" setup "status=$status"
    [ "$status" = 0 ] || exit 113
fi

index=0
for word; do
    shift
    if [ -f "$dir/word.$index" ]; then # too long for the words of a tmux command
        word=$(cat "$dir/word.$index" && printf x) || exit 112 # the x keeps line ends that $() would cut
        word=${word%x}
    fi
    set -- "$@" "$word"
    index=$((index + 1))
done

if ! command -v -- "$1" >/dev/null; then
    printf 'aios: %s is not installed, or not on the PATH of a login shell\n' "$1" >&2
    exit 127
fi
exec "$@"
