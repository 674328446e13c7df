fn load(name: &str) -> impl Future<Output = usize> {
    let length = name.len();
    async move { length }
}

#[tokio::main]
async fn main() {
    let work = {
        let name = String::from("home");
        load(&name)
    };
    println!("{}", work.await);
}
