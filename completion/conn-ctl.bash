# conn-ctl.bash: completion of conn-ctl for bash: verbs, options, files, and the ids that the store has.
# shellcheck shell=bash

_conn_ctl_verbs='create modify test delete open close get list status metrics logs top follow raw validate map diff apply'

_conn_ctl_ids() {
    conn-ctl -t 2 list 2>/dev/null
}

_conn_ctl_options() { # VERB
    case $1 in
    modify | open | close) echo '-a' ;;
    get) echo '-s -f -r -d' ;;
    list) echo '-l -g' ;;
    status) echo '-p -w' ;;
    metrics) echo '-p -r' ;;
    logs) echo '-e -p -r' ;;
    top) echo '-i -n' ;;
    follow) echo '-f -s' ;;
    validate) echo '-p -l' ;;
    map) echo '-i -o -r -k -j' ;;
    apply) echo '-a -n -P --prune' ;;
    esac
}

# Does the option take the word that follows it?
_conn_ctl_takes() { # VERB OPTION
    case $1:$2 in
    :-t | get:-[frd] | list:-g | status:-w | follow:-f | map:-k) return 0 ;;
    esac
    return 1
}

_conn_ctl() {
    local word=${COMP_WORDS[COMP_CWORD]} first=$COMP_CWORD verb='' i before
    COMPREPLY=()
    # readline takes an id apart at each ':'
    while [[ $first -gt 1 && (${COMP_WORDS[first]} == : || ${COMP_WORDS[first - 1]} == :) &&
        ${COMP_LINE:0:COMP_POINT} == *"${COMP_WORDS[first - 1]}$word" ]]; do
        first=$((first - 1))
        word=${COMP_WORDS[first]}$word
    done
    before=${COMP_WORDS[first - 1]}
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -t) i=$((i + 1)) ;;
        -*) ;;
        *) verb=${COMP_WORDS[i]} && break ;;
        esac
    done
    _conn_ctl_takes "$verb" "$before" && return
    if [ -z "$verb" ]; then
        mapfile -t COMPREPLY < <(compgen -W "$_conn_ctl_verbs -a -t -q -v -h -V" -- "$word")
        return
    fi
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_conn_ctl_options "$verb") -q -v -h" -- "$word")
        return
    fi
    case $verb in
    delete | open | close | get | status | metrics | logs)
        mapfile -t COMPREPLY < <(compgen -W "$(_conn_ctl_ids)" -- "$word")
        ;;
    create | modify | validate | apply)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        compopt -o filenames 2>/dev/null
        ;;
    diff | map | test)
        mapfile -t COMPREPLY < <(compgen -W "$(_conn_ctl_ids)" -- "$word" && compgen -f -- "$word")
        compopt -o filenames 2>/dev/null
        ;;
    esac
    # a ':' in an id ends a word for readline, so only what follows it is to be inserted
    if [[ $word == *:* && $COMP_WORDBREAKS == *:* ]]; then
        COMPREPLY=("${COMPREPLY[@]#"${word%"${word##*:}"}"}")
    fi
}

complete -F _conn_ctl conn-ctl
