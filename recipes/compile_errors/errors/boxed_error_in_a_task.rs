use std::error::Error;

async fn load(name: &str) -> Result<usize, Box<dyn Error>> {
    if name.is_empty() {
        return Err("no name".into());
    }
    Ok(name.len())
}

#[tokio::main]
async fn main() {
    let task = tokio::spawn(load("home"));
    println!("{:?}", task.await.unwrap());
}
