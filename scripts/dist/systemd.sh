# systemd SCRIPT FILE...: runs a script in a layer over this system's root, below a systemd of its own, with the files beside it: its process
# ids, network, cgroup and mounts are not this system's. What the script prints is printed. Read by scripts/dist/check.sh, which
# has set $dir. Exit code 77: that cannot be done here.
systemd() {
	local cgroup=/sys/fs/cgroup
	[[ -e $cgroup/cgroup.procs ]] || cgroup=/sys/fs/cgroup/unified
	[[ -w $cgroup/cgroup.procs && -x /lib/systemd/systemd ]] && command -v systemctl >/dev/null && command -v dbus-daemon >/dev/null && command -v ip >/dev/null || return 77
	cgroup=$cgroup/webproxy-dist-check-$$
	mkdir "$cgroup" || return 77
	rm -rf "$dir/beside" && mkdir -p "$dir/beside" "$dir/layer"
	cp "$@" "$dir/beside/"
	cp ../scripts/dist/systemd_layer.sh "$dir/"
	local code=0
	# In a cgroup of its own, which is the root of all cgroups for what runs there.
	(
		echo "$BASHPID" >"$cgroup/cgroup.procs"
		exec unshare -m -p -n -C -i -u --kill-child -f bash "$dir/systemd_layer.sh" "$dir" "${1##*/}"
	) >"$dir/systemd.log" 2>&1 || true # it is ended by its power off
	# systemd has left cgroups in it; those of processes that are not gone yet stay.
	find "$cgroup" -depth -type d -exec rmdir {} \; 2>/dev/null || true
	[[ -e $dir/beside/out ]] || { echo "systemd did not start here:"; tail -n 5 "$dir/systemd.log"; return 77; }
	cat "$dir/beside/out"
	[[ -e $dir/beside/code ]] || { echo "systemd: ended it after its time"; return 1; }
	return "$(cat "$dir/beside/code")"
}
