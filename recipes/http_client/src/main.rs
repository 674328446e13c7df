//! Runs the demo without arguments: pages from a server of its own. With URLs, it fetches them.

mod cli;

use std::process::ExitCode;

use clap::CommandFactory;
use common::server::Server;

#[tokio::main]
async fn main() -> ExitCode {
    let cli::Flags { fetch, show } = common::parse(cli::Flags::command());
    match fetch.names_urls() {
        true => show.run(cli::fetch_all(fetch)).await,
        false => show.run(demo()).await,
    }
}

async fn demo() -> anyhow::Result<ExitCode> {
    let server = Server::start().await?;
    http_client::demo::run(&server.url("/")).await?;
    server.stop().await;
    Ok(ExitCode::SUCCESS)
}
