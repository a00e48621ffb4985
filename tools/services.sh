#!/usr/bin/env bash
# See that the servers which tests start themselves are installed. PostgreSQL comes as a Python package.
set -euo pipefail
PATH="$PATH:/usr/sbin:/usr/local/sbin"

command -v mariadbd >/dev/null && exit 0

if [[ "$(id -u)" != 0 ]] || ! command -v apt-get >/dev/null; then
    cat >&2 <<'TEXT'
services: the tests start a MariaDB server of their own, but 'mariadbd' is not installed.
Install it and run make again, for example:
  Debian, Ubuntu   sudo apt-get install --no-install-recommends mariadb-server
  Fedora           sudo dnf install mariadb-server
  macOS            brew install mariadb
TEXT
    exit 1
fi
echo "services: installing mariadb-server"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends mariadb-server </dev/null >/dev/null
command -v mariadbd >/dev/null || { echo "services: mariadb-server is installed, but there is no 'mariadbd'" >&2; exit 1; }
