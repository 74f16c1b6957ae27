# Completion of taploom and its companions for fish. Written by `taploom completion fish`.

# What follows each command: verbs, flags with the kind of their value, operands. Sets those lists.
# TABLES

# Names from the running switch, one a line; nothing if there is none.
function __taploom_names --no-scope-shadowing
    set -l call taploom
    string match -qr '(^|/)taploom$' -- $program; and set call (string replace -r '^~/' "$HOME/" -- $program)
    set -a call names $argv
    test -n "$socket"; and set -a call --socket (string replace -r '^~/' "$HOME/" -- $socket)
    command $call 2>/dev/null </dev/null
end

function __taploom_values --no-scope-shadowing
    set -l found
    switch $argv[1]
        case '*|*'
            set found (string split '|' -- $argv[1])
        case bridge
            set found (__taploom_names bridges)
        case port
            set found (__taploom_names ports $bridge)
        case interface
            set found /sys/class/net/*
            set found (string replace -r '.*/' '' -- $found)
        case netns
            set found /run/netns/*
            set found (string replace -r '.*/' '' -- $found)
        case user
            set found (__fish_complete_users)
        case group
            set found (__fish_complete_groups)
        case file
            set found (__fish_complete_path (string replace -- "$before" '' $current))
    end
    for value in $found
        printf '%s\n' "$before"$value
    end
end

# Sets `kind` if the flag takes a value, and `optional` if that may be left out.
function __taploom_flag --no-scope-shadowing
    set kind
    set optional
    for entry in $flags
        set -l name (string replace -r '[=?].*' '' -- $entry)
        # `test` would take a word such as -h for an operator
        if test "x$name" = "x$argv[1]"; and test "x$name" != "x$entry"
            set kind (string replace -r '^[^=?]*[=?]' '' -- $entry)
            test -n "$kind"; or set kind nothing
            string match -q -- "$name\?*" $entry; and set optional yes
        end
    end
end

function __taploom_complete
    set -l where $argv[1]
    set -l typed (commandline -opc)
    set -l current (commandline -ct)
    set -l program $typed[1]
    set -e typed[1]
    set -l verbs
    set -l verb_help
    set -l flags
    set -l flag_help
    set -l operands
    set -l kind
    set -l optional
    set -l waiting
    set -l operand 1
    set -l bridge
    set -l socket
    set -l last
    set -l only
    set -l before
    __taploom_tables $where
    for word in $typed
        if test -n "$waiting"; and begin
                test -z "$optional"; or not string match -q -- '-*' $word
            end
            test "$last" = --socket; and set socket $word
            set waiting
        else if test "$word" = --
            set waiting
            set only yes
        else if test -z "$only"; and string match -q -- '-*' $word
            set last $word
            string match -q -- '--socket=*' $word; and set socket (string replace -- --socket= '' $word)
            __taploom_flag $word
            set waiting $kind
        else if test $operand -eq 1; and contains -- $word $verbs
            set waiting
            set where "$where $word"
            set verbs
            set flags
            set operands
            __taploom_tables $where
        else
            set waiting
            test "$operands[$operand]" = bridge; and set bridge $word
            set operand (math $operand + 1)
        end
    end

    if test -n "$waiting"; and begin
            test -z "$optional"; or not string match -q -- '-*' $current
        end
        __taploom_values $waiting
    else if test -z "$only"; and string match -q -- '--*=*' $current
        set before (string replace -r '=.*' '=' -- $current)
        __taploom_flag (string replace -r '=.*' '' -- $current)
        __taploom_values "$kind"
    else if test -z "$only"; and string match -q -- '-*' $current
        for i in (seq (count $flags))
            printf '%s\t%s\n' (string replace -r '[=?].*' '' -- $flags[$i]) $flag_help[$i]
        end
    else if test $operand -eq 1 -a (count $verbs) -gt 0
        for i in (seq (count $verbs))
            printf '%s\t%s\n' $verbs[$i] $verb_help[$i]
        end
    else if test (count $operands) -gt 0
        set -l part "$operands[$operand]"
        if test -z "$part"; and string match -q -- '*...' $operands[-1]
            set part $operands[-1]
        end
        __taploom_values (string replace -r '\.\.\.$' '' -- $part)
    end
end

for program in taploom taploomd taploom-brctl taploom-bridge
    complete -c $program -e
    complete -c $program -f -a "(__taploom_complete $program)"
end
