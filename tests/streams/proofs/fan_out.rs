use cancel_sweep::sweep_with;
use streams::fan_out::Room;
use tokio::io::duplex;
use tokio::time::sleep;

use crate::support::{TWO, ms};

/// A member that is dropped at any point has left the room, and delays no other.
#[test]
fn cancelled_anywhere_the_member_has_left() {
    let swept = sweep_with(
        || {
            let room = Room::new(TWO);
            let (mut member, speaker) = (room.join(), room.clone());
            let said = tokio::spawn(async move {
                let mut dropped = 0;
                for _ in 0..5 {
                    sleep(ms(10)).await;
                    dropped += speaker.say("message".into());
                }
                dropped
            });
            let (ours, never_reads) = duplex(8);
            ((room, said, never_reads), async move { member.deliver(ours).await.unwrap() })
        },
        |(room, said, _never_reads), _outcome| {
            assert!(said.is_finished() && room.is_empty());
        },
    );
    assert!(swept.points > 2, "{swept:?}");
}
