#!/usr/bin/env bash
# See that the servers and the browser which tests start themselves are installed. PostgreSQL comes as a Python package.
set -euo pipefail
PATH="$PATH:/usr/sbin:/usr/local/sbin"

missing=()
command -v mariadbd >/dev/null || missing+=(mariadb-server)
[[ -n "${CHROMIUM:-}" ]] || command -v chromium >/dev/null || missing+=(chromium)
# Azure's emulator is a package of npm: it is started with node, and needs no script of any package to be run.
if [[ ! -f .venv/node/node_modules/azurite/dist/src/blob/main.js ]]; then
    if command -v npm >/dev/null; then
        echo "services: installing azurite into .venv/node"
        mkdir -p .venv/node
        npm install --prefix .venv/node --no-package-lock --no-save --no-audit --no-fund --omit=dev --ignore-scripts --loglevel=error \
            "azurite@3" >/dev/null
    else
        missing+=(nodejs npm)
    fi
fi
[[ ${#missing[@]} == 0 ]] && exit 0

if [[ "$(id -u)" != 0 ]] || ! command -v apt-get >/dev/null; then
    cat >&2 <<TEXT
services: the tests start a MariaDB server, a Chromium and, by node, an azurite of their own; not installed: ${missing[*]}.
Install them and run make again, for example:
  Debian, Ubuntu   sudo apt-get install --no-install-recommends ${missing[*]}
  Fedora           sudo dnf install ${missing[*]}
  macOS            brew install mariadb; and CHROMIUM=/path/to/a/chrome
TEXT
    exit 1
fi
echo "services: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null >/dev/null
[[ " ${missing[*]} " == *" npm "* ]] && exec bash "$0" || true
