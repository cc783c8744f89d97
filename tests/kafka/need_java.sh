#!/bin/sh
# Installs Maven and a Java runtime (17 or newer) where they are missing and apt can be used.
set -eu

has_java() {
    version=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p')
    [ "${version:-0}" -ge 17 ]
}

if has_java && command -v mvn >/dev/null; then
    exit 0
fi
if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
    echo "Maven and Java 17 or newer are needed: install both and run it again." >&2
    exit 1
fi
echo "Installing Maven and Java (once) ..."
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update >/dev/null
apt-get -qq install --yes --no-install-recommends maven openjdk-17-jre-headless >/dev/null
