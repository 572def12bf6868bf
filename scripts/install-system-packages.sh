#!/bin/sh
# Installs the Debian packages that the tests use: Chromium, for the console.
# Does nothing where they are there; where they cannot be installed, says what to do and goes on:
# the tests that need them are then skipped with that reason.
set -u
if command -v chromium >/dev/null 2>&1; then
    exit 0
fi
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    export DEBIAN_FRONTEND=noninteractive
    if apt-get update -qq && apt-get install -y -qq --no-install-recommends \
        chromium fonts-dejavu-core fonts-noto-cjk >/dev/null; then
        exit 0
    fi
fi
echo "Chromium is not installed and could not be: run 'sudo apt-get install chromium'." >&2
if [ "${CI:-}" = true ]; then
    exit 1 # there, a skipped browser test would look like a passed one
fi
