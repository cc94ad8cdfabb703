# Sourced by peers' scripts that need Python packages.
#
#   python_environment NAME PACKAGE...   sets `environment` to a virtual environment with the packages, made once

python_environment() {
  environment=$PWD/target/peers/$1
  shift
  if [[ ! -e $environment/complete ]]; then
    python3 -m venv --clear "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check "$@"
    touch "$environment/complete"
  fi
}
