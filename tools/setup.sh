#!/usr/bin/env bash
# Python and a list of extras in, a virtual environment with the pinned libraries out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python="${PYTHON:-python3.11}"
venv="${VENV:-.venv}"
read -ra extras <<<"${EXTRAS:-}"

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "setup: '$python' is not Python 3.11 or newer; name one: make setup PYTHON=/path/to/python3.11" >&2
    exit 1
fi
if [[ ! -x "$venv/bin/python" ]]; then
    echo "setup: making $venv with $("$python" --version)"
    "$python" -m venv "$venv"
fi
if [[ ! -x "$venv/bin/uv" ]]; then
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check 'uv>=0.7,<1'
fi
flags=()
for extra in "${extras[@]}"; do
    flags+=(--extra "$extra")
done
echo "setup: installing datasync${extras[*]:+ with ${extras[*]}} as constraints.txt says"
"$venv/bin/uv" pip install --quiet --compile-bytecode --python "$venv/bin/python" -c constraints.txt \
    -r pyproject.toml "${flags[@]}" --group dev -e .
# Without compiled files every process would compile what it imports again where the environment forbids writing them.
"$venv/bin/python" -m compileall -q datasync
