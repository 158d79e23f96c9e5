# Tab completion for Baton's scripts in bash: verbs, options, and the ids of this home. Source it from ~/.bashrc.
# Nothing is started before the tab key is pressed; then the script itself says what fits.

_baton_complete() {
    local IFS=$'\n' line
    COMPREPLY=()
    for line in $(COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD BATON_COMPLETE=bash_complete \
        "${1/#\~/$HOME}" 2>/dev/null); do
        case $line in
        plain,*) COMPREPLY+=("${line#plain,}") ;;
        dir,*) compopt -o dirnames -o filenames ;;
        file,*) compopt -o default -o filenames ;;
        esac
    done
}

_baton_names() {
    local script folder=${BASH_SOURCE[0]%/*}
    [ -d "$folder" ] || folder=.
    for script in "$folder"/*.py; do
        complete -o nosort -F _baton_complete "${script##*/}"
    done
}

_baton_names
unset -f _baton_names
