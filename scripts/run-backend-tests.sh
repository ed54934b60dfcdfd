#!/bin/sh
# Run all tests, in three phases, and sum them up: scripts/run-backend-tests.sh [PYTEST ARGUMENTS]
# Makes the environment at first use. Servers, databases and ports that tests need are the tests' own.
# Tests run side by side; -n 0 runs them one after the other.
# Exits 1 if a test failed, if a phase broke, or if no test ran at all.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
python=$("$root/scripts/environment" test)
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
cd "$root"
broken=
# Many tests wait for a process or a clock more than they compute, so there is one more at work than there are cores.
workers=$("$python" -c 'import os; print(min((os.cpu_count() or 1) + 1, 8))')

phase() { # NUMBER TITLE MARKERS [PYTEST ARGUMENTS]
    number=$1 markers=$3
    printf '\n=== Phase %s of 3: %s ===\n' "$number" "$2"
    shift 3
    code=0
    "$python" -m pytest -m "$markers" -n "$workers" --dist worksteal --junitxml="$reports/$number.xml" "$@" || code=$?
    # 1: tests failed, which the reports say too. 5: nothing to run, which is no fault of one phase.
    case $code in 0 | 1 | 5) ;; *) broken=1 ;; esac
}

phase 1 "unit tests" "unit and not requires_grpc_server" "$@"
phase 2 "integration tests without a gRPC server" "not unit and not requires_grpc_server" "$@"
phase 3 "tests against a gRPC server" "requires_grpc_server" "$@"

printf '\n=== All phases ===\n'
"$python" scripts/sum_up_tests.py "$reports"
[ -z "$broken" ]
