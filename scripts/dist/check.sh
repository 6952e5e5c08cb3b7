#!/usr/bin/env bash
# Tries what scripts/dist.sh made, for amd64, as its users would: sums and signature, the archive, the deb and the rpm installed,
# upgraded and removed, and the image's file system run by another user than root with nothing writable but its volume. Packages are
# installed into a layer over this system's root that is thrown away: that needs root. What cannot be tried here is said.
#
#   scripts/dist/check.sh [FILE]     FILE: where to note what was not checked
set -euo pipefail
cd "$(dirname "$0")/../.."
unchecked=${1:-/dev/null}
say() { printf 'dist-check: %s\n' "$*"; }
fail() { printf 'dist-check: FAILED: %s\n' "$*" >&2; exit 1; }
not_checked() { say "NOT CHECKED: $*"; echo "dist-check: $*" >>"$unchecked"; }
one() { local all=($1); ((${#all[@]} == 1)) && [[ -e ${all[0]} ]] || fail "want one $1, there are: ${all[*]}"; echo "${all[0]}"; }

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd dist

say "sums"
sha256sum --quiet --check SHA256SUMS
[[ $(find . -type f ! -name 'SHA256SUMS*' | wc -l) == $(wc -l <SHA256SUMS) ]] || fail "SHA256SUMS does not have every file"

if command -v ssh-keygen >/dev/null; then
	say "signature"
	ssh-keygen -q -t ed25519 -N '' -C release -f "$dir/key"
	cp SHA256SUMS "$dir/"
	ssh-keygen -q -Y sign -f "$dir/key" -n webproxy-release "$dir/SHA256SUMS"
	printf 'release %s\n' "$(cut -d' ' -f1,2 "$dir/key.pub")" >"$dir/allowed_signers"
	verify() { ssh-keygen -q -Y verify -f "$dir/allowed_signers" -I release -n webproxy-release -s "$dir/SHA256SUMS.sig" <"$dir/SHA256SUMS" >/dev/null 2>&1; }
	verify || fail "a good signature is refused"
	echo >>"$dir/SHA256SUMS"
	! verify || fail "a signature of other sums is accepted"
else
	not_checked "the signature: no ssh-keygen"
fi

say "archive"
tar -xzf "$(one 'webproxy-*-linux-amd64.tar.gz')" -C "$dir"
tree=$(one "$dir/webproxy-*-linux-amd64")
"$tree/webproxy" version
for file in LICENSE THIRD_PARTY_LICENSES.txt webproxy.cdx.json man/webproxy.1 completions/webproxy.bash docs/install.md; do
	[[ -s $tree/$file ]] || fail "the archive lacks $file"
done
! grep -qaF "$(cd .. && pwd)" "$tree/webproxy" || fail "the program has the path of the machine that it was made on"

say "Windows archive"
zip=$(one 'webproxy-*-windows-amd64.zip')
for file in webproxy.exe install.ps1 uninstall.ps1 LICENSE; do
	"../bin/tools/dist" unzip "$zip" | grep -qx ".*/$file" || fail "the zip lacks $file"
done

if ((EUID != 0)) || ! unshare -m true 2>/dev/null; then
	not_checked "packages and image: not root"
	exit
fi
cp ../scripts/dist/inside_*.sh "$dir/"
chmod 755 "$dir"

# over SCRIPT FILE: runs a script in a layer over this system's root, with FILE.
over() {
	unshare -m -p -f --kill-child bash -ec '
		mount --make-rprivate /
		mount -t tmpfs none "$1/layer"
		mkdir "$1/layer/"{upper,work,root}
		mount -t overlay none -o "lowerdir=/,upperdir=$1/layer/upper,workdir=$1/layer/work" "$1/layer/root"
		mount -t proc none "$1/layer/root/proc"
		mount --rbind /dev "$1/layer/root/dev"
		mkdir -p "$1/layer/root/tried"
		cp "$2" "$1/$3" "$1/layer/root/tried/"
		exec chroot "$1/layer/root" bash "/tried/$3" "/tried/${2##*/}"
	' over "$dir" "$2" "$1"
}
mkdir "$dir/layer"
if ! unshare -m bash -c "mount --make-rprivate / && mount -t tmpfs none '$dir/layer' && mkdir '$dir/layer/'{u,w,r} && mount -t overlay none -o lowerdir=/,upperdir='$dir/layer/u',workdir='$dir/layer/w' '$dir/layer/r'" 2>/dev/null; then
	not_checked "packages and image: no overlay here"
	exit
fi

if command -v dpkg >/dev/null; then
	say "deb"
	over inside_deb.sh "$(one 'webproxy_*_amd64.deb')"
	if command -v lintian >/dev/null; then
		lintian --fail-on error ./webproxy_*_amd64.deb || fail "lintian"
	else
		not_checked "the deb by lintian: it is not installed"
	fi
	if command -v apparmor_parser >/dev/null; then
		apparmor_parser -QK ../packaging/apparmor/webproxy 2>/dev/null || fail "the AppArmor profile"
	else
		not_checked "the AppArmor profile: no apparmor_parser"
	fi
else
	not_checked "the deb: no dpkg"
fi
if command -v rpm >/dev/null; then
	say "rpm"
	over inside_rpm.sh "$(one 'webproxy-*.x86_64.rpm')"
else
	not_checked "the rpm: no rpm"
fi
say "systemd"
. ../scripts/dist/systemd.sh
(cd ../scripts/dist/load && go build -o "$dir/load" .)
code=0
systemd ../scripts/dist/inside_systemd.sh "$(one 'webproxy_*_amd64.deb')" "$(one 'webproxy-*-linux-amd64.tar.gz')" "$dir/load" || code=$?
((code == 0 || code == 77)) || fail "systemd"
((code != 77)) || not_checked "the service below systemd: no systemd, or no cgroup for it, here"
say "image"
mkdir "$dir/image"
"../bin/tools/dist" unpack "$(one 'webproxy-*-image.tar')" amd64 "$dir/image"
cp ../scripts/dist/inside_image.sh "$dir/"
bash "$dir/inside_image.sh" "$dir/image"
say "all is well"
