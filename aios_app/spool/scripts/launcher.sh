#!/bin/sh
# launcher.sh ATTEMPT_DIR WORKTREE: runs inside the person's login shell, so with the environment of a
# terminal. Runs the project's setup, then becomes the agent.
dir=$1
signal() { /bin/sh "$AIOS_HOOK" "$1" "$2"; }

signal started ""
cd "$2" || exit 112 # start-up files may have left it

# An agent that uses tmux gets a server of its own: "tmux kill-server" ends nothing of ours.
TMUX_TMPDIR=$AIOS_TMUX_TMPDIR
export TMUX_TMPDIR
mkdir -m 700 "$TMUX_TMPDIR" 2>/dev/null
unset TMUX TMUX_PANE AIOS_TMUX AIOS_TMUX_TMPDIR AIOS_PYTHON

if [ -f "$dir/setup" ]; then
    rm -f "$dir/setup.status"
    {
        /bin/sh "$dir/setup" </dev/null 2>&1
        echo $? >"$dir/setup.status"
    } | tee "$dir/setup.log"
    status=1
    [ -f "$dir/setup.status" ] && read -r status <"$dir/setup.status"
    signal setup "status=$status"
    [ "$status" = 0 ] || exit 113
fi

set --
for file in "$dir"/argv/*; do
    word=$(cat "$file" && printf x) || exit 112 # the x keeps line ends that $() would cut
    set -- "$@" "${word%x}"
done

if ! command -v -- "$1" >/dev/null; then
    printf 'aios: %s is not installed, or not on the PATH of a login shell\n' "$1" >&2
    exit 127
fi
exec "$@"
