use std::rc::Rc;

#[tokio::main]
async fn main() {
    let pages = Rc::new(vec!["home", "news"]);
    let for_the_task = Rc::clone(&pages);
    let task = tokio::spawn(async move {
        tokio::task::yield_now().await;
        for_the_task.len()
    });
    println!("{} of {}", task.await.unwrap(), pages.len());
}
