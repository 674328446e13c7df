trait Source {
    async fn load(&self) -> &'static str;
}

struct Memory;
struct Disk;

impl Source for Memory {
    async fn load(&self) -> &'static str {
        "kept"
    }
}

impl Source for Disk {
    async fn load(&self) -> &'static str {
        "read"
    }
}

#[tokio::main]
async fn main() {
    let sources: Vec<Box<dyn Source>> = vec![Box::new(Memory), Box::new(Disk)];
    for source in sources {
        println!("{}", source.load().await);
    }
}
