#[tokio::main]
async fn main() {
    let sum = async {
        let one: u32 = "3".parse()?;
        let other: u32 = "4".parse()?;
        Ok(one + other)
    };
    println!("{}", sum.await.unwrap());
}
