#!/bin/sh
# steps.sh ATTEMPT_DIR: runs its file `steps`, which reads the files step.1 and on, one after another, into this
# very shell, so that directory, variables and functions carry over. Which of them has begun is told by a signal:
# a step may end or replace the shell, and is then known all the same.

# Names that no step is likely to use; the signal gets an environment that no step has changed.
__aios_dir=$1
__aios_attempt=$AIOS_ATTEMPT __aios_spool=$AIOS_SPOOL __aios_hook=$AIOS_HOOK __aios_path=$PATH
shift
[ -n "$BASH_VERSION" ] || source() { . "$@"; }

__aios_begin() {
    PATH=$__aios_path AIOS_ATTEMPT=$__aios_attempt AIOS_SPOOL=$__aios_spool \
        /bin/sh "$__aios_hook" step "$1"
    while IFS= read -r __aios_title; do
        printf '%s\n' "$__aios_title"
    done <"$__aios_dir/title.$1"
}

__aios_end() {
    [ "$1" = 0 ] || exit "$1"
}

. "$__aios_dir/steps"
