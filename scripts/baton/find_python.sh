# Start the script that sources this with any Python that is new enough: the fronts run before there is a .venv.
#
# Sourced from the second line of scripts/test and scripts/demo, in the way that baton/launch.sh explains. `-I`: what
# the caller's environment adds to Python's path has no business in an installation.

for _baton_python in python3 python3.14 python3.13 python3.12 python3.11; do
    if "$_baton_python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' </dev/null >/dev/null 2>&1; then
        exec "$_baton_python" -I "$0" "$@"
    fi
done

_baton_found=$(python3 --version 2>/dev/null) || _baton_found='no python3'
printf '%s: cannot start: Python 3.11 or newer is needed, and there is %s\n' "${0##*/}" "$_baton_found" >&2
printf 'Install a newer Python (Debian 12 and later: apt install python3), and have it in PATH.\n' >&2
exit 1
