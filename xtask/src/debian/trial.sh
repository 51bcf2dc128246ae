# Installs the package where systemd runs, uses it as three users would, removes and purges it. Each
# step is said before it is made; the first that does not hold ends it.
# Beside it: package.deb, and a file named url that says where requests may go.
set -eu

step() { echo "step: $*"; }
is() { [ "$1" = "$2" ] || { echo "it is '$1', and should be '$2'"; exit 1; }; }
fails() { if "$@"; then echo "'$*' should fail"; exit 1; fi; }
as() { user=$1; shift; setpriv --reuid="$user" --regid="$user" --init-groups "$@"; }
# Waits until so many were delivered, for half a minute at most.
delivered() {
    for _ in $(seq 300); do
        if as member slipstream status --json | grep -q "\"delivered\":$1,"; then return; fi
        sleep 0.1
    done
    as member slipstream status
    systemctl --no-pager status 'slipstream.*'
    exit 1
}

package=/mnt/package.deb
url=$(cat /mnt/url)
spool=/var/spool/slipstream
export DEBIAN_FRONTEND=noninteractive
cd /

step install
apt-get -q install -y --no-install-recommends $package

step "the binary needs nothing but the C library"
fails sh -c 'ldd /usr/bin/slipstream | grep -vE "linux-vdso|libc\.so|libm\.so|libgcc_s\.so|ld-linux"'

step "the spool is there, and its group's members may store"
is "$(stat -c '%U:%G %a' $spool)" "slipstream:slipstream 2770"
is "$(slipstream config --json | grep -o '"dir","value":"[^"]*"')" '"dir","value":"/var/spool/slipstream"'

step "a user who is not in the group is told what to do"
useradd --no-create-home outsider
useradd --create-home --groups slipstream member
said=$(as outsider slipstream store "$url" 2>&1) && exit 1
case $said in *"usermod -aG slipstream outsider"*) ;; *) echo "$said"; exit 1 ;; esac

step "what a member stores is delivered at once, and not too often for systemd"
systemctl stop slipstream.timer
for n in $(seq 12); do
    as member slipstream store -d order="$n" "$url"
    sleep 0.3
done
delivered 12
is "$(systemctl is-active slipstream.path)" active
is "$(systemctl --failed --no-legend)" ""

step "a file that is no log does not have the worker started again and again"
runs() { journalctl -u slipstream.service -o cat | grep -c Starting || true; }
touch $spool/collecting/stray
before=$(runs)
sleep 3
is "$(runs)" "$before"
rm $spool/collecting/stray

step "the timer runs the worker, too"
systemctl stop slipstream.path
mkdir -p /run/systemd/system/slipstream.timer.d
printf '[Timer]\nOnBootSec=\nOnActiveSec=1s\nOnUnitInactiveSec=1s\n' \
    >/run/systemd/system/slipstream.timer.d/soon.conf
systemctl daemon-reload
as member slipstream store "$url"
systemctl start slipstream.timer
delivered 13
as member slipstream store "$url"
delivered 14
systemctl stop slipstream.timer

step "the package's units are not hidden by ones that do the same"
said=$(slipstream setup systemd --install --run-as slipstream 2>&1) && exit 1
case $said in *"from a package"*) ;; *) echo "$said"; exit 1 ;; esac
fails [ -e /etc/systemd/system/slipstream.service ]

step "what the metrics' recipe says is enough, and a part of it is not"
dir=/var/lib/prometheus/node-exporter
# One that the timer began has the old settings.
systemctl stop slipstream.service
install -d $dir
sed -i '/^\[init\]/i [work]\nmetrics = "/var/lib/prometheus/node-exporter/slipstream.prom"\n' /etc/slipstream.toml
fails systemctl start slipstream.service
systemctl reset-failed slipstream.service
chgrp slipstream $dir
chmod g+w $dir
fails systemctl start slipstream.service
systemctl reset-failed slipstream.service
mkdir -p /etc/systemd/system/slipstream.service.d
printf '[Service]\nReadWritePaths=%s\n' $dir >/etc/systemd/system/slipstream.service.d/metrics.conf
systemctl daemon-reload
systemctl start slipstream.service
grep -q '^slipstream_delivered_requests_total' $dir/slipstream.prom
rm -r /etc/systemd/system/slipstream.service.d
sed -i '/^\[work\]/,/^$/d' /etc/slipstream.toml
systemctl daemon-reload

