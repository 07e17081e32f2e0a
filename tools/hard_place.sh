#!/usr/bin/env bash
# Runs targets of make where much is unlike a developer's machine: `tools/hard_place.sh test smoke`, as root.
#
# A clone of the last commit, made with core.autocrlf=true in a folder with spaces and other letters, by a user whom
# the system has no name for, without a home, a temporary folder, a locale or much shared memory, who shares nothing
# with a group and whose settings and shell would change results. PLACE (default: a new folder in /var/tmp) keeps it
# for the next time. PYTHON, PIP_*, proxies and LD_LIBRARY_PATH are passed on.
set -euo pipefail
unset CDPATH
project=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
[ "$(id -u)" = 0 ] || { echo "only root can become another user"; exit 1; }
place=${PLACE:-$(mktemp -d -p /var/tmp)}
clone="$place/my päth (数据) & co"
user=54321
mkdir -p -- "$place"
chown "$user:$user" "$place"
chmod 755 "$place"

# What that user has told git, matplotlib and Python.
mkdir -p -- "$place/settings/hooks"
printf '[core]\n\tautocrlf = true\n\teol = crlf\n\thooksPath = %s/settings/hooks\n[safe]\n\tdirectory = *\n' "$place" \
  >"$place/settings/gitconfig"
printf '#!/bin/sh\necho "a hook of the user ran" >&2\nexit 1\n' >"$place/settings/hooks/post-checkout"
chmod 755 "$place/settings/hooks/post-checkout"
printf 'font.size: 24\ntext.usetex: True\n' >"$place/settings/matplotlibrc"
printf 'raise RuntimeError("a start-up file of the user ran")\n' >"$place/settings/startup.py"

kept=()
for name in PYTHON LD_LIBRARY_PATH $(compgen -e | grep -E '^(PIP_|(HTTPS?|NO|ALL)_PROXY$|(https?|no|all)_proxy$)' || true); do
  [ -z "${!name:-}" ] || kept+=("$name=${!name}")
done

# The mount is seen by these processes alone.
as_user() {
  unshare --mount -- bash -c 'mount -t tmpfs -o size=64m,mode=1777 tmpfs /dev/shm; umask 077; exec "$@"' -- \
    setpriv --reuid "$user" --regid "$user" --clear-groups -- \
    env -i "${kept[@]}" PATH=/usr/local/bin:/usr/bin:/bin HOME=/nonexistent TMPDIR=/nonexistent/tmp LC_ALL=C \
    SHELL=/usr/sbin/nologin GIT_CONFIG_GLOBAL="$place/settings/gitconfig" MATPLOTLIBRC="$place/settings/matplotlibrc" \
    PYTHONSTARTUP="$place/settings/startup.py" PYTHONOPTIMIZE=1 OMP_NUM_THREADS=3 "$@"
}

if [ -d "$clone" ]; then
  as_user git -C "$clone" -c core.hooksPath=/dev/null pull --quiet --ff-only
else
  as_user git -c core.hooksPath=/dev/null clone --quiet -- "$project" "$clone"
fi
for target in "$@"; do
  start=$SECONDS
  code=0
  as_user make -C "$clone" "$target" </dev/null || code=$?
  echo "== make $target in $clone: ends with $code after $((SECONDS - start)) s"
  [ "$code" = 0 ] || exit "$code"
done
