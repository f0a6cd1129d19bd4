#!/usr/bin/env bash
# test_package.sh [BINARY]: builds the package, installs it in a fresh Debian 12 and runs it there. As root.
#
# The fresh system is booted with its own systemd as process 1 of a pid namespace, in own mount, network, IPC, UTS and
# cgroup namespaces: the units run with their hardening, port 80 is that of the private network, and all mounts and
# processes are gone with process 1. Packages come from Debian; their files are kept in .build/debootstrap for the next
# run.
#
# What cannot be seen here: resource control (the cgroup has no controllers: CPUWeight, TasksMax, OOMPolicy), the device
# filter of PrivateDevices (no BPF program is loaded in a foreign cgroup namespace), a real boot, a real balancer.
set -euo pipefail
umask 022
export LC_ALL=C

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
project=$(cd "$here/../.." && pwd)
mirror=${ANB_DEBIAN_MIRROR:-http://deb.debian.org/debian}
cache=$project/.build/debootstrap
host=contest.example

exec 3>&1
passed=0 failed=0
temporary='' root='' init='' cgroup=''

say() { printf '%s\n' "$*"; }
stop() { say "FAILED $*"; failed=$((failed + 1)); exit 1; }

# Runs at each end. Nothing is mounted outside of the namespaces.
clean() {
    [ -z "$init" ] || kill -KILL "$init" 2>/dev/null || true
    wait 2>/dev/null || true
    if [ -n "$cgroup" ]; then
        local tries=50
        while ! find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null && [ "$tries" -gt 0 ] && [ -d "$cgroup" ]; do
            tries=$((tries - 1))
            sleep 0.1
        done
    fi
    [ -z "$temporary" ] || rm -rf --one-file-system "$temporary"
    # An interrupted check's own output is a file.
    say "$passed passed, $failed failed" >&3
    [ "$failed" = 0 ] || exit 1
}

# check NAME COMMAND…: one line; what the command printed only when it fails.
check() {
    local name=$1
    shift
    if "$@" >"$temporary/check.log" 2>&1 </dev/null; then
        passed=$((passed + 1))
        say "ok     $name"
    else
        failed=$((failed + 1))
        say "FAILED $name"
        tail -n 15 "$temporary/check.log" | sed 's/^/       /'
    fi
}

# within SECONDS COMMAND…: asks ten times a second.
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}

# --- The fresh system ------------------------------------------------------------------------------------------------

make_root() {
    mkdir -p "$cache/base" "$cache/archives/partial"
    debootstrap --variant=minbase --cache-dir="$cache/base" bookworm "$root" "$mirror" >"$temporary/debootstrap.log" 2>&1 || {
        tail -n 5 "$temporary/debootstrap.log"
        stop "no fresh Debian 12 could be made from $mirror: is the network away?"
    }
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    printf 'deb %s %s main\n' "$mirror" bookworm "$mirror" bookworm-updates "${mirror%/debian}/debian-security" \
        bookworm-security >"$root/etc/apt/sources.list"
    # As the launcher does: PostgreSQL's programs are needed, not the system's own cluster.
    mkdir -p "$root/etc/postgresql-common/createcluster.d"
    echo 'create_main_cluster = false' >"$root/etc/postgresql-common/createcluster.d/anb.conf"
}

# chrooted [--net] COMMAND…: in the root, without systemd; what it starts ends with it. With --net in a private network:
# scripts of packages that start servers find all ports free, and the machine's own are not touched.
chrooted() {
    local net=()
    if [ "$1" = --net ]; then net=(--net); shift; fi
    # shellcheck disable=SC2016
    unshare --mount --pid --ipc --uts "${net[@]}" --fork --kill-child bash -euc '
        root=$1 archives=$2
        shift 2
        mount --make-rprivate /
        mount -t proc proc "$root/proc"
        mount --bind "$archives" "$root/var/cache/apt/archives"
        exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive "$@"
    ' chrooted "$root" "$cache/archives" "$@"
}

install_package() {
    local words=(-y -qq --no-install-recommends -o Dpkg::Options::=--force-unsafe-io
        -o APT::Keep-Downloaded-Packages=true -o APT::Sandbox::User=root
        /root/anb.deb logrotate nginx postgresql systemd)
    cp "$package" "$root/root/anb.deb"
    chrooted apt-get update -qq && chrooted apt-get install --download-only "${words[@]}" || return 1
    chrooted --net apt-get install "${words[@]}"
}

