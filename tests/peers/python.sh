# Sourced by peers' scripts that need Python packages.
#
#   python_environment NAME PACKAGE...   sets `environment` to a virtual environment with the packages, made once
#   need_uv                              for scripts that make several at once: before the first

python_environment() {
  need_uv
  environment=$PWD/target/peers/$1
  shift
  if [[ ! -e $environment/complete ]]; then
    # Some of the peers are too old for anything later than 3.11.
    "$uv" venv --quiet --clear --no-python-downloads \
      --python "$(command -v python3.11 || command -v python3)" "$environment"
    "$uv" pip install --quiet --python "$environment/bin/python" "$@"
    touch "$environment/complete"
  fi
}

# uv installs several times faster than pip, and environments share what they have in common. Peers that run beside each
# other wait for the first of them to install it.
need_uv() {
  local its_own=$PWD/target/peers/uv
  uv=$its_own/bin/uv
  mkdir -p "$PWD/target/peers"
  (
    flock 9
    [[ -e $its_own/complete ]] && exit
    python3 -m venv --clear "$its_own"
    "$its_own/bin/pip" install --quiet --disable-pip-version-check uv==0.13.8
    touch "$its_own/complete"
  ) 9>"$its_own.lock"
}
