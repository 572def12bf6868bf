#!/bin/sh
# Installs the Debian packages that the tests use: Chromium, for the console; a C++ compiler, for the
# kernels of VibeVoice on the CPU; Redis, for sessions that outlive a server.
# Does nothing where they are there; where they cannot be installed, says what to do and goes on:
# the tests that need them are then skipped with that reason.
set -u
missing=""
command -v chromium >/dev/null 2>&1 || missing="chromium fonts-dejavu-core fonts-noto-cjk"
command -v c++ >/dev/null 2>&1 || missing="$missing g++"
command -v redis-server >/dev/null 2>&1 || missing="$missing redis-server"
if [ -z "$missing" ]; then
    exit 0
fi
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086
    if apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing >/dev/null; then
        exit 0
    fi
fi
echo "Some packages could not be installed: run 'sudo apt-get install $missing'." >&2
if [ "${CI:-}" = true ]; then
    exit 1 # there, a skipped test would look like a passed one
fi