# Becomes process 1 of the booted system. The root is changed by pivot_root, not chroot: the kernel gives no user
# namespace, which bubblewrap needs, to a process in a chroot.
# shellcheck disable=SC2016
boot_script='
    root=$1
    mount --make-rprivate /
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    for node in null zero full random urandom tty; do
        touch "$root/dev/$node"
        mount --bind "/dev/$node" "$root/dev/$node"
    done
    mkdir "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    mount -t tmpfs tmpfs "$root/dev/shm"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    cd "$root"
    mkdir run/old
    pivot_root . run/old
    umount -l /run/old
    rmdir /run/old
    exec env -i container=anb-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        /lib/systemd/systemd --system --unit=multi-user.target --log-target=null --show-status=0
'

boot() {
    local unified leader
    unified=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
    [ -n "$unified" ] || { echo 'no cgroup2 is mounted here: systemd cannot run'; return 1; }
    cgroup=$unified/anb-package-test.$$
    mkdir "$cgroup"
    (
        echo "$BASHPID" >"$cgroup/cgroup.procs"
        # Its end is this one's, also by kill -9.
        exec setpriv --pdeathsig KILL unshare --kill-child --mount --pid --fork --ipc --uts --net --cgroup bash -euc "$boot_script" boot "$root"
    ) >"$temporary/boot.log" 2>&1 </dev/null &
    leader=$!
    within 10 pgrep -P "$leader" >/dev/null || { cat "$temporary/boot.log"; return 1; }
    init=$(pgrep -P "$leader")
    within 30 is_up || { cat "$temporary/boot.log"; return 1; }
}

is_up() { case $(inside systemctl is-system-running 2>/dev/null) in running | degraded) ;; *) return 1 ;; esac; }

# inside COMMAND…: in the booted system, as root, but not of any of its units.
inside() {
    nsenter --target "$init" --all env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive "$@"
}

# as_anb COMMAND…: with as little as the units leave to their processes.
as_anb() {
    inside setpriv --reuid anb --regid anb --init-groups --no-new-privs --bounding-set=-all --inh-caps=-all "$@"
}

# --- What is asked of the package ------------------------------------------------------------------------------------

same_bytes() { cmp "$package" "$("$here/build.sh" "$binary" "$temporary/again")"; }

sane_contents() {
    # World-writable (but links), setuid, setgid, or not root's.
    ! dpkg-deb -c "$package" | grep -E '^[^l].{7}w|^.{3}[sS]|^.{6}[sS]' &&
        ! dpkg-deb -c "$package" | awk '$2 != "root/root"' | grep . &&
        ! dpkg-deb -c "$package" | awk '{ print $6 }' | grep -vE '^\./($|etc/|usr/)'
}

runtime_is_complete() {
    local found
    found=$(chrooted ldd /usr/bin/anb) || return 1
    printf '%s\n' "$found"
    ! grep -E 'not found|/opt/' <<<"$found" && [ "$(patchelf --print-rpath "$root/usr/bin/anb")" != '' ] &&
        ! readelf -S "$root/usr/bin/anb" | grep -q '\.debug_info'
}

owners_and_modes() {
    local path wanted is=0
    while read -r wanted path; do
        [ "$(chrooted stat -c %U:%G:%a "$path")" = "$wanted" ] || { chrooted stat -c '%U:%G:%a %n' "$path"; is=1; }
    done <<'END'
root:root:755 /usr/bin/anb
root:root:755 /usr/lib/anb/settle
root:root:644 /etc/anb/cluster.json
root:root:644 /etc/anb/balancers.conf
root:anb:640 /etc/anb/environment
root:root:644 /etc/nginx/sites-available/anb
root:root:644 /usr/lib/systemd/system/anb-api.service
anb:anb:700 /var/lib/anb
root:adm:750 /var/log/anb
root:adm:640 /var/log/anb/node.log
root:adm:640 /var/log/anb/metrics.log
END
    return "$is"
}

