#!/bin/sh
# Measures sockets through the gateway beside nginx as a plain WebSocket proxy with its access log, on this machine:
# proxies on core 0, clients and exchange on core 1. Needs nginx, taskset, pgrep, a hard limit of 18,000 open files for
# 4,000 sockets, and `cargo build --profile dist --package keyward --package keyward-bench`. Everything listens on
# loopback and is ended when the script ends. The defaults take about 13 minutes.
#
#   dev/bench/sockets-beside-nginx.sh [IDLE SOCKETS, 4000] [ROUNDS OF MEMORY, 3] [PAIRS OF RUNS, 5] > sockets.json
#
# Tables go to stderr. One line of JSON for each measurement goes to stdout.
set -eu
sockets=${1:-4000} rounds=${2:-3} pairs=${3:-5}
target=${CARGO_TARGET_DIR:-target}/dist
bench="taskset -c 1 $target/keyward-bench sockets"
ulimit -n "$(ulimit -Hn)"
folder=$(mktemp -d)
mkdir "$folder/proxy"
# Below the ports that the system gives to connections: one of thousands could have a listener's port.
to=127.0.0.1:28690
keyward='' nginx='' exchange=''

stop() {
  for process in $keyward $nginx; do kill "$process" 2>/dev/null || true; done
  for process in $keyward $nginx; do wait "$process" || true; done
  keyward='' nginx=''
}
end() {
  stop
  if [ -n "$exchange" ]; then kill "$exchange" 2>/dev/null || true; wait "$exchange" || true; fi
  rm -rf "$folder"
}
trap end EXIT
trap 'exit 1' HUP INT TERM

# Each process of nginx has memory for its connections from the start: two for each socket, and some more.
cat > "$folder/proxy.conf" <<END
worker_processes 1; error_log $folder/proxy/error.log; pid $folder/proxy/pid; daemon off;
events { worker_connections $((sockets * 2 + 1024)); }
http {
  client_body_temp_path $folder/proxy/b; proxy_temp_path $folder/proxy/p;
  fastcgi_temp_path $folder/proxy/f; uwsgi_temp_path $folder/proxy/u; scgi_temp_path $folder/proxy/s;
  access_log $folder/proxy/access.log;
  server {
    listen 127.0.0.1:28691;
    location / {
      proxy_pass http://$to; proxy_http_version 1.1;
      proxy_set_header Upgrade \$http_upgrade; proxy_set_header Connection "upgrade";
      proxy_read_timeout 1h; proxy_send_timeout 1h;
    }
  }
}
END

# Both proxies without a past: what they allocated before must not serve a later round.
start() {
  rm -rf "$folder/data" "$folder/keys.json" "$folder/keys.json.extra.jsonl"
  taskset -c 0 nginx -c "$folder/proxy.conf" & nginx=$!
  taskset -c 0 "$target/keyward" sandbox --data "$folder/data" --upstream "http://$to" --raise-rates 100000 \
    --gateway 127.0.0.1:28692 --gateway-tls 127.0.0.1:0 --console 127.0.0.1:0 --metrics 127.0.0.1:0 \
    --extra-keys "$sockets" --credentials "$folder/keys.json" > "$folder/out" 2> "$folder/err" & keyward=$!
  until [ -s "$folder/keys.json" ] && worker=$(pgrep -P "$nginx"); do
    kill -0 "$keyward" || { cat "$folder/err" >&2; exit 1; }
    kill -0 "$nginx" || { cat "$folder/proxy/error.log" >&2; exit 1; }
    sleep 0.1
  done
  to_keyward="keyward,http://127.0.0.1:28692,$keyward"
  to_nginx="nginx,http://127.0.0.1:28691,$nginx+$worker"
}

# It ends by itself, should this script not be able to end it.
$bench exchange "$to" 7200 & exchange=$!

echo "memory of $sockets idle sockets, $rounds rounds" >&2
round=0
while [ "$round" -lt "$rounds" ]; do
  start
  $bench memory "$folder/keys.json" "$sockets" "$to_keyward" "$to_nginx"
  stop
  round=$((round + 1))
done

start
# The duties of a first minute take CPU that later minutes do not.
sleep 60
echo "CPU, $pairs pairs" >&2
for bytes in 200 2000; do
  $bench frames "$folder/keys.json" "$bytes" "$pairs" "$to_keyward" "$to_nginx"
done
$bench orders "$folder/keys.json" "$pairs" "$to_keyward" "$to_nginx"
