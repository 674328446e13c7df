#[derive(Debug)]
struct SettingsError;

impl From<std::io::Error> for SettingsError {
    fn from(_: std::io::Error) -> Self {
        SettingsError
    }
}

async fn port(settings: &str) -> Result<u16, SettingsError> {
    let port: u16 = settings.parse()?;
    Ok(port)
}

#[tokio::main]
async fn main() {
    println!("{:?}", port("8080").await);
}