user_is_harmless() { chrooted getent passwd anb | grep -E '^anb:[^:]*:[0-9]{1,3}:[0-9]+:[^:]*:/var/lib/anb:/usr/sbin/nologin$'; }
site_is_enabled() { [ "$(chrooted readlink -f /etc/nginx/sites-enabled/anb)" = /etc/nginx/sites-available/anb ]; }
nginx_agrees() { chrooted --net nginx -t; }
logrotate_agrees() {
    local said
    said=$(chrooted logrotate --debug /etc/logrotate.d/anb 2>&1)
    echo "$said"
    grep -q 'considering log /var/log/anb/node.log' <<<"$said" && ! grep -i error <<<"$said"
}
units_verify() {
    local said
    said=$(chrooted systemd-analyze verify --man=no /usr/lib/systemd/system/anb-{api,worker}.service 2>&1) || { echo "$said"; return 1; }
    echo "$said"
    ! grep -i anb <<<"$said"
}
exposure() {
    chrooted systemd-analyze security --offline=true --threshold=30 --no-pager "/usr/lib/systemd/system/anb-$1.service" \
        >"$temporary/exposure-$1.log" 2>&1 || { cat "$temporary/exposure-$1.log"; return 1; }
}
exposure_figure() { sed -n 's/.*exposure level for .*: \([0-9.]*\).*/\1/p' "$temporary/exposure-$1.log"; }

doctor_is_content() {
    local said
    said=$(as_anb anb doctor --config /etc/anb/cluster.json) || { echo "$said"; return 1; }
    echo "$said"
    grep -q 'sandbox: bubblewrap' <<<"$said"
}

# --- What is asked of the running nodes ------------------------------------------------------------------------------

# api METHOD PATH CURL_OPTIONS…: through nginx; body into the file answer, prints the status.
api() {
    local method=$1 path=$2
    shift 2
    nsenter --target "$init" --net curl -sS -m 60 --noproxy '*' --connect-to "$host:80:127.0.0.1:80" -o "$temporary/answer" \
        -w '%{http_code}' -X "$method" "http://$host$path" "$@"
}

# expect STATUS METHOD PATH CURL_OPTIONS…
expect() {
    local wanted=$1 status
    shift
    status=$(api "$@") || true
    [ "$status" = "$wanted" ] || { echo "$1 $2: $status instead of $wanted"; cat "$temporary/answer"; return 1; }
}

# The first string of that name in the last answer.
field() { grep -o "\"$1\" *: *\"[^\"]*\"" "$temporary/answer" | head -n 1 | sed 's/.*: *"//; s/"$//; s,\\/,/,g'; }

start_units() { inside systemctl start anb-worker anb-api && within 30 expect 200 GET /api/ready >/dev/null; }

# The kernel's word on what the unit's processes may do.
is_confined() {
    local main status
    main=$(inside systemctl show -p MainPID --value "anb-$1")
    status=$(inside cat "/proc/$main/status")
    grep -E 'NoNewPrivs|Seccomp:|Cap|Uid' <<<"$status"
    grep -qE '^NoNewPrivs:\s1$' <<<"$status" && grep -qE '^Seccomp:\s2$' <<<"$status" &&
        grep -qE '^CapBnd:\s0+$' <<<"$status" && ! grep -qE '^Uid:\s0' <<<"$status" &&
        [ "$(inside readlink "/proc/$main/ns/user")" != "$(inside readlink /proc/1/ns/user)" ]
}

media_tools_are_confined() { grep "\"role\":\"$1\".*bubblewrap: no network" "$root/var/log/anb/node.log"; }

