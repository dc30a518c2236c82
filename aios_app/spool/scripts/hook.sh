#!/bin/sh
# hook.sh KIND [PAYLOAD]: leave a signal of this agent in the spool. The payload is the second argument,
# or standard input. Prints nothing and never fails: an agent runs this in the middle of its work.
[ -n "$AIOS_SPOOL" ] && [ -n "$AIOS_ATTEMPT" ] && [ -n "$1" ] || exit 0
exec 2>/dev/null

now=$(date +%s%N)
case $now in *N) now=${now%N}$(printf %09d "$$") ;; esac # a date without nanoseconds
name=$AIOS_ATTEMPT.$now.$1
new=$AIOS_SPOOL/.tmp.$name

if [ $# -gt 1 ]; then
    # Cut off, it would say something else: on a full disk it waits for room.
    until printf %s "$2" >"$new" || [ ! -d "$AIOS_SPOOL" ]; do sleep 1; done
elif [ -t 0 ]; then
    : >"$new"
else
    cat >"$new"
fi
mv -f "$new" "$AIOS_SPOOL/$name"
exit 0
