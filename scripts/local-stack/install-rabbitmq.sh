#!/bin/sh
# Installs Debian's rabbitmq-server as root, without letting the package start its own broker: the local stack runs
# one itself, with its own data, on its own ports.
#
# A package asks /usr/sbin/policy-rc.d whether it may start its service. Ours says no while apt runs; whatever was
# there before comes back when this script ends, and also at the beginning of the next run if this one was killed.
set -u

policy=/usr/sbin/policy-rc.d
kept=$policy.kept-by-order-processor
absent=$policy.absent-before-order-processor

restore_policy() {
  if [ -e "$kept" ]; then
    mv -f "$kept" "$policy"
  elif [ -e "$absent" ]; then
    rm -f "$policy" "$absent"
  fi
}

forbid_service_starts() {
  if [ -e "$policy" ]; then
    mv "$policy" "$kept"
  else
    : >"$absent"
  fi
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
}

# dpkg's lock is waited for by apt-get itself; the lock on the package lists is not, so that is repeated here.
update_package_lists() {
  attempt=1
  while ! output=$(LC_ALL=C apt-get update -q 2>&1); do
    case $output in
      *"Could not get lock"*) ;;
      *) break ;;
    esac
    [ "$attempt" -lt 60 ] || break
    [ "$attempt" -gt 1 ] || echo "another program is using apt; waiting for it"
    attempt=$((attempt + 1))
    sleep 2
  done
  printf '%s\n' "$output"
}

# An interrupted dpkg leaves a machine that needs repair by hand, so the script is deaf to signals once apt works.
trap '' HUP INT TERM
# One at a time: a second one would take the first one's policy for a forgotten one.
exec 9>/run/lock/order-processor-install.lock
flock 9
restore_policy
update_package_lists
forbid_service_starts
DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
  -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 rabbitmq-server
status=$?
restore_policy
exit $status
