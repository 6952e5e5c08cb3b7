# Starts systemd in a layer over the root, in the directory $1, and has it run the script $2. It is process 1 in name spaces of its own:
# see systemd.sh.
set -euo pipefail
root=$1/layer/root
mount --make-rprivate /
mount -t tmpfs none "$1/layer"
mkdir "$1/layer/"{upper,work,root}
mount -t overlay none -o "lowerdir=/,upperdir=$1/layer/upper,workdir=$1/layer/work" "$root"
mount -t proc none "$root/proc"
mount -o bind,ro "$root/proc/sys" "$root/proc/sys"
mount -t sysfs -o ro none "$root/sys"
mount -t cgroup2 none "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 none "$root/dev"
for node in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 666 "$root/dev/${node%:*}" c 1 "${node#*:}"; done
mknod -m 666 "$root/dev/tty" c 5 0
mkdir "$root/dev/shm" "$root/dev/pts"
ln -s /proc/self/fd "$root/dev/fd"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t devpts -o newinstance none "$root/dev/pts"
mount -t tmpfs none "$root/dev/shm"
mount -t tmpfs -o mode=755 none "$root/run"
mount -t tmpfs none "$root/tmp"
mkdir -p "$root/tried"
mount --bind "$1/beside" "$root/tried"
ip link set lo up
units=$root/etc/systemd/system
# Nothing of the kernel's is for us to set, and nobody logs in.
for unit in systemd-udevd systemd-sysctl systemd-modules-load systemd-timesyncd systemd-logind systemd-resolved systemd-networkd systemd-firstboot; do
	ln -sf /dev/null "$units/$unit.service"
done
echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
# /usr/sbin/policy-rc.d keeps packages from starting services, in images of containers.
rm -rf "$root/etc/webproxy" "$root/var/lib/man-db/auto-update" "$root/usr/sbin/policy-rc.d"
cat >"$units/try.target" <<-U
	[Unit]
	Requires=basic.target
	Wants=try.service
	After=basic.target
U
cat >"$units/try.service" <<-U
	[Unit]
	After=basic.target dbus.service
	Wants=dbus.service
	[Service]
	Type=oneshot
	Environment=DEBIAN_FRONTEND=noninteractive
	ExecStart=/bin/bash -c 'code=0; bash /tried/$2 >/tried/out 2>&1 || code=\$\$?; echo \$\$code >/tried/code'
	ExecStopPost=/bin/systemctl --force --force poweroff
	TimeoutStartSec=300
U
# The root of the name space: services with mounts of their own need it to be one.
cd "$root"
pivot_root . mnt
umount -l mnt
exec env -i container=dist-check PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb /lib/systemd/systemd --system --unit=try.target --show-status=no
