# Tab completion for Baton's scripts in zsh: verbs, options, and the ids of this home. Source it from ~/.zshrc.
# Nothing is started before the tab key is pressed; then the script itself says what fits.

_baton_complete() {
    local -a told plain described
    local kind value help
    told=("${(@f)$(COMP_WORDS="${(j: :)words}" COMP_CWORD=$((CURRENT - 1)) BATON_COMPLETE=zsh_complete \
        ${~words[1]} 2>/dev/null)}")
    for kind value help in $told; do
        case $kind in
        plain) if [[ $help == _ ]]; then plain+=($value); else described+=("${value}:${help}"); fi ;;
        dir) _path_files -/ ;;
        file) _path_files -f ;;
        esac
    done
    (( $#described )) && _describe -V unsorted described
    (( $#plain )) && compadd -a plain
}

(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
() { compdef _baton_complete ${@:t} } ${0:A:h}/*.py
