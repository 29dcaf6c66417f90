//! Peers that mean no good, all at once: each is held to its end, the gateway's memory stays bounded, and a good client beside
//! them is served all the while.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use keyward_testkit::process::KeyEntry;

use super::exchange::{Exchange, Link};
use super::keys::{logged_in, quick};
use super::wire::{
    BINARY, CLOSE, CONTINUATION, End, Frame, Heard, Length, Login, PING, PONG, RSV1, RSV2, Socket, TEXT,
    order, subscribe, upgrade,
};
use crate::world::{Folder, Wire, resident_kib};

const PUBLIC: &str = "/ws/v5/public";
const PRIVATE: &str = "/ws/v5/private";

/// What the gateway may grow by while all of them are there. They send and ask for a hundred times as much.
const GROWTH_KIB: u64 = 64 << 10;
/// How long the good client may wait for two answers. It shares the processors with thirty peers.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a peer needs to begin. Each comes from an address of its own.
struct Scene {
    address: String,
    source: [u8; 4],
    key: KeyEntry,
}

impl Scene {
    fn open(&self, path: &str) -> Socket {
        Socket::from(&self.address, self.source, path).unwrap_or_else(|reply| panic!("{path}: {reply:?}"))
    }

    fn logged_in(&self, path: &str) -> Socket {
        let mut socket = self.open(path);
        socket.log_in(&self.key);
        socket
    }

    /// A socket with a subscription, on which the exchange plays `part`.
    fn with_part(&self, part: &str) -> Socket {
        let mut socket = self.logged_in(&format!("{PUBLIC}?part={part}"));
        socket.say(&subscribe("tickers"));
        socket
    }

    fn wire(&self) -> Wire {
        Wire::from(&self.address, self.source)
    }
}

