#!/bin/sh
# Measures the running gateway beside nginx as a plain proxy with its access log, on this machine: gateways on core 0,
# load and a fixed answer on core 1. Needs nginx, openssl, taskset and `cargo build --profile dist`. Everything listens on loopback
# and is ended when the script ends.
#
#   dev/bench/beside-nginx.sh [REQUESTS a round, 64000]
set -eu
requests=${1:-64000}
target=${CARGO_TARGET_DIR:-target}/dist
folder=$(mktemp -d)
mkdir "$folder/answer" "$folder/proxy"

head='worker_processes 1; error_log FOLDER/error.log; pid FOLDER/pid; daemon off;
events { worker_connections 1024; }
http { keepalive_requests 100000000; client_body_temp_path FOLDER/b; proxy_temp_path FOLDER/p;
  fastcgi_temp_path FOLDER/f; uwsgi_temp_path FOLDER/u; scgi_temp_path FOLDER/s;'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
  -keyout "$folder/tls.key" -out "$folder/tls.pem" 2>/dev/null
{
  echo "$head" | sed "s#FOLDER#$folder/answer#g"
  cat <<END
  access_log off; default_type application/json;
  server { listen 127.0.0.1:38490; location / { return 200 '{"code":"0","data":[{"ts":"1597026383085"}],"msg":""}'; } }
}
END
} > "$folder/answer.conf"
{
  echo "$head" | sed "s#FOLDER#$folder/proxy#g"
  cat <<END
  access_log $folder/proxy/access.log;
  upstream exchange { server 127.0.0.1:38490; keepalive 64; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:38491;
    listen 127.0.0.1:38493 ssl;
    ssl_certificate $folder/tls.pem; ssl_certificate_key $folder/tls.key;
    location / { proxy_pass http://exchange; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
END
} > "$folder/proxy.conf"

taskset -c 1 nginx -c "$folder/answer.conf" & answer=$!
taskset -c 0 nginx -c "$folder/proxy.conf" & proxy=$!
taskset -c 0 "$target/keyward" sandbox --data "$folder/data" --upstream http://127.0.0.1:38490 --raise-rates 100000 \
  --gateway 127.0.0.1:38492 --gateway-tls 127.0.0.1:38494 --extra-keys 5000 --credentials "$folder/keys.json" \
  > "$folder/out" 2> "$folder/err" & keyward=$!
trap 'kill $keyward $proxy $answer 2>/dev/null; wait; rm -rf "$folder"' EXIT
until [ -s "$folder/keys.json" ]; do kill -0 $keyward; sleep 0.1; done
worker=$(pgrep -P $proxy)

bench="taskset -c 1 $target/keyward-bench"
echo "plain, $requests requests a round"
$bench gateway "$folder/keys.json" "$requests" "keyward,http://127.0.0.1:38492,$keyward" "nginx,http://127.0.0.1:38491,$worker"
echo "TLS"
$bench gateway "$folder/keys.json" "$requests" "keyward,https://127.0.0.1:38494,$keyward" "nginx,https://127.0.0.1:38493,$worker"
echo "5,000 GETs a second"
$bench latency "$folder/keys.json" 5000 4 "keyward,http://127.0.0.1:38492,$keyward" "nginx,http://127.0.0.1:38491,$worker"
echo "revocation"
$bench revocation "$folder/data" "$folder/keys.json" 500
