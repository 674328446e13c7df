use std::cell::RefCell;

#[tokio::main]
async fn main() {
    let task = tokio::spawn(async {
        let pages = RefCell::new(vec!["home"]);
        let mut all = pages.borrow_mut();
        tokio::task::yield_now().await;
        all.push("news");
        all.len()
    });
    println!("{}", task.await.unwrap());
}
