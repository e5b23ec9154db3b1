#!/bin/sh
# Makes .venv with exactly what uv.lock holds. Needs Python 3.11 or newer and nothing else: where there
# is no uv, the one of uv.lock is put into .venv first. Arguments go to `uv sync`: --group bench. With
# --into DIRECTORY before them the packages go there, and .venv stays as it is. PYTHON names another one.
set -eu

stop() {
    echo "$1" >&2
    exit 1
}

python=
for candidate in ${PYTHON-} python3 python3.14 python3.13 python3.12 python3.11; do
    # A pyenv shim may be there and still not run.
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$("$candidate" -c 'import sys; print(sys.executable)')
        break
    fi
done
[ -n "$python" ] || stop "Python 3.11 or newer is needed; python3 here is $(
    python3 -c 'import platform; print(platform.python_version())' 2>/dev/null || echo "not there"
). Install a newer one, or put it on PATH as python3."

environment=.venv
if [ "${1-}" = --into ]; then
    environment=$2
    shift 2
fi

# What other projects set must not send the packages elsewhere.
unset VIRTUAL_ENV
export UV_PROJECT_ENVIRONMENT="$environment" UV_PYTHON_DOWNLOADS=never

if command -v uv >/dev/null 2>&1; then
    uv=uv
else
    uv=.venv/bin/uv
    if ! [ -x "$uv" ]; then
        "$python" -c 'import venv, ensurepip' 2>/dev/null ||
            stop "Python's venv module is missing: install it (Debian, Ubuntu: apt install python3-venv), or uv."
        version=$(sed -n '/^name = "uv"$/{n;s/^version = "\(.*\)"$/\1/p;}' uv.lock)
        echo "Fetching uv $version into .venv …"
        "$python" -m venv --clear .venv
        .venv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$version"
    fi
fi

echo "Installing the packages of uv.lock into $environment …"
"$uv" sync --frozen --all-extras --quiet --python "$python" "$@"
