#[tokio::main]
async fn main() {
    let task = tokio::spawn(async {
        let port: u16 = "8080".parse()?;
        println!("port {port}");
    });
    task.await.unwrap();
}
