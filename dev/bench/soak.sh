#!/bin/sh
# Many keys in play with every duty running: GETs at a fixed rate over all keys, a key disabled and enabled all the time, a
# backup over and over. Prints the times from a change to the last accept, answers' times, CPU and memory. Needs
# `cargo build --release`. Everything listens on loopback and is ended when the script ends.
#
#   dev/bench/soak.sh [KEYS, 1000000] [SECONDS, 1800] [GETs a second, 1000]
set -eu
keys=${1:-1000000} seconds=${2:-1800} rate=${3:-1000}
target=${CARGO_TARGET_DIR:-target}/release
folder=$(mktemp -d)
"$target/keyward" sandbox --data "$folder/data" --credentials "$folder/keys.json" --extra-keys "$keys" --raise-rates 100000 \
  --gateway 127.0.0.1:28592 --gateway-tls 127.0.0.1:0 --console 127.0.0.1:0 --metrics 127.0.0.1:28593 \
  > "$folder/out" 2> "$folder/err" & keyward=$!
trap 'kill $keyward 2>/dev/null; wait; rm -rf "$folder"' EXIT
until [ -s "$folder/keys.json" ]; do kill -0 $keyward; sleep 1; done
end=$(($(date +%s) + seconds))
(
  while [ "$(date +%s)" -lt $end ]; do
    "$target/keyward-bench" revocation "$folder/data" "$folder/keys.json" 100
    sleep 5
  done
) & changes=$!
(
  while [ "$(date +%s)" -lt $end ]; do
    rm -rf "$folder/backup"
    from=$(date +%s)
    "$target/keyward" backup --data "$folder/data" --to "$folder/backup" > /dev/null || echo 'backup failed'
    echo "backup: $(($(date +%s) - from)) s, from $((from - end + seconds)) s on"
    grep VmRSS /proc/$keyward/status
    sleep 20
  done
) & backups=$!
"$target/keyward-bench" soak "$folder/keys.json" http://127.0.0.1:28592 "$rate" "$seconds" $keyward
wait $changes $backups
curl -s http://127.0.0.1:28593/metrics | grep -E 'age|lag|dropped' || true
echo "the log:"
cut -c1-200 "$folder/err" | tail -20
