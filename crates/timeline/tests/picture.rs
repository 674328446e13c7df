//! The pictures, to the byte; their width; and labels that would break them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod support;

use expect_test::{expect, expect_file};
use support::{elements, milliseconds, recorded, recorded_by};
use timeline::{Charset, Recording, TextStyle, Timeline};
use tokio::time::{advance, sleep, timeout};
use tracing::Instrument;
use unicode_width::UnicodeWidthStr;

#[tracing::instrument(skip(length), ret)]
async fn fetch(name: &str, length: u64) {
    sleep(milliseconds(length)).await;
}

#[tracing::instrument(skip(length), ret, err)]
async fn refuse(name: &str, length: u64) -> Result<(), String> {
    sleep(milliseconds(length)).await;
    Err("refused".to_owned())
}

#[tracing::instrument(ret)]
async fn parse() {
    for _ in 0..3 {
        advance(milliseconds(80)).await;
        sleep(milliseconds(120)).await;
    }
}

#[tracing::instrument(ret)]
async fn all() {
    let hurried = timeout(milliseconds(700), fetch("slow", 2_000));
    let _all = tokio::join!(fetch("a", 1_000), fetch("b", 500), refuse("c", 300), hurried, parse());
}

/// One lane of every kind, on paused time.
async fn everything() -> Recording {
    let timeline = Timeline::new().returns_reported();
    let mut open = Box::pin(fetch("open", 5_000));
    recorded_by(timeline, async {
        all().await;
        let late = async {
            fetch("late", 100).await;
            tracing::info!("return" = "done");
        };
        let late = late.instrument(tracing::info_span!("job"));
        sleep(milliseconds(150)).await;
        late.await;
        let _too_late = timeout(milliseconds(250), &mut open).await;
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn the_text_shows_every_kind_of_lane() {
    let recording = everything().await;
    let expected = expect![[r#"
        3.45s of work in 1.50s (2.3x)             · not polled yet  ░ waiting  █ running
                      0s              0.5s            1s              1.5s
                      ├───────────────┼───────────────┼───────────────┤
        all           ███░░░███░░░░██░░░░░░░░░░░░░░░░░✓                 1.000s
          fetch a     ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░✓                 1.000s
          fetch b     ░░░░░░░░░░░░░░░░✓                                  500ms
          refuse c    ░░░░░░░░░░✗                                        300ms failed
          fetch slow  ░░░░░░░░░░░░░░░░░░░░░░⊘                            700ms cancelled
          parse       ███░░░███░░░░██░░░░✓                               600ms
        job                                           ·····░░░✓          250ms
          fetch late                                       ░░░✓          100ms
        fetch open                                            ░░░░░░░░▸  250ms running
    "#]];
    expected.assert_eq(&recording.text(TextStyle::default()));
}

#[tokio::test(start_paused = true)]
async fn ascii_is_enough() {
    let recording = everything().await;
    let text = recording.text(TextStyle { width: 72, charset: Charset::Ascii });
    assert!(text.is_ascii());
    let expected = expect![[r#"
        3.45s of work in 1.50s (2.3x)     . not polled yet  - waiting  # running
                      0s           0.5s          1s           1.5s
                      +------------+-------------+------------+
        all           ##---##----##--------------*              1.000s
          fetch a     ---------------------------*              1.000s
          fetch b     -------------*                             500ms
          refuse c    --------X                                  300ms failed
          fetch slow  -------------------/                       700ms cancelled
          parse       ##---##----##---*                          600ms
        job                                      ....--*         250ms
          fetch late                                 --*         100ms
        fetch open                                     ------->  250ms running
    "#]];
    expected.assert_eq(&text);
}

#[tokio::test(start_paused = true)]
async fn a_narrow_terminal_shows_the_lanes_first() {
    let recording = everything().await;
    let expected = expect![[r#"
        3.45s of work in 1.50s (2.3x)
                      0s   1s
                      ├────┼──┤
        all           ░░░░░✓    1.000s
          fetch a     ░░░░░✓    1.000s
          fetch b     ░░░✓       500ms
          refuse c    ░░✗        300ms failed
          fetch slow  ░░░░⊘      700ms cancelled
          parse       ░░░✓       600ms
        job                ·░✓   250ms
          fetch late        ░✓   100ms
        fetch open           ░▸  250ms running
    "#]];
    expected.assert_eq(&recording.text(TextStyle::unicode(40)));
    let expected = expect![[r#"
        3.45s of work in 1.50s …
                  0s       1s
                  ├────────┼───┤
        all       █░░█░░░░░✓
          fet… a  ░░░░░░░░░✓
          fet… b  ░░░░✓
          refus…  ░░░✗
          f…slow  ░░░░░░⊘
          parse   █░░█░✓
        job                ·░✓
          f…late            ░✓
        fetch o…             ░░▸
    "#]];
    expected.assert_eq(&recording.text(TextStyle::unicode(24)));
    let expected = expect![[r#"
        3.45s of wo…
        all
          fetch a
          fetch b
          refuse c
          fetch slow
          parse
        job
          fetch late
        fetch open
    "#]];
    expected.assert_eq(&recording.text(TextStyle::unicode(12)));
}

/// All addresses on one host begin alike: what tells them apart is their end.
#[tokio::test(start_paused = true)]
async fn lanes_of_one_host_keep_the_end_that_differs() {
    let recording = recorded(async {
        fetch("http://127.0.0.1:40123/page/1", 200).await;
        fetch("http://127.0.0.1:40123/page/12", 100).await;
        fetch("http://127.0.0.1:40123/about", 100).await;
        fetch("http://[::1]:40123/page/1", 100).await;
    })
    .await;
    let expected = expect![[r#"
        500ms of work in 500ms (1.0x)                                ░ waiting
                                 0s             200ms          400ms
                                 ├──────────────┼──────────────┼───────┤
        fetch http:…0123/page/1  ░░░░░░░░░░░░░░░✓                        200ms
        fetch http:…123/page/12                 ░░░░░░░░✓                100ms
        fetch http:…40123/about                         ░░░░░░░✓         100ms
        fetch http://[::1]:401…                                ░░░░░░░░✓ 100ms
    "#]];
    expected.assert_eq(&recording.text(TextStyle::unicode(70)));
    let expected = expect![[r#"
        500ms of work in 500ms (1.0x)            - waiting
                          0s        200ms     400ms
                          +---------+---------+----+
        fetch h...page/1  ----------*                200ms
        fetch ...page/12            -----*           100ms
        fetch h.../about                 -----*      100ms
        ...[::1]:4012...                      -----* 100ms
    "#]];
    expected.assert_eq(&recording.text(TextStyle::ascii(50)));
    let svg = recording.svg("one host");
    let labels =
        elements(&svg).lines().filter_map(|line| line.strip_prefix("<text class=\"label\" x=\"24\" "));
    let expected = expect![[r#"
        y="104">fetch http://…40123/page/1</text>
        y="128">fetch http://…0123/page/12</text>
        y="152">fetch http://…:40123/about</text>
        y="176">fetch http://[::1]:40123/…</text>"#]];
    expected.assert_eq(&labels.collect::<Vec<_>>().join("\n"));
}

#[tokio::test(start_paused = true)]
async fn the_legend_is_there_if_it_fits_beside_the_headline() {
    let recording = everything().await;
    let first = |width| recording.text(TextStyle::unicode(width)).lines().next().unwrap().to_owned();
    assert_eq!(first(69), "3.45s of work in 1.50s (2.3x)  · not polled yet  ░ waiting  █ running");
    assert_eq!(first(68), "3.45s of work in 1.50s (2.3x)");
}

#[tokio::test(start_paused = true)]
async fn a_time_that_does_not_fit_at_the_end_of_the_axis_is_left_out() {
    let recording = recorded(fetch("a", 1_000)).await;
    let expected = expect![[r#"
        1.00s of work in …
                0s
                ├────────┤
        fetch…  ░░░░░░░░░✓
    "#]];
    expected.assert_eq(&recording.text(TextStyle::unicode(18)));
    let expected = expect![[r#"
        1.00s of work in 1.00s (1.0x)                      ░ waiting
                 0s       0.2s    0.4s     0.6s    0.8s     1s
                 ├────────┼───────┼────────┼───────┼────────┤
        fetch a  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░✓ 1.000s
    "#]];
    expected.assert_eq(&recording.text(TextStyle::unicode(60)));
}

#[tokio::test(start_paused = true)]
async fn the_svg_shows_every_kind_of_lane() {
    let recording = everything().await;
    let svg = recording.svg("Every kind of lane");
    assert!(!svg.contains("<script") && !svg.contains("href") && !svg.contains("url("));
    expect_file!["golden/everything.svg"].assert_eq(&svg);
}

/// The durations are at the right edge then. A label has less room the further in it begins.
#[tokio::test(start_paused = true)]
async fn where_all_have_finished_the_svg_has_no_words() {
    #[tracing::instrument(ret)]
    async fn load(page: &str) {
        sleep(milliseconds(10)).await;
        fetch(page, 10).await;
    }
    let svg = recorded(load("a page with quite a long name")).await.svg("All have finished");
    let expected = expect![[r#"
        <rect class="paper" x=".5" y=".5" width="759" height="155" rx="8"/>
        <text class="title" x="24" y="34">All have finished</text>
        <text class="quiet" x="24" y="54">10.0ms of work in 20.0ms (0.5x)</text>
        <text class="quiet end" x="736" y="54">waiting</text>
        <rect class="waiting" x="664" y="45" width="14" height="10" rx="2"/>
        <text class="axis middle" x="244" y="78">0s</text>
        <path class="grid" d="M244.5 84V136"/>
        <text class="axis middle" x="286" y="78">2ms</text>
        <path class="grid" d="M286.5 84V136"/>
        <text class="axis middle" x="329" y="78">4ms</text>
        <path class="grid" d="M329.5 84V136"/>
        <text class="axis middle" x="371" y="78">6ms</text>
        <path class="grid" d="M371.5 84V136"/>
        <text class="axis middle" x="414" y="78">8ms</text>
        <path class="grid" d="M414.5 84V136"/>
        <text class="axis middle" x="456" y="78">10ms</text>
        <path class="grid" d="M456.5 84V136"/>
        <text class="axis middle" x="498" y="78">12ms</text>
        <path class="grid" d="M498.5 84V136"/>
        <text class="axis middle" x="541" y="78">14ms</text>
        <path class="grid" d="M541.5 84V136"/>
        <text class="axis middle" x="583" y="78">16ms</text>
        <path class="grid" d="M583.5 84V136"/>
        <text class="axis middle" x="626" y="78">18ms</text>
        <path class="grid" d="M626.5 84V136"/>
        <text class="axis middle" x="668" y="78">20ms</text>
        <path class="grid" d="M668.5 84V136"/>
        <g class="finished">
        <title>load a page with quite a long name: finished after 20.0ms (from 0s to 20.0ms), 0s on the CPU in 3 polls</title>
        <rect x="24" y="88" width="712" height="24" fill="none" pointer-events="all"/>
        <text class="label" x="24" y="104">load a page with quite a …</text>
        <rect class="waiting" x="244" y="95" width="424" height="10" rx="2"/>
        <path class="mark" d="M677 100m-4 .5l2.8 3l5-6.5"/>
        <text class="quiet end" x="736" y="104">20.0ms</text>
        </g>
        <g class="finished">
        <title>fetch a page with quite a long name: finished after 10.0ms (from 10.0ms to 20.0ms), 0s on the CPU in 2 polls</title>
        <rect x="24" y="112" width="712" height="24" fill="none" pointer-events="all"/>
        <text class="label" x="38" y="128">fetch a page with quite…</text>
        <rect class="waiting" x="456" y="119" width="212" height="10" rx="2"/>
        <path class="mark" d="M677 124m-4 .5l2.8 3l5-6.5"/>
        <text class="quiet end" x="736" y="128">10.0ms</text>
        </g>
        </svg>
    "#]];
    expected.assert_eq(elements(&svg));
}

#[tokio::test(start_paused = true)]
async fn a_heading_that_does_not_fit_is_cut() {
    let recording = recorded(async {}).await;
    for (title, heading) in [("x".repeat(79), "x".repeat(79)), ("x".repeat(80), "x".repeat(78) + "…")] {
        let svg = recording.svg(&title);
        assert!(svg.contains(&format!("<title>{title}</title>")), "{svg}");
        assert!(svg.contains(&format!(">{heading}</text>")), "{svg}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_program_twice_is_the_same_picture() {
    let (once, again) = (everything().await, everything().await);
    assert_eq!(once, again);
    assert_eq!(once.text(TextStyle::default()), again.text(TextStyle::default()));
    assert_eq!(once.svg("twice"), again.svg("twice"));
}

#[tokio::test(start_paused = true)]
async fn nothing_recorded_is_said_in_words() {
    let recording = recorded(async {}).await;
    assert_eq!(recording.text(TextStyle::default()), "no spans were recorded\n");
    let svg = recording.svg("empty");
    let expected = expect![[r#"
        <rect class="paper" x=".5" y=".5" width="759" height="77" rx="8"/>
        <text class="title" x="24" y="34">empty</text>
        <text class="quiet" x="24" y="54">no spans were recorded</text>
        </svg>
    "#]];
    expected.assert_eq(elements(&svg));
}

#[tokio::test(start_paused = true)]
async fn a_program_that_takes_no_time_has_no_ratio() {
    let recording = recorded(async {
        fetch("instant", 0).await;
        refuse("instant", 0).await.unwrap_err();
    })
    .await;
    let expected = expect![[r#"
        0s of work in 0s
                        0s
                        ├────────────────────────────────┤
        fetch instant   ✓                                  0s
        refuse instant  ✗                                  0s failed
    "#]];
    expected.assert_eq(&recording.text(TextStyle::unicode(60)));
    assert!(recording.svg("instant").contains("0s of work in 0s<"));
}

#[tokio::test(start_paused = true)]
async fn no_line_is_wider_than_the_terminal() {
    let (drawn, hostile) = (everything().await, hostile().await);
    let summarised = recorded_by(Timeline::new().draw_at_most(3), all()).await;
    for recording in [&drawn, &hostile, &summarised] {
        for width in 0..=220 {
            for charset in [Charset::Unicode, Charset::Ascii] {
                let text = recording.text(TextStyle { width, charset });
                assert!(charset == Charset::Unicode || text.is_ascii(), "{text}");
                for line in text.lines() {
                    assert!(line.width() <= width, "{} columns of {width}: {line:?}", line.width());
                    assert_eq!(line, line.trim_end());
                }
            }
        }
    }
}

/// Labels that would break a terminal, a line, or a document.
async fn hostile() -> Recording {
    let labels = [
        "\u{1b}[2J\u{1b}]0;title\u{7}",
        "two\nlines\r\ttab",
        "</text><script>alert(1)</script>",
        "\" onload='x' & ]]> &amp;",
        "\u{202e}txt.exe\u{2066}",
        "日本語のとても長いラベル",
        "👩‍👩‍👧‍👦 family ❤️",
        "e\u{301}\u{301}\u{301}\u{301} marks",
        "\u{fffe}\u{ffff}\u{0}\u{9b}31m",
        "",
        &"very long ".repeat(10_000),
    ];
    recorded_by(Timeline::new(), async {
        for label in labels {
            sleep(milliseconds(10)).instrument(tracing::info_span!("load", label)).await;
            sleep(milliseconds(10)).instrument(tracing::info_span!("load", label = ?label)).await;
        }
        // Deep enough that indentation alone would fill the line.
        let mut spans = vec![tracing::info_span!("deep")];
        for depth in 0..17 {
            let next = tracing::info_span!(parent: &spans[depth], "deeper", depth);
            spans.push(next);
        }
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn no_label_can_break_the_picture() {
    let recording = hostile().await;
    let text = recording.text(TextStyle::default());
    assert_eq!(text.lines().count(), recording.lanes().len() + 3, "one line a lane:\n{text}");
    assert!(text.chars().all(|character| character == '\n' || !character.is_control()));
    assert!(!text.contains(['\u{202e}', '\u{2066}', '\u{200d}']));

    let svg = recording.svg("</title><script>alert(2)</script>\u{0}");
    assert!(!svg.contains("<script") && !svg.contains("onload='"));
    assert!(svg.contains("&lt;/text&gt;&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(svg.chars().all(|character| character == '\n' || !character.is_control()));
    expect_file!["golden/hostile.svg"].assert_eq(&svg);
}
