# Makes a copy of this machine and has its systemd run the trial there, as process 1 of namespaces of
# its own. What is written goes to memory, and is gone when the last process is.
# $1: an empty directory for the copy. $2: what both see as /mnt; without it, the copy is only made.
set -e
copy=$1 root=$1/root

mount -t tmpfs none "$copy"
mkdir "$copy/upper" "$copy/work" "$root"
mount -t overlay none -o "lowerdir=/,upperdir=$copy/upper,workdir=$copy/work" "$root"
mount -t proc none "$root/proc"
# The kernel is the machine's own; what is read-only, systemd leaves alone.
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro none "$root/sys"
mount -t cgroup2 none "$root/sys/fs/cgroup"
for dir in run tmp dev; do mount -t tmpfs -o mode=755 none "$root/$dir"; done
chmod 1777 "$root/tmp"
mkdir "$root/dev/pts" "$root/dev/shm"
for node in null zero full random urandom tty; do
    : >"$root/dev/$node"
    mount --bind "/dev/$node" "$root/dev/$node"
done
ln -s /proc/self/fd "$root/dev/fd"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t devpts -o newinstance,ptmxmode=666 none "$root/dev/pts"
[ "$2" ] || exit 0
mount --bind "$2" "$root/mnt"

# The machine's own services are not wanted here, nor its ban on starting any.
ln -sf /dev/null "$root/etc/systemd/system/network-online.target"
ln -sf /dev/null "$root/etc/systemd/system/timers.target"
rm -f "$root/usr/sbin/policy-rc.d"
cat >"$root/etc/systemd/system/trial.service" <<'UNIT'
[Unit]
Requires=sysinit.target dbus.socket
After=sysinit.target dbus.socket
DefaultDependencies=no
SuccessAction=exit
FailureAction=exit

[Service]
Type=oneshot
ExecStart=/bin/sh /mnt/trial.sh
StandardOutput=file:/mnt/said
StandardError=inherit
UNIT
exec chroot "$root" /usr/bin/env -i container=trial /lib/systemd/systemd --unit=trial.service
