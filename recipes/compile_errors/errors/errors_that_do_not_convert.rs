use std::io;

async fn port(settings: &str) -> Result<u16, io::Error> {
    let port: u16 = settings.parse()?;
    Ok(port)
}

#[tokio::main]
async fn main() {
    println!("{:?}", port("8080").await);
}
