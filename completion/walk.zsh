#compdef taploom taploomd taploom-brctl taploom-bridge
# Completion of taploom and its companions for zsh. Written by `taploom completion zsh`.

# What follows each command: verbs, flags with the kind of their value, operands. Sets those arrays.
# TABLES

# Names from the running switch, one a line; nothing if there is none.
_taploom_names() {
    local program=taploom
    [[ ${words[1]:t} == taploom ]] && program=${words[1]/#\~\//$HOME/}
    local -a call
    call=("$program" names "$@")
    [[ -n $socket ]] && call+=(--socket "${socket/#\~\//$HOME/}")
    "${call[@]}" 2>/dev/null </dev/null
}

_taploom_values() {
    local -a found
    case $1 in
    *'|'*) found=("${(@s:|:)1}") ;;
    bridge) found=("${(@f)$(_taploom_names bridges)}") ;;
    port) found=("${(@f)$(_taploom_names ports ${bridge:+"$bridge"})}") ;;
    interface) found=(/sys/class/net/*(N:t)) ;;
    netns) found=(/run/netns/*(N:t)) ;;
    user) _users && return ;;
    group) _groups && return ;;
    file) _files && return ;;
    esac
    found=("${(@)found:#}")
    (( $#found )) && compadd -a found
}

# Sets `kind` if the flag takes a value, and `optional` if that may be left out.
_taploom_flag() {
    local entry
    kind='' optional=''
    for entry in "${flags[@]}"; do
        case $entry in
        ("$1="*) kind=${entry#*=}; kind=${kind:-nothing} ;;
        ("$1?"*) kind=${entry#*\?}; kind=${kind:-nothing} optional=yes ;;
        esac
    done
}

# Not `commands`, `options` and `path`: zsh has given these names a meaning.
_taploom() {
    local where=taploom
    case ${service:-${words[1]:t}} in
    (taploomd) where=taploomd ;;
    (taploom-brctl|brctl) where=taploom-brctl ;;
    (taploom-bridge|bridge) where=taploom-bridge ;;
    esac

    local -a verbs verb_help flags flag_help operands
    local kind='' optional='' waiting='' bridge='' socket='' word='' last='' only='' part=''
    local -i operand=1 i
    _taploom_tables $where
    for (( i = 2; i < CURRENT; i++ )); do
        word=${(Q)words[i]}
        if [[ -n $waiting && ( -z $optional || $word != -* ) ]]; then
            [[ $last == --socket ]] && socket=$word
            waiting=''
        elif [[ $word == -- ]]; then
            waiting='' only=yes
        elif [[ $word == -* && -z $only ]]; then
            waiting='' last=$word
            [[ $word == --socket=* ]] && socket=${word#*=}
            _taploom_flag "$word"
            waiting=$kind
        elif (( operand == 1 && ${verbs[(Ie)$word]} )); then
            waiting='' where+=" $word" verbs=() verb_help=() flags=() flag_help=() operands=()
            _taploom_tables $where
        else
            waiting=''
            [[ ${operands[operand]-} == bridge ]] && bridge=$word
            operand+=1
        fi
    done

    local current=${words[CURRENT]}
    if [[ -n $waiting && ( -z $optional || $current != -* ) ]]; then
        _taploom_values "$waiting"
    elif [[ -z $only && $current == --*=* ]]; then
        _taploom_flag "${current%%=*}"
        compset -P '*='
        _taploom_values "$kind"
    elif [[ -z $only && $current == -* ]]; then
        _describe -o -t options option flag_help
    elif (( operand == 1 && $#verbs )); then
        _describe -t commands command verb_help
    elif (( $#operands )); then
        part=${operands[operand]-}
        [[ -z $part && ${operands[-1]} == *... ]] && part=${operands[-1]}
        _taploom_values "${part%...}"
    fi
}

if [[ ${funcstack[1]-} == _taploom ]]; then
    # a file of $fpath, loaded by the first TAB
    _taploom "$@"
else
    (( ${+functions[compdef]} )) || { autoload -Uz compinit && compinit; }
    compdef _taploom taploom taploomd taploom-brctl taploom-bridge
fi
