#!/bin/sh
# Check the REST API against its own description: scripts/ci_validate_schemas.sh [OPTIONS OF schemathesis run]
#   1. export the OpenAPI document with `studio openapi`
#   2. is it valid OpenAPI 3.1?
#   3. schemathesis calls every route of a studio of its own, within a fixed budget, and judges the answers
# Makes the environment at first use; takes about a minute.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
python=$("$root/scripts/environment" test)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$root"

PYTHONPATH=$root; export PYTHONPATH
"$python" -P -m studio openapi >"$folder/openapi.json"
"$python" -m openapi_spec_validator "$folder/openapi.json"
"$python" -P -m scripts.fuzz_routes "$folder" "$@"