/// A peer's name and what it does.
type Peer = (&'static str, fn(&Scene));

static PEERS: [Peer; 30] = [
    ("one that reads nothing while the exchange floods it", reads_nothing),
    ("one that reads a byte a second", reads_a_byte_a_second),
    ("one that writes a byte a second inside a frame", writes_a_byte_a_second),
    ("one that writes a byte a second inside a head", slow_head),
    ("a flood of pings", |scene| floods(scene, &Frame::new(PING, vec![b'x'; 125]))),
    ("a flood of pongs", |scene| floods(scene, &Frame::new(PONG, ""))),
    ("a flood of texts", |scene| floods(scene, &Frame::text("ping"))),
    ("a giant frame", |scene| {
        ends(scene, &Frame::new(BINARY, "x").stating(Length::Claimed(1 << 62)).bytes(), 1_009);
    }),
    ("many frames of the largest size, half of each", half_frames),
    ("endless fragments", endless_fragments),
    ("endless empty fragments", endless_empty_fragments),
    ("a compressed bomb", compressed_bomb),
    ("one that is silent, as behind a cut cable", silent),
    ("one that never logs in and never speaks", |scene| is_idle(scene.open(PRIVATE))),
    ("texts that are no UTF-8", |scene| ends(scene, &Frame::new(TEXT, vec![0xff; 60_000]).bytes(), 1_007)),
    ("reserved bits", |scene| ends(scene, &Frame::text("x").with_bits(RSV2).bytes(), 1_002)),
    ("frames without a mask", |scene| ends(scene, &Frame::text("ping").unmasked().bytes(), 1_002)),
    ("a storm of sockets that close", close_storm),
    ("upgrades with more behind them", smuggles),
    ("heads of upgrades that do not end", half_heads),
    ("thousands of channels", thousands_of_channels),
    ("a flood of logins", login_flood),
    ("a flood of operations", operation_flood),
    ("large requests whose answers nobody reads", unread_answers),
    ("deep and wide JSON", deep_json),
    ("an exchange that never answers operations", never_answers),
    ("an exchange that never answers the upgrade", never_opens),
    ("an exchange that reads nothing", exchange_reads_nothing),
    ("an exchange that says nothing", exchange_is_silent),
    ("an exchange that sends fragments without an end", |scene| {
        assert_eq!(scene.with_part("fragments").code_at_end(), 4_006);
    }),
];

#[test]
fn thirty_kinds_of_bad_peers_are_held_while_a_good_one_is_served() {
    let exchange = Exchange::start(play);
    let folder = Folder::new();
    let running = quick(&folder, &exchange);
    let address = running.address("gateway_url").unwrap();
    let key = running.key("app_here").unwrap();
    let scene = |number: usize| {
        let source = [127, 0, 2, u8::try_from(number).unwrap()];
        Scene { address: address.to_owned(), source, key: key.clone() }
    };
    let mut good = logged_in(&running, PRIVATE, &running.key("sub").unwrap());
    // What the program needs once is not what the peers cost.
    for id in 0..200 {
        assert_eq!(good.ask(&order(&id.to_string()))["code"], "0");
    }
    close_storm(&scene(100));
    let before = resident_kib(running.id());
    let done = AtomicBool::new(false);
    let (mut most, mut slowest) = (before, Duration::ZERO);
    std::thread::scope(|scope| {
        let peers: Vec<_> = PEERS
            .iter()
            .enumerate()
            .map(|(number, (name, peer))| {
                let scene = scene(number + 1);
                (name, scope.spawn(move || peer(&scene)))
            })
            .collect();
        scope.spawn(|| {
            let lost = peers.into_iter().filter_map(|(name, peer)| peer.join().is_err().then_some(name));
            let lost: Vec<_> = lost.collect();
            done.store(true, Ordering::Relaxed);
            assert!(lost.is_empty(), "not held: {lost:?}");
        });
        while !done.load(Ordering::Relaxed) {
            // A few requests a second, as a bot sends them.
            std::thread::sleep(Duration::from_millis(50));
            let began = Instant::now();
            assert_eq!(good.ask(&order("7"))["code"], "0");
            assert!(good.goes_on());
            slowest = slowest.max(began.elapsed());
            most = most.max(resident_kib(running.id()));
        }
    });
    assert!(slowest < PATIENCE, "the good client waited for {slowest:?}");
    let grown = most.saturating_sub(before);
    assert!(grown < GROWTH_KIB, "memory grew by {grown} KiB");
    println!("sockets: memory grew by {grown} KiB; the good client's slowest answers took {slowest:?}");
}

/// The exchange's part.
fn play(part: &str, link: &mut Link) {
    match part {
        "flood" => {
            link.accept();
            link.hear();
            let text = format!(r#"{{"data":"{}"}}"#, "x".repeat(32_000));
            while link.say(&text) {}
        }
        "fragments" => {
            link.accept();
            link.hear();
            let more = Frame::new(CONTINUATION, vec![b'x'; 1_000]).unmasked().unfinished().bytes();
            link.write(&Frame::text("x").unmasked().unfinished().bytes());
            while link.write(&more) {}
        }
        "mute" => {
            link.accept();
            loop {
                match link.hear() {
                    Heard::Ping(payload) => {
                        link.write(&Frame::new(PONG, payload).unmasked().bytes());
                    }
                    Heard::Gone | Heard::Close(..) => return,
                    _ => {}
                }
            }
        }
        // The upgrade has no answer.
        "shut" => link.read_out(),
        "deaf" => {
            link.accept();
            // Longer than the other end waits for it.
            std::thread::sleep(Duration::from_secs(40));
        }
        "silent" => {
            link.accept();
            link.read_out();
        }
        _ => link.answer_all(),
    }
}

/// Sends bytes that end the socket with this code, before a login and after it.
fn ends(scene: &Scene, bytes: &[u8], code: u16) {
    for mut socket in [scene.open(PUBLIC), scene.logged_in(PRIVATE)] {
        socket.write(bytes);
        assert_eq!(socket.code_at_end(), code);
    }
}

/// The end of a socket on which nothing whole comes for half a minute.
fn is_idle(mut socket: Socket) {
    socket.stream.set_read_timeout(Some(Duration::from_secs(45))).unwrap();
    assert_eq!(socket.code_at_end(), 4_004);
}

fn silent(scene: &Scene) {
    let mut socket = scene.logged_in(PRIVATE);
    assert_eq!(socket.ask(&subscribe("fills"))["event"], "subscribe");
    // The socket stays open here, and says nothing any more: not even that it is gone.
    is_idle(socket);
}

/// Ended with a code, or cut if that does not get through.
fn is_ended(mut socket: Socket, codes: &[u16]) {
    match socket.end() {
        End::Closed(Some(code), _) => assert!(codes.contains(&code), "{code}"),
        End::Closed(None, _) => panic!("no code"),
        End::Cut => {}
    }
}

fn reads_nothing(scene: &Scene) {
    let socket = scene.with_part("flood");
    // Longer than a reader has to go on.
    std::thread::sleep(Duration::from_secs(15));
    is_ended(socket, &[4_005]);
}

fn reads_a_byte_a_second(scene: &Scene) {
    let mut socket = scene.with_part("flood");
    for _ in 0..15 {
        let _ = std::io::Read::read(&mut socket.stream, &mut [0; 1]);
        // As slow as the test wants it.
        std::thread::sleep(Duration::from_secs(1));
    }
    // What is left begins inside a frame, so it is only counted: it ends.
    let mut left = 0;
    let mut buffer = [0; 65_536];
    while let Ok(count) = std::io::Read::read(&mut socket.stream, &mut buffer) {
        if count == 0 {
            break;
        }
        left += count;
        assert!(left < 64 << 20, "it never ends");
    }
}

fn writes_a_byte_a_second(scene: &Scene) {
    let mut socket = scene.logged_in(PRIVATE);
    let bytes = Frame::text(&"x".repeat(60_000)).bytes();
    socket.write(&bytes[..50_000]);
    for byte in &bytes[50_000..50_035] {
        socket.write(&[*byte]);
        if !socket.is_silent_for(Duration::from_secs(1)) {
            return;
        }
    }
    panic!("it goes on");
}

fn slow_head(scene: &Scene) {
    let mut wire = scene.wire();
    for byte in upgrade(PUBLIC, "").bytes().take(20) {
        wire.write(&[byte]);
        std::thread::sleep(Duration::from_secs(1));
    }
    wire.write(upgrade(PUBLIC, "").as_bytes());
    assert!(wire.read().is_none_or(|reply| reply.status != 101), "the head had no limit");
}

fn half_heads(scene: &Scene) {
    let mut wires: Vec<Wire> = (0..100).map(|_| scene.wire()).collect();
    let (head, began) = (upgrade(PUBLIC, ""), Instant::now());
    for wire in &mut wires {
        wire.write(&head.as_bytes()[..head.len() - 2]);
    }
    for wire in &mut wires {
        assert!(wire.read().is_none_or(|reply| reply.status != 101));
    }
    // The time that heads have is ten seconds.
    assert!(began.elapsed() < Duration::from_secs(30), "after {:?}", began.elapsed());
}

fn floods(scene: &Scene, frame: &Frame) {
    for mut socket in [scene.open(PUBLIC), scene.logged_in(PRIVATE)] {
        let many = frame.bytes().repeat(200);
        for _ in 0..40 {
            socket.write(&many);
        }
        is_ended(socket, &[1_008]);
    }
}

fn half_frames(scene: &Scene) {
    let half = Frame::text(&"x".repeat(64 << 10)).bytes();
    let sockets: Vec<Socket> = (0..40)
        .map(|_| {
            let mut socket = scene.open(PUBLIC);
            socket.write(&half[..32 << 10]);
            socket
        })
        .collect();
    for socket in sockets {
        is_idle(socket);
    }
}

fn endless_fragments(scene: &Scene) {
    let mut socket = scene.open(PUBLIC);
    socket.send(&Frame::text("x").unfinished());
    let more = Frame::new(CONTINUATION, vec![b'x'; 1_000]).unfinished().bytes();
    socket.write(&more.repeat(100));
    assert_eq!(socket.code_at_end(), 1_009);
}

/// They never make a message that could be too long, and never a whole one.
fn endless_empty_fragments(scene: &Scene) {
    let mut socket = scene.logged_in(PRIVATE);
    socket.send(&Frame::text("").unfinished());
    let more = Frame::new(CONTINUATION, "").unfinished().bytes().repeat(200);
    for _ in 0..400 {
        socket.write(&more);
        if !socket.is_silent_for(Duration::from_millis(100)) {
            return;
        }
    }
    panic!("it goes on");
}

/// The extension was declined, so its bit is a mistake, and nothing is unpacked.
fn compressed_bomb(scene: &Scene) {
    let more = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    let mut socket = Socket::over(scene.wire().0, upgrade(PUBLIC, more).as_bytes()).unwrap();
    // A block of DEFLATE that repeats one byte again and again.
    let bomb = [&[0xec_u8, 0xc1, 0x01, 0x01][..], &[0x00; 60_000]].concat();
    socket.send(&Frame::new(TEXT, bomb).with_bits(RSV1));
    assert_eq!(socket.code_at_end(), 1_002);
}

fn close_storm(scene: &Scene) {
    for number in 0..500 {
        let mut socket = scene.open(PUBLIC);
        match number % 3 {
            0 => socket.send(&Frame::close(1_000, "")),
            1 => socket.send(&Frame::new(CLOSE, "")),
            _ => {}
        }
    }
    assert!(scene.open(PUBLIC).goes_on());
}

fn smuggles(scene: &Scene) {
    for _ in 0..100 {
        let behind = Frame::text(&Login::of(&scene.key).text()).bytes();
        let bytes = [upgrade(PRIVATE, "").into_bytes(), behind].concat();
        let mut socket = Socket::over(scene.wire().0, &bytes).unwrap();
        assert_eq!(socket.hear(), Heard::Gone);
    }
}

fn thousands_of_channels(scene: &Scene) {
    let mut socket = scene.open(PUBLIC);
    for from in (0..6_000).step_by(200) {
        let args = (from..from + 200).map(|at| format!(r#"{{"channel":"tickers","instId":"A{at}"}}"#));
        socket.say(&format!(r#"{{"op":"subscribe","args":[{}]}}"#, args.collect::<Vec<_>>().join(",")));
    }
    assert_eq!(socket.code_at_end(), 4_009);
}

fn login_flood(scene: &Scene) {
    let wrong = Login { sign: "A".repeat(44), ..Login::of(&scene.key) }.text();
    for _ in 0..200 {
        let mut socket = scene.open(PRIVATE);
        for _ in 0..5 {
            socket.say(&wrong);
        }
        // The first one ends it, and the others are not looked at.
        assert_eq!(socket.json()["code"], "60007");
        assert_eq!(socket.code_at_end(), 4_001);
    }
}

fn operation_flood(scene: &Scene) {
    let mut socket = scene.logged_in(PRIVATE);
    let many = Frame::text(&order("1")).bytes().repeat(100);
    for _ in 0..100 {
        socket.write(&many);
    }
    is_ended(socket, &[1_008]);
}

/// Each request is answered with four of its sixty KiB.
fn unread_answers(scene: &Scene) {
    let mut socket = scene.open(PUBLIC);
    let large = Frame::text(&"x".repeat(60_000)).bytes();
    for _ in 0..60 {
        socket.write(&large);
    }
    for _ in 0..60 {
        assert!(socket.text().len() < 5_000);
    }
    assert!(socket.goes_on());
}

fn deep_json(scene: &Scene) {
    let mut socket = scene.logged_in(PRIVATE);
    let deep = format!(r#"{{"id":"1","op":"order","args":{}{}}}"#, "[".repeat(30_000), "]".repeat(30_000));
    let wide = format!(r#"{{"id":"1","op":"order","args":[{{"a":[{}1]}}]}}"#, "1,".repeat(30_000));
    let names: Vec<String> = (0..4_000).map(|at| format!(r#""n{at}":1"#)).collect();
    let named = format!(r#"{{"id":"1","op":"order","args":[{{{}}}]}}"#, names.join(","));
    let escaped = format!(r#"{{"id":"1","op":"{}"}}"#, "\\u0061".repeat(10_000));
    for text in [deep, wide, named, escaped].iter().cycle().take(80) {
        assert_eq!(socket.ask(text)["code"], "60012");
    }
}

/// A few hundred operations may wait, and each is told that it waited in vain.
fn never_answers(scene: &Scene) {
    let mut socket = scene.logged_in(&format!("{PRIVATE}?part=mute"));
    let orders: Vec<u8> = (0..300).flat_map(|id| Frame::text(&order(&id.to_string())).bytes()).collect();
    socket.write(&orders);
    let codes: Vec<String> = (0..300).map(|_| socket.json()["code"].as_str().unwrap().to_owned()).collect();
    let count = |code: &str| codes.iter().filter(|other| *other == code).count();
    assert_eq!((count("50013"), count("50004")), (44, 256), "{codes:?}");
    assert!(socket.goes_on());
}

/// A request that cannot be passed on is refused, and the socket goes on.
fn never_opens(scene: &Scene) {
    let mut socket = scene.logged_in(&format!("{PRIVATE}?part=shut"));
    for _ in 0..3 {
        let began = Instant::now();
        assert_eq!(socket.ask(&order("1"))["code"], "50001");
        assert!(began.elapsed() < Duration::from_secs(10), "after {:?}", began.elapsed());
    }
    assert!(socket.goes_on());
}

/// What waits for it is bounded: the client is told that the exchange does not take it.
fn exchange_reads_nothing(scene: &Scene) {
    let mut socket = scene.logged_in(&format!("{PUBLIC}?part=deaf"));
    let long = "x".repeat(240);
    let args: Vec<String> =
        (0..200).map(|at| format!(r#"{{"channel":"tickers","instId":"{long}{at}"}}"#)).collect();
    let text = format!(r#"{{"op":"subscribe","args":[{}]}}"#, args.join(","));
    // The same channels each time, so that they count once.
    let many = Frame::text(&text).bytes();
    socket.stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
    let stalls = (0..800).any(|_| std::io::Write::write_all(&mut socket.stream, &many).is_err());
    assert!(stalls, "all of it was taken");
    is_ended(socket, &[4_006]);
}

/// It answers neither requests nor pings. The client does its own part.
fn exchange_is_silent(scene: &Scene) {
    let mut socket = scene.with_part("silent");
    for _ in 0..8 {
        socket.say("ping");
        match socket.hear() {
            Heard::Text(_) => std::thread::sleep(Duration::from_secs(7)),
            Heard::Close(code, _) => {
                assert_eq!(code, Some(4_006));
                return;
            }
            other => panic!("{other:?}"),
        }
    }
    panic!("it goes on");
}
