#!/usr/bin/env bash
# See that the servers and the browser which tests start themselves are installed. PostgreSQL comes as a Python package.
set -euo pipefail
PATH="$PATH:/usr/sbin:/usr/local/sbin"

missing=()
command -v mariadbd >/dev/null || missing+=(mariadb-server)
[[ -n "${CHROMIUM:-}" ]] || command -v chromium >/dev/null || missing+=(chromium)
[[ ${#missing[@]} == 0 ]] && exit 0

if [[ "$(id -u)" != 0 ]] || ! command -v apt-get >/dev/null; then
    cat >&2 <<TEXT
services: the tests start a MariaDB server and a Chromium of their own; not installed: ${missing[*]}.
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
