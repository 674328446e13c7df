use bytes::Bytes;
use cancel_sweep::Outcome::{Cancelled, Finished};
use cancel_sweep::sweep_with;
use futures::FutureExt;
use futures::future::join_all;
use proptest::prelude::*;
use streams::request_response::{answer, client};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::time::sleep;

use crate::support::ms;

/// A call that is dropped anywhere harms no later one, and the connection ends when the last client is gone.
#[test]
fn cancelled_anywhere_a_call_harms_no_other() {
    let swept = sweep_with(
        || {
            let (here, there) = duplex(8);
            let (client, connection) = client(here, 100);
            tokio::spawn(connection);
            tokio::spawn(answer(there, 100, 2, |request| async move {
                sleep(ms(10)).await;
                request
            }));
            let call = client.clone();
            let later = tokio::spawn(async move {
                sleep(ms(5)).await;
                client.call("later".into()).await
            });
            (later, async move { call.call("one".into()).await.unwrap() })
        },
        |later, outcome| {
            assert_eq!(later.now_or_never().unwrap().unwrap().unwrap(), "later");
            if let Finished(answer) = outcome {
                assert_eq!(answer, "one");
            }
        },
    );
    assert!(swept.points > 0, "{swept:?}");
}

/// An `answer` that is dropped anywhere closes the connection: the peer sees an end.
#[test]
fn cancelled_anywhere_answer_closes_the_connection() {
    let swept = sweep_with(
        || {
            let (mut here, there) = duplex(4);
            let peer = tokio::spawn(async move {
                let _failed = here.write_all(b"\0\0\0\x09\0\0\0\0\0\0\0\x011").await;
                let _failed = here.shutdown().await;
                let mut answer = Vec::new();
                here.read_to_end(&mut answer).await.map(|_| answer)
            });
            (peer, async move { answer(there, 100, 2, |request| async move { request }).await.unwrap() })
        },
        |peer, outcome| {
            let heard = peer.now_or_never().expect("it sees the end").unwrap().unwrap();
            match outcome {
                Finished(()) => assert_eq!(heard, b"\0\0\0\x09\0\0\0\0\0\0\0\x011"),
                Cancelled(_) => assert!(heard.len() <= 13),
            }
        },
    );
    assert!(swept.points > 2, "{swept:?}");
}

proptest! {
    /// Whatever bytes a peer sends, `answer` returns when the peer ends, and never holds a longer body than the limit.
    #[test]
    fn any_bytes_end_well(
        bytes in proptest::collection::vec(prop_oneof![3 => Just(0_u8), 1 => any::<u8>()], 0..200),
        room in 1_usize..20,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (here, there) = duplex(room);
            let (mut reader, mut writer) = tokio::io::split(here);
            let send = async {
                let _failed = writer.write_all(&bytes).await;
                let _failed = writer.shutdown().await;
            };
            let receive = async {
                let mut all = Vec::new();
                let _failed = reader.read_to_end(&mut all).await;
            };
            let longest = std::cell::Cell::new(0);
            let served = answer(there, 20, 3, |request| {
                longest.set(longest.get().max(request.len()));
                async move { request }
            });
            let (_ended, (), ()) = tokio::join!(served, send, receive);
            assert!(longest.get() <= 20);
        });
    }

    /// Calls of any length have their own answers, through buffers of any size.
    #[test]
    fn any_calls_have_their_answers(
        bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 1..20),
        room in 1_usize..30,
        at_once in 0_usize..5,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let answers = runtime.block_on(async {
            let (here, there) = duplex(room);
            let (client, connection) = client(here, 50);
            tokio::spawn(connection);
            tokio::spawn(answer(there, 50, at_once, |request| async move { request }));
            join_all(bodies.iter().map(|body| client.call(Bytes::from(body.clone())))).await
        });
        let answers: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().to_vec()).collect();
        prop_assert_eq!(answers, bodies);
    }
}
