//! Proofs of the pattern `websocket`.

use std::future::pending;
use std::sync::Arc;

use futures::FutureExt;
use futures::SinkExt;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::work::seconds;
use crate::work::websocket::pair;

/// `select!` drops `next` again and again: no message is lost, and the clock goes on.
#[test]
fn next_cancelled_anywhere_loses_no_message() {
    cancel_sweep::sweep_with(
        || {
            let shared = Arc::new(tokio::sync::Mutex::new((None, Vec::new())));
            let ours = Arc::clone(&shared);
            let work = async move {
                let (heartbeat, mut peer) = pair().await;
                let mut shared = ours.lock().await;
                shared.0 = Some(heartbeat);
                tokio::spawn(async move {
                    for word in ["one", "two"] {
                        sleep(seconds(40)).await;
                        peer.send(Message::text(word)).await.unwrap();
                    }
                    pending::<()>().await;
                });
                for _ in 0..2 {
                    let message = shared.0.as_mut().unwrap().next().await.unwrap().unwrap();
                    shared.1.push(message);
                }
            };
            (shared, work)
        },
        |shared, _outcome| {
            let mut shared = shared.try_lock().unwrap();
            let (heartbeat, heard) = &mut *shared;
            let Some(heartbeat) = heartbeat else { return };
            while let Some(Some(Ok(message))) = heartbeat.next().now_or_never() {
                heard.push(message);
            }
            let words: Vec<_> = heard.iter().map(|message| message.to_text().unwrap().to_owned()).collect();
            // The runtime settles for 65 s. By then the second word has come only if the first was received before.
            assert!(
                ["one", "two"].starts_with(&words.iter().map(String::as_str).collect::<Vec<_>>()),
                "{words:?}"
            );
        },
    );
}
