struct Page {
    links: Vec<Page>,
}

async fn count(page: &Page) -> usize {
    let mut pages = 1;
    for link in &page.links {
        pages += count(link).await;
    }
    pages
}

#[tokio::main]
async fn main() {
    let news = Page { links: vec![] };
    let home = Page { links: vec![news] };
    println!("{}", count(&home).await);
}
