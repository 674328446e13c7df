//! The smallest `main` of a recipe: `cargo run -p common --example demo`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let demo = async {
        tracing::info!("done");
        Ok(())
    };
    common::run("Says that it is done", demo).await
}
