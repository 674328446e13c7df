# Short names for what CI and people run. Nothing needs `just`: each recipe below is one command to copy.

_default:
    @just --list

# The learning suite
test *ARGUMENTS:
    cargo test {{ARGUMENTS}}

# What a change has to pass, as CI runs it
ci:
    .ci/run

# Format and lint
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --all-features -- --deny warnings

# Each asyncio.py prints its recipe's transcript
parity *RECIPES:
    python3 tests/parity.py {{RECIPES}}

# Every recipe and every pattern, copied out by its chapter's commands, stands alone
copies *RECIPES:
    python3 tests/copies.py {{RECIPES}}

# The names in docs/concordance.toml are Python's
concordance:
    python3 tests/concordance.py

# http_client against servers that this project did not write: Python's http.server and nginx with TLS
servers:
    cargo build --package http_client
    python3 tests/foreign_servers.py target/debug/http_client

# The joinable queue and the thread pool on schedules that shuttle chooses
interleavings *SCHEDULES:
    python3 tests/interleavings.py {{SCHEDULES}}

# The book, into docs/book
book:
    mdbook build docs

# The measurements behind the cost tables: `just bench gather`
bench NAME:
    cargo bench --package bench --bench {{NAME}}

# Rewrite the transcripts and pictures after a change that was meant
update-golden:
    UPDATE_EXPECT=1 cargo test --workspace
