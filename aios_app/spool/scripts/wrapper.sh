#!/bin/sh
# wrapper.sh ATTEMPT_DIR COMMAND...: the process of the tmux session. Runs the command, which is the
# person's login shell with the launcher, and leaves the signal `exit` when the agent has ended, however
# that came about.
dir=$1
shift
server=${TMUX%,*}
server=${server##*,}

# An attempt starts once: a tmux client that outlived a killed worker may ask for its session again.
set -C
command : >"$dir/begun" || exit 0
set +C
cause=
is_woken=
killer=

# The kernel reports a closed terminal to this process alone, so the agent learns of it from here. One that
# stays is killed, since nobody can see it any more.
end_agent() {
    cause=${cause:-$1}
    is_woken=1
    kill -"$1" "$agent"
    [ -n "$killer" ] && return # a closed terminal is told twice
    (env -u AIOS_ATTEMPT sleep 5 && kill -KILL "$agent") >/dev/null 2>&1 </dev/null &
    killer=$!
}

trap 'is_woken=1' INT QUIT
exec 3<&0 # it would also get no standard input
"$@" <&3 3<&- &
agent=$!
exec 3<&-
trap 'end_agent HUP' HUP
trap 'end_agent TERM' TERM

# wait also returns when a signal came, while the agent lives
while :; do
    is_woken=
    wait "$agent"
    status=$?
    [ -n "$is_woken" ] || break
    kill -0 "$agent" 2>/dev/null && continue
    wait "$agent" 2>/dev/null
    remembered=$?
    [ "$remembered" = 127 ] || status=$remembered
    break
done
trap '' HUP TERM INT QUIT
[ -z "$killer" ] || kill "$killer"

# The screen of a session that was closed is gone with it.
if [ "$cause" != HUP ]; then
    limit=
    command -v timeout >/dev/null && limit='timeout 3'
    $limit tmux -u -N -S "$AIOS_TMUX" capture-pane -p -S - -t "$TMUX_PANE" >"$dir/screen.txt" 2>/dev/null
fi
/bin/sh "$AIOS_HOOK" exit "status=$status
signal=$cause
server=$server
"
# An agent that used its own tmux may have left a server there: then it stays.
rmdir "$AIOS_TMUX_TMPDIR"/tmux-* "$AIOS_TMUX_TMPDIR" 2>/dev/null
