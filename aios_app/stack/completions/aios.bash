# Completion of aios for bash, written by `aios install`; `aios uninstall` removes it.

_aios() {
    local rest=${COMP_LINE:0:COMP_POINT} stripped word line strip='' sign
    local -a words=() lines=()
    # Bash divides words at : and = as well: what no blank divides is put together again.
    for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
        stripped=${rest#"${rest%%[![:space:]]*}"}
        [[ $stripped == "$word"* ]] || word=$stripped # the cursor is inside of it
        if [[ $stripped != "$rest" || ${#words[@]} -eq 0 ]]; then words+=("$word"); else words[-1]+=$word; fi
        rest=${stripped#"$word"}
    done
    COMPREPLY=()
    mapfile -t lines < <(@program@ --complete "${words[@]:1}" 2>/dev/null)
    case ${lines[0]-} in
    files) compopt -o default && return ;;
    directories) compopt -o dirnames && return ;;
    esac
    word=${words[-1]}
    for sign in : =; do
        if [[ $COMP_WORDBREAKS == *"$sign"* && $word == *"$sign"* ]]; then strip=${word%"${word##*"$sign"}"}; fi
    done
    for line in "${lines[@]:1}"; do
        line=${line%%$'\t'*}
        printf -v line %q "${line#"$strip"}"
        COMPREPLY+=("$line")
    done
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[:=.] ]]; then compopt -o nospace; fi
}

complete -o nosort -F _aios aios aio
