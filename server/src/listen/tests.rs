//! On real sockets, with limits of milliseconds: what comes, and in which order.

use super::*;
use crate::limits::{Proxies, Rate, Rates};
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SHORT: Duration = Duration::from_millis(150);
/// Longer than any of these tests.
const LONG: Duration = Duration::from_secs(60);

const FREE: Rate = Rate {
    per_second: 0,
    burst: 0,
};

/// Limits under which nothing ends by itself.
fn patient() -> Times {
    Times {
        header: LONG,
        body: LONG,
        idle: LONG,
        requests: 100,
    }
}

struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    served: tokio::task::JoinHandle<()>,
    unfinished: Arc<Semaphore>,
}

async fn server(times: Times, connections: usize, of_one_peer: usize, unfinished: usize) -> Server {
    let rates = Rates {
        peer: FREE,
        business: FREE,
        request: FREE,
        forged: FREE,
        junk: FREE,
    };
    let echo = |body: Body| async move {
        match axum::body::to_bytes(body, 1 << 20).await {
            Ok(bytes) => format!("read {}", bytes.len()),
            Err(_) => "cut".to_owned(),
        }
    };
    let never = || async {
        let chunks = futures_util::stream::pending::<Result<bytes::Bytes, Infallible>>();
        Body::from_stream(chunks)
    };
    let router = Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/echo", post(echo))
        .route("/stream", get(never));
    let narrow = Router::new().route("/", get(|| async { "narrow" }));
    let unfinished = Arc::new(Semaphore::new(unfinished));
    let way = Way {
        times,
        gate: Gate::new(connections, of_one_peer),
        limits: Arc::new(Limits::new(rates, Proxies::default())),
        unfinished: Arc::clone(&unfinished),
        router,
        narrow,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let served = tokio::spawn(serve(listener, Arc::new(way), stopped));
    Server {
        address,
        stop,
        served,
        unfinished,
    }
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn send(&self, text: &str) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }
}

const HELLO: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Everything until the other side closes.
async fn to_end(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text).await;
    String::from_utf8_lossy(&text).into_owned()
}

/// What comes first.
async fn some(stream: &mut TcpStream) -> String {
    let mut text = vec![0; 4096];
    let length = stream.read(&mut text).await.unwrap_or(0);
    String::from_utf8_lossy(&text[..length]).into_owned()
}

#[tokio::test]
async fn half_a_header_and_silence_end_and_others_are_served_meanwhile() {
    let times = Times {
        header: SHORT,
        ..patient()
    };
    let server = server(times, 100, 100, 1 << 20).await;
    let silent = server.connect().await;
    let half = server.send("GET / HTTP/1.1\r\nHost:").await;
    let mut other = server.send(HELLO).await;
    assert!(some(&mut other).await.ends_with("hello"));
    assert_eq!(
        (to_end(silent).await, to_end(half).await),
        Default::default()
    );
}

#[tokio::test]
async fn a_header_that_trickles_has_no_longer_than_one_that_stops() {
    let times = Times {
        header: SHORT,
        ..patient()
    };
    let server = server(times, 100, 100, 1 << 20).await;
    let stream = server.send("GET / HTTP/1.1\r\nX:").await;
    let (mut reader, mut writer) = stream.into_split();
    // A byte each tenth of the limit, for as long as it is taken.
    let trickle = tokio::spawn(async move {
        while writer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(SHORT / 10).await;
        }
    });
    let mut text = Vec::new();
    let _ = reader.read_to_end(&mut text).await;
    assert_eq!(text, b"");
    trickle.await.unwrap();
}

#[tokio::test]
async fn between_requests_a_connection_idles_longer_than_a_header_takes_and_then_ends() {
    let times = Times {
        header: SHORT,
        idle: SHORT * 4,
        ..patient()
    };
    let server = server(times, 100, 100, 1 << 20).await;
    let mut kept = server.send(HELLO).await;
    assert!(some(&mut kept).await.ends_with("hello"));
    tokio::time::sleep(SHORT * 2).await;
    kept.write_all(HELLO.as_bytes()).await.unwrap();
    assert!(some(&mut kept).await.ends_with("hello"));
    assert_eq!(to_end(kept).await, "");
}