# The unit, with another program: what may a process that was taken over do? Each line of the script must hold. But for
# the log, user anb may do all of it outside of the unit (tried by hand).
taken_over() {
    mkdir -p "$root/srv/open"
    chmod 1777 "$root/srv/open"
    echo x >"$root/home/readable"
    cat >"$root/root/taken-over" <<'END'
set -u
no() { if "$@" 2>/dev/null; then echo "was allowed: $*"; exit 1; fi; }
cd /var/lib/anb
no cat /var/log/anb/node.log
no touch /srv/open/x
no cat /home/readable
no test -e /proc/1
printf '#!/bin/sh\n' >x && chmod 755 x || exit 1
no ./x
rm x
cp /bin/true /tmp/x || exit 1
no /tmp/x
no chmod u+s /var/lib/anb
no unshare --user --cgroup true
no unshare --user --time true
# AF_VSOCK; memory that is writable and executable.
no perl -e 'socket(my $s, 40, 1, 0) or exit 1'
no perl -e 'syscall(9, 0, 4096, 7, 34, -1, 0) == -1 and exit 1'
# The sandbox itself still works: ffmpeg in all namespaces that MediaSandbox makes.
bwrap --unshare-net --unshare-pid --unshare-ipc --unshare-uts --die-with-parent --ro-bind /usr /usr --symlink usr/lib /lib \
    --symlink usr/lib64 /lib64 --symlink usr/bin /bin --ro-bind /etc/alternatives /etc/alternatives --dev /dev --chdir / -- \
    setpriv --no-new-privs prlimit --cpu=20 --nproc=512 --as=2000000000 ffmpeg -v error -f lavfi -i testsrc2=d=1:s=320x180 \
    -c:v libx264 -preset ultrafast -f null - || exit 1
echo held
END
    sed -e "s,^ExecStart=.*,ExecStart=/bin/sh -c 'exec sh /run/anb-taken-over'," -e 's/^Type=.*/Type=oneshot/' \
        -e '/^Restart/d; /^Standard/d; /^ExecStopPost/d' \
        "$root/usr/lib/systemd/system/anb-$1.service" >"$temporary/probe.service"
    # /run belongs to the booted system alone; its files come in through the pipe.
    inside sh -c 'cat >/run/systemd/system/anb-probe.service' <"$temporary/probe.service"
    inside sh -c 'cat >/run/anb-taken-over' <"$root/root/taken-over"
    inside sh -c 'echo "StandardOutput=file:/run/anb-said" >/run/anb-line
        sed -i "/^\[Service\]/r /run/anb-line" /run/systemd/system/anb-probe.service'
    inside systemctl daemon-reload
    inside systemctl start anb-probe || true
    inside cat /run/anb-said
    [ "$(inside tail -n 1 /run/anb-said)" = held ]
}

make_clip() {
    inside ffmpeg -v error -f lavfi -i testsrc2=d=3:s=640x360:r=30 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -y /root/clip.mp4
}

sign_up() {
    expect 201 POST /api/auth/signup -H 'Content-Type: application/json' -d "{\"first_name\":\"$1\",\"last_name\":\"Test\",
        \"email\":\"$1@example.com\",\"password1\":\"correct-horse-9\",\"password2\":\"correct-horse-9\",
        \"city\":\"Bogotá\",\"country\":\"Colombia\"}" || return 1
    printf 'Authorization: Bearer %s' "$(field access_token)" >"$temporary/token-$1"
}

token() { cat "$temporary/token-$1"; }

upload() {
    expect 201 POST /api/videos/upload -H "$(token ana)" -F title=Clip -F "video_file=@$root/root/clip.mp4" || return 1
    field video_id >"$temporary/video"
}
is_processed() { expect 200 GET "/api/videos/$(cat "$temporary/video")" -H "$(token ana)" && [ "$(field status)" = processed ]; }
processes() { within 40 is_processed >/dev/null || { cat "$temporary/answer"; tail -n 5 "$root/var/log/anb/node.log"; return 1; }; }

# The link is made of what nginx passed on, and leads through nginx.
clip_plays() {
    local link
    link=$(field processed_url)
    [[ $link == "http://$host/"* ]] || { echo "$link"; return 1; }
    expect 206 GET "${link#"http://$host"}" -r 0-99 && [ "$(stat -c %s "$temporary/answer")" = 100 ]
}

votes() { expect 200 POST "/api/public/videos/$(cat "$temporary/video")/vote" -H "$(token bea)"; }
is_ranked() { expect 200 GET /api/public/rankings && grep -E '"position":1,.*"votes":1|"votes":1.*"position":1' "$temporary/answer"; }

# 3 MB of nothing: nginx would say 413 to it by default; the node's own word is 400.
large_rubbish() {
    head -c 3000000 /dev/zero >"$temporary/rubbish.mp4"
    expect 400 POST /api/videos/upload -H "$(token ana)" -F title=Clip -F "video_file=@$temporary/rubbish.mp4" &&
        grep -q '"detail"' "$temporary/answer"
}

