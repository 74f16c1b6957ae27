# Completion of taploom and its companions for bash. Written by `taploom completion bash`.

# What follows each command: verbs, flags with the kind of their value, operands. Sets those arrays.
# TABLES

# Names from the running switch, one a line; nothing if there is none.
_taploom_names() {
    local program=taploom
    [[ ${words[0]##*/} == taploom ]] && program=${words[0]/#\~\//"$HOME"/}
    local call=("$program" names "$@")
    [[ -n $socket ]] && call+=(--socket "${socket/#\~\//"$HOME"/}")
    "${call[@]}" 2>/dev/null </dev/null
}

# Offers those of the given words that begin with what is typed. Not `compgen -W`, which would run a name like a$(b).
_taploom_offer() {
    local word quoted cut=0 sign
    # readline replaces only what follows the last of these
    for sign in : = @; do
        if [[ $COMP_WORDBREAKS == *"$sign"* && $current == *"$sign"* ]]; then
            local tail=${current##*"$sign"}
            ((${#current} - ${#tail} > cut)) && cut=$((${#current} - ${#tail}))
        fi
    done
    for word; do
        [[ $before$word == "$current"* ]] || continue
        word=$before$word
        printf -v quoted %q "${word:cut}"
        COMPREPLY+=("$quoted")
    done
}

# Offers values of a kind. `before` is what stands in the same word: `--type=`.
_taploom_values() {
    local found=()
    case $1 in
    *'|'*) IFS='|' read -ra found <<<"$1" ;;
    bridge) mapfile -t found < <(_taploom_names bridges) ;;
    port) mapfile -t found < <(_taploom_names ports ${bridge:+"$bridge"}) ;;
    interface) found=(/sys/class/net/*) found=("${found[@]##*/}") ;;
    netns)
        found=(/run/netns/*) found=("${found[@]##*/}")
        [[ ${found[*]} == '*' ]] && found=()
        ;;
    user) mapfile -t found < <(compgen -u) ;;
    group) mapfile -t found < <(compgen -g) ;;
    file)
        mapfile -t COMPREPLY < <(compgen -f -- "${current#"$before"}")
        compopt -o filenames 2>/dev/null
        return
        ;;
    esac
    _taploom_offer "${found[@]}"
}

# Sets `kind` if the flag takes a value, and `optional` if that may be left out.
_taploom_flag() {
    local entry
    kind='' optional=''
    for entry in "${flags[@]}"; do
        case $entry in
        "$1="*) kind=${entry#*=} && kind=${kind:-nothing} ;;
        "$1?"*) kind=${entry#*\?} && kind=${kind:-nothing} optional=yes ;;
        esac
    done
}

_taploom_complete() {
    COMPREPLY=()
    # bash splits words at : and = too; what has no space before it belongs to the word before.
    local words=() line=${COMP_LINE:0:COMP_POINT} part rest i
    for ((i = 0; i <= COMP_CWORD; i++)); do
        part=${COMP_WORDS[i]}
        rest=${line#"${line%%[![:space:]]*}"}
        ((${#part} > ${#rest})) && part=$rest
        if ((i == 0)) || [[ $rest != "$line" ]]; then words+=("$part"); else words[-1]+=$part; fi
        line=${rest#"$part"}
    done
    local current=${words[-1]} before='' where
    case ${words[0]##*/} in
    taploomd) where=taploomd ;;
    taploom-brctl | brctl) where=taploom-brctl ;;
    taploom-bridge | bridge) where=taploom-bridge ;;
    *) where=taploom ;;
    esac

    local verbs=() flags=() operands=() kind='' optional='' waiting='' operand=0 bridge='' socket='' word last='' only=''
    _taploom_tables "$where"
    for word in "${words[@]:1:${#words[@]}-2}"; do
        if [[ -n $waiting && ($optional == '' || $word != -*) ]]; then
            [[ $last == --socket ]] && socket=$word
            waiting=''
        elif [[ $word == -- ]]; then
            waiting='' only=yes
        elif [[ $word == -* && $only == '' ]]; then
            waiting='' last=$word
            [[ $word == --socket=* ]] && socket=${word#*=}
            _taploom_flag "$word"
            waiting=$kind
        elif ((operand == 0)) && [[ " ${verbs[*]} " == *" $word "* ]]; then
            waiting='' where+=" $word" verbs=() flags=() operands=()
            _taploom_tables "$where"
        else
            waiting=''
            [[ ${operands[operand]} == bridge ]] && bridge=$word
            operand=$((operand + 1))
        fi
    done

    if [[ -n $waiting && ($optional == '' || $current != -*) ]]; then
        _taploom_values "$waiting"
    elif [[ $only == '' && $current == --*=* ]]; then
        before=${current%%=*}=
        _taploom_flag "${before%=}"
        _taploom_values "$kind"
    elif [[ $only == '' && $current == -* ]]; then
        _taploom_offer "${flags[@]%%[=?]*}"
    elif ((operand == 0 && ${#verbs[@]} > 0)); then
        _taploom_offer "${verbs[@]}"
    elif ((${#operands[@]} > 0)); then
        part=${operands[operand]-}
        [[ -z $part && ${operands[-1]} == *... ]] && part=${operands[-1]}
        _taploom_values "${part%...}"
    fi
}

complete -F _taploom_complete taploom taploomd taploom-brctl taploom-bridge
