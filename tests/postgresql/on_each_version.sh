#!/bin/sh
# Runs what may differ between PostgreSQL's versions on each of them, two at a time, as the role that changes rows only:
#     tests/postgresql/on_each_version.sh .venv/bin
# What a version's tests say is in .data/postgresql/14.log and so on, and told when they fail.
set -eu

bin=$1
"$bin/python" -m tests.postgresql.programs
export TESTS="
    tests/integration/database/test_migrations.py::test_migrations_lead_to_exactly_the_schema_of_the_models_and_back
    tests/integration/database/test_migrations.py::test_a_days_work_goes_back_to_the_first_schema_and_forward_again
    tests/integration/database/test_schema.py tests/integration/scheduling/test_booking.py
    tests/integration/sending/test_sender.py tests/integration/emails/test_search.py
    tests/integration/pages/test_exports.py tests/integration/pages/test_prefix.py tests/kafka/test_relay.py"

printf '%s\n' 14 15 16 17 18 | xargs -P 2 -I '{}' sh -c '
    log=.data/postgresql/{}.log
    TEST_POSTGRESQL={} "$0/pytest" -q $TESTS >"$log" 2>&1 || { cat "$log"; exit 1; }
    echo "PostgreSQL {}: $(tail -n 1 "$log")"' "$bin"
