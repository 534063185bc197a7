#!/usr/bin/env bash
# Installs Debian packages as root without letting any of them start a service: `install-packages.sh NAME…`.
# What is installed already is left as it is, and then nothing is downloaded either.
set -euo pipefail

policy=/usr/sbin/policy-rc.d
kept=

missing=()
for package in "$@"; do
  if ! dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed; then
    missing+=("$package")
  fi
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ]; then
  echo "These Debian packages are missing and only root can install them: ${missing[*]}" >&2
  exit 1
fi

# A package asks this file whether it may start its service; 101 means no.
restore_policy() {
  rm -f "$policy"
  if [ -n "$kept" ]; then mv "$kept" "$policy"; fi
}
if [ -e "$policy" ]; then
  kept=$policy.kept-by-order-processor-ci
  mv "$policy" "$kept"
fi
trap restore_policy EXIT
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"

export DEBIAN_FRONTEND=noninteractive
echo "installing ${missing[*]}" >&2
apt-get update -q >&2
apt-get install -q -y --no-install-recommends \
  -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 "${missing[@]}" >&2
