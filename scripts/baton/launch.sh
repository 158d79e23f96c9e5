# Start the script that sources this with the interpreter that has Baton's packages: $BATON_PYTHON, else .venv's.
#
# The second line of every script sources it, so $0 and $@ here are the script's. That line is one long string for
# Python, and for sh `''''` is nothing: one file is both, with no wrapper beside it and no interpreter's path inside.
# It is on the start-up path of every call, so the usual road (an absolute $0) runs no other program.
# All names begin with _baton_: a variable that the caller exported keeps being exported when it is assigned to, and
# would reach Python changed.

_baton_folder() { # the script's real folder; forks, so only for a $0 that is relative or has dots or links in it
    case $0 in
    */*) CDPATH='' cd -P -- "${0%/*}" && pwd -P ;;
    *) pwd -P ;;
    esac
}

_baton_quote() { printf '%s' "$1" | tr -d '[:cntrl:]' | sed 's/[\\"]/\\&/g'; }

_baton_refuse() { # those that always answer in JSON say so where they call start.require
    _baton_reason="cannot start: there is no Python with Baton's packages at '$_baton_python'"
    if grep -q '^start\.require(.*json=True' "$0" || case " $* " in *' --json '*) ;; *) false ;; esac; then
        printf '{"error": {"code": "io_error", "message": "%s", "cure": "%s"}}\n' \
            "$(_baton_quote "$_baton_reason")" "$(_baton_quote "$_baton_cure")"
    else
        printf '%s: %s\n%s\n' "${0##*/}" "$_baton_reason" "$_baton_cure" >&2
    fi
    exit 1
}

if [ -n "${BATON_PYTHON-}" ]; then
    _baton_python=$BATON_PYTHON
    case $_baton_python in
    */*) ;;
    *) _baton_python=$(command -v -- "$_baton_python") || _baton_python=$BATON_PYTHON ;;
    esac
    _baton_cure='Unset BATON_PYTHON, or set it to a Python that has the packages of requirements.txt.'
else
    case $0 in
    [!/]* | *//* | */./* | */../*) _baton_scripts=$(_baton_folder) ;;
    *) _baton_scripts=${0%/*} ;;
    esac
    # Beside a link to the scripts' folder stands somebody else's .venv, not ours.
    [ ! -h "$_baton_scripts" ] || _baton_scripts=$(_baton_folder)
    _baton_python=${_baton_scripts%/*}/.venv/bin/python
    _baton_cure="Run $_baton_scripts/demo or $_baton_scripts/test once"
    _baton_cure="$_baton_cure, or set BATON_PYTHON to a Python that has the packages of requirements.txt."
fi

if [ -f "$_baton_python" ] && [ -x "$_baton_python" ]; then
    exec "$_baton_python" "$0" "$@"
fi
_baton_refuse "$@"
