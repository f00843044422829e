//! The other end of the adapters' calls: one HTTP answer, told beforehand.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// What the next calls are answered.
#[derive(Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

/// A server on a port of its own.
pub(crate) struct Server {
    pub(crate) base: String,
    answer: Arc<Mutex<Answer>>,
}

impl Server {
    /// `fixed`: beginnings of paths with the body that they always give.
    pub(crate) fn start(fixed: Vec<(&'static str, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let answer = Arc::new(Mutex::new(Answer::default()));
        let (fixed, told) = (Arc::new(fixed), Arc::clone(&answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (fixed, told) = (Arc::clone(&fixed), Arc::clone(&told));
                thread::spawn(move || serve(&stream, &fixed, &told));
            }
        });
        Self {
            base: format!("http://{address}"),
            answer,
        }
    }

    pub(crate) fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }
}

/// One connection, kept as long as the client keeps it.
fn serve(mut stream: &TcpStream, fixed: &[(&str, String)], told: &Mutex<Answer>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let path = read_request(&mut reader)?;
        let found = fixed.iter().find(|(begin, _)| path.starts_with(begin));
        let answer = match found {
            Some((_, body)) => Answer {
                status: 200,
                headers: Vec::new(),
                body: body.clone().into_bytes(),
            },
            None => told.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        };
        stream.write_all(&written(&answer)).ok()?;
    }
}

/// Reads a request to its end; gives its path.
fn read_request(reader: &mut BufReader<&TcpStream>) -> Option<String> {
    let (mut path, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if path.is_empty() {
            line.split(' ').nth(1)?.clone_into(&mut path);
        }
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.parse().ok()?;
        }
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    Some(path)
}

fn written(answer: &Answer) -> Vec<u8> {
    // A 204 has no body, and a client would take one for the next answer.
    let body: &[u8] = match answer.status {
        204 => &[],
        _ => &answer.body,
    };
    let mut head = format!("HTTP/1.1 {} x\r\n", answer.status);
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if answer.status != 204 {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}
