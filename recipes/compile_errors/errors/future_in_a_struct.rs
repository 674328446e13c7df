struct Job {
    name: &'static str,
    work: impl Future<Output = usize>,
}

#[tokio::main]
async fn main() {
    let job = Job { name: "home", work: async { 4 } };
    println!("{}: {}", job.name, job.work.await);
}