#[tokio::test]
async fn a_stalled_body_is_cut_and_a_stream_is_not() {
    let times = Times {
        header: SHORT,
        body: SHORT,
        idle: SHORT,
        requests: 100,
    };
    let server = server(times, 100, 100, 1 << 20).await;
    let mut stream = server.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(some(&mut stream).await.starts_with("HTTP/1.1 200"));
    let stalled = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc";
    for _ in 0..3 {
        let answer = to_end(server.send(stalled).await).await;
        assert!(answer.ends_with("cut"), "{answer}");
    }
    // Three limits have passed, one after the other.
    let mut byte = [0];
    let heard = tokio::time::timeout(Duration::from_millis(1), stream.read(&mut byte)).await;
    assert!(heard.is_err(), "the stream ended");
}

#[tokio::test]
async fn a_connection_is_closed_after_its_last_request() {
    let times = Times {
        requests: 3,
        ..patient()
    };
    let server = server(times, 100, 100, 1 << 20).await;
    let answers = to_end(server.send(&HELLO.repeat(5)).await).await;
    assert_eq!(answers.matches("hello").count(), 3);
    assert_eq!(answers.matches("connection: close").count(), 1);
}

#[tokio::test]
async fn one_peer_has_so_many_connections_and_a_free_place_is_given_again() {
    let server = server(patient(), 100, 2, 1 << 20).await;
    let mut first = server.send(HELLO).await;
    assert!(some(&mut first).await.ends_with("hello"));
    let second = server.send("GET /").await;
    assert_eq!(to_end(server.send(HELLO).await).await, "");
    drop(second);
    loop {
        let mut again = server.send(HELLO).await;
        if some(&mut again).await.ends_with("hello") {
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn when_all_places_are_taken_the_narrow_way_still_answers_one_request() {
    let server = server(patient(), 18, 100, 1 << 20).await;
    let mut taken = Vec::new();
    for _ in 0..2 {
        let mut one = server.send(HELLO).await;
        assert!(some(&mut one).await.ends_with("hello"));
        taken.push(one);
    }
    for _ in 0..40 {
        let answer = to_end(server.send(HELLO).await).await;
        assert!(answer.ends_with("narrow"), "{answer}");
    }
}

#[tokio::test]
async fn unfinished_requests_have_so_much_room_and_it_is_given_back() {
    let server = server(patient(), 100, 100, 40 << 10).await;
    let head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 40000\r\n\r\n";
    let most = format!("{head}{}", "x".repeat(39_990));
    let mut kept = server.send(&most).await;
    while server.unfinished.available_permits() > 10 << 10 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let answer = to_end(server.send(&most).await).await;
    assert!(!answer.contains("read"), "{answer}");
    let mut small = server.send(HELLO).await;
    assert!(some(&mut small).await.ends_with("hello"));
    kept.write_all(&[b'x'; 10]).await.unwrap();
    assert!(some(&mut kept).await.ends_with("read 40000"));
    kept.write_all(format!("{most}0123456789").as_bytes())
        .await
        .unwrap();
    assert!(some(&mut kept).await.ends_with("read 40000"));
}

#[tokio::test]
async fn too_long_a_header_is_refused() {
    let server = server(patient(), 100, 100, 1 << 20).await;
    let header = |length| {
        format!(
            "GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
            "x".repeat(length)
        )
    };
    let mut taken = server.send(&header(60_000)).await;
    let answer = some(&mut taken).await;
    assert!(answer.ends_with("hello"), "{answer}");
    let answer = to_end(server.send(&header(200_000)).await).await;
    assert!(!answer.contains("hello"), "{answer}");
}

#[tokio::test]
async fn told_to_stop_it_ends_what_idles_and_waits_for_what_is_under_way() {
    let server = server(patient(), 100, 100, 1 << 20).await;
    let mut idle = server.send(HELLO).await;
    assert!(some(&mut idle).await.ends_with("hello"));
    let mut busy = server
        .send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na")
        .await;
    let mut also = server.send(HELLO).await;
    assert!(some(&mut also).await.ends_with("hello"));
    server.stop.send_replace(true);
    assert_eq!(to_end(idle).await, "");
    assert!(!server.served.is_finished());
    busy.write_all(b"b").await.unwrap();
    assert!(to_end(busy).await.ends_with("read 2"));
    server.served.await.unwrap();
}
