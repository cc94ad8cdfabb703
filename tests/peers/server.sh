# Sourced by peers' scripts: builds labwire, starts it, and ends it with the script.
#
#   start_labwire NAME ARGUMENT...   sets `address` to where the server NAME listens

labwire=${CARGO_TARGET_DIR:-target}/release/labwire
cargo build --quiet --release
scratch=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server" 2>/dev/null || true; rm -rf "$scratch"' EXIT

start_labwire() {
  local name=$1 ready=$scratch/ready.json
  shift
  RUST_LOG=${RUST_LOG:-warn} "$labwire" serve "$@" --ready-file "$ready" >"$scratch/table" &
  server=$!
  until [[ -e $ready ]]; do
    kill -0 "$server" || return
    sleep 0.05
  done
  address=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$ready" "$name")
}
