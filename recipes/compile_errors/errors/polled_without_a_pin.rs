use std::time::Duration;

use tokio::time::sleep;

async fn load() -> &'static str {
    sleep(Duration::from_millis(25)).await;
    "home"
}

#[tokio::main]
async fn main() {
    let mut work = load();
    let page = loop {
        tokio::select! {
            page = &mut work => break page,
            () = sleep(Duration::from_millis(10)) => println!("still loading"),
        }
    };
    println!("{page}");
}
