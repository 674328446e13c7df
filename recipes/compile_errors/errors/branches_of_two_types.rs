async fn from_memory() -> &'static str {
    "kept"
}

async fn from_disk() -> &'static str {
    "read"
}

#[tokio::main]
async fn main() {
    let is_kept = true;
    let work = if is_kept { from_memory() } else { from_disk() };
    println!("{}", work.await);
}
