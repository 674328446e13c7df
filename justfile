# Short names for what CI and people run. Nothing needs `just`: each recipe below is one command to copy.

# In reading order
recipes := "async_await create_task gather context_managers async_iterators queues semaphores timeouts event_loop graceful_shutdown executors http_client error_handling task_groups pitfalls streams subprocesses compile_errors testing diagnosing"

_default:
    @just --list

# Run recipes, all of them if none is named: `just run gather`
run *NAMES=recipes:
    for name in {{NAMES}}; do cargo run --quiet --package $name; done

# The learning suite
test *ARGUMENTS:
    cargo test {{ARGUMENTS}}

# The checks that a change has to pass, as CI runs them, or some of them: `just ci lint book`
ci *PARTS:
    .ci/run {{PARTS}}

# Format and lint
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --all-features -- --deny warnings

# Each demo.py prints its recipe's transcript
parity *RECIPES:
    python3 tests/parity.py {{RECIPES}}

# Every recipe and every pattern, copied out by its chapter's commands, builds alone
copies *RECIPES:
    python3 tests/copies.py {{RECIPES}}

# All patterns at once, copied into projects of ten shapes, compile there
copies-into *SHAPES:
    python3 tests/copies_into.py {{SHAPES}}

# The names in docs/concordance are Python's, with every member
concordance:
    python3 tests/concordance.py

# Python prints the messages that `cargo cookbook find` answers
messages:
    python3 tests/messages.py

# http_client against servers that this project did not write: Python's http.server and nginx with TLS
servers:
    cargo build --package http_client
    python3 tests/foreign_servers.py target/debug/http_client

# The joinable queue, the event, the condition, the barrier and the thread pool on schedules that shuttle chooses
interleavings *SCHEDULES:
    python3 tests/interleavings.py {{SCHEDULES}}

# Small changes to the patterns, each of which a lesson has to notice: `just mutants gather`, or all, which takes hours
mutants *PACKAGES:
    python3 tests/mutants.py {{PACKAGES}}

# The whole suite, 50 times in a row while every core is busy
luck *ROUNDS:
    python3 tests/luck.py {{ROUNDS}}

# The book, into docs/book
book:
    mdbook build docs

# The book's links, in its pages as files and as `mdbook serve` serves them
links *BREAK:
    python3 tests/book_links.py {{BREAK}}

# The measurements behind the cost tables: `just bench gather`
bench NAME:
    cargo bench --package bench --bench {{NAME}}

# Rewrite the transcripts and pictures after an intended change
update-golden:
    UPDATE_EXPECT=1 cargo test --workspace
