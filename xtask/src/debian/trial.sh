# Installs the package, uses it as three users would, removes and purges it. Each step is said
# before it is made; the first that does not hold ends it.
# $1: the package. $2: a URL that takes whatever is sent there.
set -eu

step() { echo "step: $*"; }
is() { [ "$1" = "$2" ] || { echo "it is '$1', and should be '$2'"; exit 1; }; }
fails() { if "$@"; then echo "'$*' should fail"; exit 1; fi; }
as() { user=$1; shift; setpriv --reuid="$user" --regid="$user" --init-groups "$@"; }

spool=/var/spool/slipstream
export DEBIAN_FRONTEND=noninteractive
unset SLIPSTREAM_DIR SLIPSTREAM_CONFIG XDG_CONFIG_HOME
cd /

step install
apt-get -q install -y --no-install-recommends "$1"

step "the binary needs nothing but the C library"
fails sh -c 'ldd /usr/bin/slipstream | grep -vE "linux-vdso|libc\.so|libm\.so|libgcc_s\.so|ld-linux"'

step "the spool is there, and its group's members may store"
is "$(stat -c '%U:%G %a' $spool)" "slipstream:slipstream 2770"
is "$(slipstream config --json | grep -o '"dir","value":"[^"]*"')" '"dir","value":"/var/spool/slipstream"'

step "a user who is not in the group is told what to do"
useradd --no-create-home outsider
useradd --no-create-home --groups slipstream member
said=$(as outsider slipstream store "$2" 2>&1) && exit 1
case $said in *"add that user to it"*) ;; *) echo "$said"; exit 1 ;; esac

step "a member stores, the worker's user delivers"
as member slipstream store -d order=17 "$2"
as slipstream slipstream work --quiet
as member slipstream status --json | grep -q '"delivered":1'

step "pages, completions and units are where their readers look"
for file in /usr/share/man/man1/slipstream.1.gz /usr/share/man/man1/slipstream-failed-retry.1.gz \
    /usr/share/bash-completion/completions/slipstream \
    /usr/share/zsh/vendor-completions/_slipstream \
    /usr/share/fish/vendor_completions.d/slipstream.fish \
    /usr/share/doc/slipstream/operations.md /usr/share/doc/slipstream/copyright; do
    dpkg -L slipstream | grep -qx "$file"
done
if command -v systemd-analyze >/dev/null; then
    systemd-analyze verify /usr/lib/systemd/system/slipstream.service /usr/lib/systemd/system/slipstream.timer
    [ -e /etc/systemd/system/timers.target.wants/slipstream.timer ]
fi
if command -v systemd-tmpfiles >/dev/null; then
    mv $spool $spool.away
    systemd-tmpfiles --create slipstream.conf
    is "$(stat -c '%U:%G %a' $spool)" "slipstream:slipstream 2770"
    rmdir $spool
    mv $spool.away $spool
fi

step "what is removed leaves its requests, and finds them again"
as member slipstream store "$2"
apt-get -q remove -y slipstream
fails [ -e /usr/bin/slipstream ]
apt-get -q install -y --no-install-recommends "$1"
as member slipstream status --json | grep -q '"pending":1'

step "what an administrator changed stays"
echo '# a change' >>/etc/slipstream.toml
apt-get -q install -y --reinstall --no-install-recommends "$1"
grep -q '^# a change$' /etc/slipstream.toml

step "what is purged is gone"
apt-get -q purge -y slipstream
fails [ -e $spool ]
fails [ -e /etc/slipstream.toml ]
fails [ -e /etc/systemd/system/timers.target.wants/slipstream.timer ]