step "a service that stays delivers, and stops when it is told to"
slipstream setup systemd --follow --install --run-as slipstream
systemctl daemon-reload
systemctl start slipstream.service
as member slipstream store "$url"
delivered 15
process=$(systemctl show --value --property=MainPID slipstream.service)
apt-get -q install -y --reinstall --no-install-recommends $package
# An upgrade has it run the new program, and waits for nothing.
for _ in $(seq 300); do
    now=$(systemctl show --value --property=MainPID slipstream.service)
    [ "$now" != 0 ] && [ "$now" != "$process" ] && break
    sleep 0.1
done
fails [ -e /proc/"$process" ]
is "$(systemctl is-active slipstream.service)" active
systemctl stop slipstream.service slipstream.timer slipstream.path
is "$(systemctl show --value --property=Result slipstream.service)" success
rm /etc/systemd/system/slipstream.service
systemctl daemon-reload

step "a user's own units deliver that user's own requests"
cat >/mnt/own.sh <<'OWN'
set -eu
export SLIPSTREAM_DIR=$HOME/spool
slipstream init
slipstream setup systemd --user --install
systemctl --user daemon-reload
systemctl --user enable --now slipstream.timer slipstream.path
slipstream store "$(cat /mnt/url)"
for _ in $(seq 300); do
    if slipstream status --json | grep -q '"delivered":1,'; then exit; fi
    sleep 0.1
done
systemctl --user --no-pager status 'slipstream.*'
exit 1
OWN
uid=$(id -u member)
systemctl start user@"$uid".service
as member env HOME=/home/member XDG_RUNTIME_DIR=/run/user/"$uid" sh /mnt/own.sh
systemctl stop user@"$uid".service

step "pages, completions and units are where their readers look"
for file in /usr/share/man/man1/slipstream.1.gz /usr/share/man/man1/slipstream-failed-retry.1.gz \
    /usr/share/bash-completion/completions/slipstream \
    /usr/share/zsh/vendor-completions/_slipstream \
    /usr/share/fish/vendor_completions.d/slipstream.fish \
    /usr/share/doc/slipstream/operations.md /usr/share/doc/slipstream/copyright; do
    dpkg -L slipstream | grep -qx "$file"
done
systemd-analyze verify /usr/lib/systemd/system/slipstream.*
for unit in slipstream.timer slipstream.path; do is "$(systemctl is-enabled $unit)" enabled; done
mv $spool $spool.away
systemd-tmpfiles --create slipstream.conf
is "$(stat -c '%U:%G %a' $spool)" "slipstream:slipstream 2770"
rmdir $spool
mv $spool.away $spool

step "what is removed leaves its requests, and finds them again"
as member slipstream store "$url"
apt-get -q remove -y slipstream
fails [ -e /usr/bin/slipstream ]
for unit in slipstream.timer slipstream.path; do is "$(systemctl is-active $unit)" inactive; done
apt-get -q install -y --no-install-recommends $package
delivered 16

step "what an administrator changed stays"
echo '# a change' >>/etc/slipstream.toml
apt-get -q install -y --reinstall --no-install-recommends $package
grep -q '^# a change$' /etc/slipstream.toml

step "requests that wait stay when all else is purged, and are counted"
systemctl stop slipstream.timer slipstream.path
for n in 1 2 3; do as member slipstream store --delay 1h "$url"; done
said=$(apt-get -q purge -y slipstream 2>&1)
case $said in *"3 pending, 0 failed"*) ;; *) echo "$said"; exit 1 ;; esac
case $said in *"$spool is left as it is"*) ;; *) echo "$said"; exit 1 ;; esac
[ -d $spool ]
apt-get -q install -y --no-install-recommends $package
is "$(slipstream status --json | grep -o '"pending":3,"failed":0')" '"pending":3,"failed":0'
slipstream purge --yes

step "what is purged is gone"
apt-get -q purge -y slipstream
fails [ -e $spool ]
fails [ -e /etc/slipstream.toml ]
for unit in timers.target.wants/slipstream.timer paths.target.wants/slipstream.path; do
    fails [ -e /etc/systemd/system/$unit ]
done