# A spoofed address must not become the client's: with http.trustedProxies the node would believe what nginx passes on.
scheme_is_not_spoofed() {
    expect 200 GET "/api/videos/$(cat "$temporary/video")" -H "$(token ana)" -H 'X-Forwarded-Proto: https' &&
        [[ $(field processed_url) == http://* ]]
}

# And with the balancer told, it is believed.
balancer_is_believed() {
    echo 'set_real_ip_from 127.0.0.1;' >"$root/etc/anb/balancers.conf"
    inside systemctl reload nginx
    within 5 speaks_https
}
speaks_https() {
    expect 200 GET "/api/videos/$(cat "$temporary/video")" -H "$(token ana)" -H 'X-Forwarded-Proto: https' \
        -H 'X-Forwarded-For: 203.0.113.9' && [[ $(field processed_url) == https://* ]]
}

default_notice_is_a_balancers() { [[ $(inside systemctl show -p Environment --value anb-api) == *ANB_DRAIN_NOTICE_SECONDS=65* ]]; }

# The running nodes write to the file that they were given: it must stay the same one.
rotates() {
    local log=$root/var/log/anb/node.log before
    before=$(stat -c %i "$log")
    inside logrotate -f /etc/logrotate.d/anb && [ -s "$log.1" ] && [ ! -s "$log" ] && [ "$(stat -c %i "$log")" = "$before" ]
}

# The administrator's own settings, one of which makes this test short.
change_conffiles() {
    echo 'ANB_DRAIN_NOTICE_SECONDS=4' >>"$root/etc/anb/environment"
    sed -i 's/"graceSeconds": 30/"graceSeconds": 20/' "$root/etc/anb/cluster.json"
    md5sum "$root"/etc/anb/* >"$temporary/conffiles"
}

main_process() { inside systemctl show -p MainPID --value anb-api; }

reinstalls() {
    local before
    before=$(main_process)
    inside dpkg --force-confold -i /root/anb.deb || return 1
    md5sum --quiet -c "$temporary/conffiles" && within 20 expect 200 GET /api/ready && [ "$(main_process)" != "$before" ] &&
        [ "$(inside stat -c %U:%G:%a /etc/anb/environment)" = root:anb:640 ] && is_ranked
}

drains() {
    local began=$SECONDS
    inside systemctl stop --no-block anb-api
    within 3 expect 503 GET /api/health >/dev/null || { echo 'health does not tell of the drain'; return 1; }
    expect 200 GET /api/public/rankings || return 1
    within 20 has_ended anb-api || return 1
    echo "$((SECONDS - began)) s"
    ended_well anb-api && [ "$((SECONDS - began))" -ge 3 ] && grep -q '"draining"' "$root/var/log/anb/node.log"
}
has_ended() { [ "$(inside systemctl show -p ActiveState --value "$1")" = inactive ]; }
ended_well() {
    [ "$(inside systemctl show -p Result,ExecMainStatus --value "$1" | sort | tr '\n' ' ')" = '0 success ' ]
}

says_come_back() {
    expect 503 GET /api/ready -D "$temporary/head" && grep -qi '^retry-after: 5' "$temporary/head" && grep -q '"detail"' "$temporary/answer"
}

worker_stops() { inside systemctl stop anb-worker && ended_well anb-worker; }
database_stopped_cleanly() {
    inside sh -c '/usr/lib/postgresql/*/bin/pg_controldata /var/lib/anb/pg' | grep 'cluster state: *shut down$' &&
        ! inside pgrep -u anb
}
metrics_are_alone() {
    cat "$root"/var/log/anb/metrics.log* >"$temporary/metrics"
    [ -s "$temporary/metrics" ] && ! grep -vE '^\{.*"_aws".*\}$' "$temporary/metrics"
}

# One process of both roles, without systemd, as a container would run it.
one_node_of_all() {
    local code=0 node
    as_anb anb role=all config=/etc/anb/cluster.json http.host=127.0.0.1 drain.noticeSeconds=1 >/dev/null 2>"$temporary/all.log" &
    node=$!
    within 30 expect 200 GET /api/ready || { kill "$node"; cat "$temporary/all.log"; return 1; }
    is_ranked || code=1
    # The setting is of setpriv, which became the node: its process id is nsenter's child's.
    inside pkill -TERM -o -u anb -x anb
    wait "$node" || { code=$?; echo "exit code $code"; tail -n 3 "$temporary/all.log"; }
    return "$code"
}

purges() {
    inside dpkg --purge anb || return 1
    # Only people's data, and the user whose they are.
    ! inside find /etc /usr /var /run/systemd \( -name anb -o -name 'anb[.-]*' \) ! -name 'anb-probe*' \
        ! -path '/etc/postgresql-common/*' ! -path /var/lib/anb | grep . || return 1
    inside test -d /var/lib/anb/pg && inside getent passwd anb && inside nginx -t &&
        [ "$(inside readlink /etc/nginx/sites-enabled/default)" = ../sites-available/default ] && inside systemctl is-active nginx
}

# Without data nothing at all is left: every path is as before. (Lists, caches and logs of apt and dpkg are theirs.)
purges_without_data() {
    inside rm -rf /var/lib/anb
    inside dpkg -i /root/anb.deb && inside dpkg --purge anb || return 1
    all_paths >"$temporary/before"
    inside dpkg -i /root/anb.deb && ! all_paths | cmp -s "$temporary/before" - && inside dpkg --purge anb || return 1
    all_paths | diff "$temporary/before" - && ! inside getent passwd anb && ! inside getent group anb
}
all_paths() { inside find /etc /usr /var /run/systemd/system /root -path /var/lib/dpkg -prune -o -print | sort; }

# --- The run ---------------------------------------------------------------------------------------------------------

[ "$(id -u)" = 0 ] || { echo 'test_package.sh: root is needed (debootstrap, namespaces)' >&2; exit 1; }
for tool in debootstrap curl nsenter unshare pgrep patchelf; do
    [ -n "$(command -v "$tool")" ] || { echo "test_package.sh: $tool is missing: apt-get install debootstrap curl util-linux procps patchelf" >&2; exit 1; }
done
binary=${1:-$project/.build/release/anb}
mkdir -p "$project/.build"
temporary=$(mktemp -d "$project/.build/package-test.XXXXXX")
chmod 755 "$temporary"
root=$temporary/root
trap clean EXIT
trap 'exit 130' INT TERM

# A copy: a build that goes on beside the test must not change what is tested.
cp "$binary" "$temporary/anb"
binary=$temporary/anb
package=$("$here/build.sh" "$binary" "$temporary") || stop 'the package can be built'
say "       $(basename "$package"), $(stat -c %s "$package") bytes"
check 'the same commit gives the same bytes' same_bytes
check 'all files are root'\''s, none is set-uid or world-writable' sane_contents

make_root
check 'apt installs it with dependencies from Debian, without systemd running' install_package
[ "$failed" = 0 ] || exit 1
check 'its libraries are complete; nothing of the build machine is looked for' runtime_is_complete
check 'owners and modes' owners_and_modes
check 'user anb has no shell' user_is_harmless
check 'the site is enabled' site_is_enabled
check 'nginx -t' nginx_agrees
check 'logrotate --debug' logrotate_agrees
check 'systemd-analyze verify' units_verify
check 'exposure of anb-api below 3.0' exposure api
check 'exposure of anb-worker below 3.0' exposure worker
say "       exposure: api $(exposure_figure api), worker $(exposure_figure worker)"

check 'the system boots' boot
is_up || exit 1
check 'anb doctor as user anb without new privileges: all ok, ffmpeg in bubblewrap' doctor_is_content
check 'the notice is a load balancer'\''s by default' default_notice_is_a_balancers
change_conffiles
check 'both units start and are ready behind port 80' start_units
check 'api: the kernel confines it' is_confined api
check 'worker: the kernel confines it' is_confined worker
check 'api: its probes run in bubblewrap' media_tools_are_confined api
check 'worker: its ffmpeg runs in bubblewrap' media_tools_are_confined worker
check 'api: a process that was taken over can do little, and the sandbox works' taken_over api
check 'worker: the same' taken_over worker
check 'a clip for the test' make_clip
check 'sign up' sign_up ana
check 'upload' upload
check 'a large file that is no video is refused by the node, not by nginx' large_rubbish
check 'it is processed' processes
check 'its link leads through nginx, with ranges' clip_plays
check 'X-Forwarded-Proto of a stranger is not believed' scheme_is_not_spoofed
check 'X-Forwarded-Proto of a balancer is' balancer_is_believed
check 'another signs up' sign_up bea
check 'and votes' votes
check 'the ranking shows it' is_ranked
md5sum "$root"/etc/anb/* >"$temporary/conffiles"
check 'logs rotate under running nodes' rotates
check 're-installed: changed conffiles stay, the nodes are restarted' reinstalls
check 'stopped: health says 503 during the notice, the rest is served, exit code 0' drains
check 'nginx alone says when to come back' says_come_back
check 'the worker stops with exit code 0' worker_stops
check 'the embedded database was stopped cleanly, no process is left' database_stopped_cleanly
check 'metrics are alone in their file' metrics_are_alone
check 'one process of both roles serves the same, and ends by SIGTERM with exit code 0' one_node_of_all
check 'purge leaves nothing but people'\''s data' purges
check 'without data it leaves nothing at all' purges_without_data
