//! A blocking client that says exactly the bytes it is told.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::message::Message;

/// An answer that takes longer does not come, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(180);

/// Version 3.0 of the protocol.
pub const PROTOCOL_3_0: i32 = 0x0003_0000;
/// Instead of a version: "may I speak TLS?"
pub const SSL_REQUEST: i32 = 80877103;
/// Instead of a version: "may I speak GSSAPI?"
pub const GSS_REQUEST: i32 = 80877104;
/// Instead of a version: cancel another connection's statement.
pub const CANCEL_REQUEST: i32 = 80877102;

/// A connection; past authentication if made by `connect`.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    start: usize,
    /// Process id and secret of BackendKeyData.
    pub key: (i32, i32),
    /// What was said before the first ReadyForQuery.
    pub greeting: Vec<Message>,
}

impl Client {
    /// Opens a socket and says nothing.
    pub fn dial(port: u16) -> io::Result<Client> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Client { stream, buffer: Vec::new(), start: 0, key: (0, 0), greeting: Vec::new() })
    }

    /// Connects and logs in; an error if that is refused. Knows no password.
    pub fn try_connect(port: u16, settings: &[(&str, &str)]) -> io::Result<Client> {
        let mut client = Client::dial(port)?;
        client.send(&startup(PROTOCOL_3_0, settings))?;
        loop {
            let message = client.read()?;
            match message.tag {
                b'E' => return Err(io::Error::other(format!("{message:?}"))),
                b'R' if message.body.starts_with(&[0, 0, 0, 0]) => {}
                b'R' => return Err(io::Error::other("the server asks for a password")),
                b'K' => {
                    let half = |at: usize| i32::from_be_bytes(message.body[at..at + 4].try_into().unwrap());
                    client.key = (half(0), half(4));
                }
                b'Z' => return Ok(client),
                _ => {}
            }
            client.greeting.push(message);
        }
    }

    /// Connects and logs in.
    pub fn connect(port: u16, user: &str, database: &str) -> Client {
        Client::try_connect(port, &[("user", user), ("database", database)])
            .unwrap_or_else(|error| panic!("connect to {database:?} on port {port}: {error}"))
    }

    /// How long to wait for a message from now on.
    pub fn patience(&self, patience: Duration) {
        self.stream.set_read_timeout(Some(patience)).expect("set a timeout");
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends messages built by a [`Script`].
    pub fn say(&mut self, script: Script) {
        self.send(&script.0).expect("send");
    }

    /// One byte, as the answer to an SSLRequest.
    pub fn read_byte(&mut self) -> io::Result<u8> {
        while self.buffer.len() == self.start {
            self.fill()?;
        }
        self.start += 1;
        Ok(self.buffer[self.start - 1])
    }

    /// Reads one message.
    pub fn read(&mut self) -> io::Result<Message> {
        loop {
            let have = &self.buffer[self.start..];
            if let Some(head) = have.get(..5) {
                let length = u32::from_be_bytes(head[1..].try_into().unwrap()) as usize;
                if !(4..=1 << 30).contains(&length) {
                    return Err(io::Error::other(format!(
                        "message {:?} of length {length}",
                        head[0] as char
                    )));
                }
                if let Some(body) = have.get(5..length + 1) {
                    let message = Message { tag: head[0], body: body.to_vec() };
                    self.start += length + 1;
                    return Ok(message);
                }
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let used = self.buffer.len();
        self.buffer.resize(used + 65536, 0);
        let result = self.stream.read(&mut self.buffer[used..]);
        self.buffer.truncate(used + *result.as_ref().unwrap_or(&0));
        match result {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Everything up to and with the next ReadyForQuery, without ParameterStatus.
    pub fn until_ready(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        loop {
            let message = self
                .read()
                .unwrap_or_else(|error| panic!("{error} instead of an answer, after {messages:?}"));
            let ready = message.tag == b'Z';
            if message.tag != b'S' {
                messages.push(message);
            }
            if ready {
                return messages;
            }
        }
    }

    /// The next `count` messages other than ParameterStatus and notices.
    pub fn next(&mut self, count: usize) -> Vec<Message> {
        let mut messages = Vec::new();
        while messages.len() < count {
            let message = self
                .read()
                .unwrap_or_else(|error| panic!("{error} instead of an answer, after {messages:?}"));
            if message.tag != b'S' && message.tag != b'N' {
                messages.push(message);
            }
        }
        messages
    }

    /// True if the other side closes without another message within a few seconds.
    pub fn closed(&mut self) -> bool {
        match self.read() {
            Err(error) => {
                error.kind() == io::ErrorKind::UnexpectedEof || error.kind() == io::ErrorKind::ConnectionReset
            }
            Ok(_) => false,
        }
    }

    /// Whether nothing arrives for a short while.
    pub fn silent(&mut self) -> bool {
        self.stream.set_read_timeout(Some(Duration::from_millis(150))).expect("set a timeout");
        let result = self.read();
        self.stream.set_read_timeout(Some(PATIENCE)).expect("set a timeout");
        matches!(result, Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut))
    }

    /// Says no more, but still listens.
    pub fn finish_sending(&self) {
        self.stream.shutdown(Shutdown::Write).expect("shut down the sending half");
    }

    /// A simple query and all of its answers.
    pub fn query(&mut self, text: &str) -> Vec<Message> {
        self.say(Script::new().query(text));
        self.until_ready()
    }

    /// A simple query that must succeed.
    pub fn run(&mut self, text: &str) -> Vec<Message> {
        let messages = self.query(text);
        if let Some(error) = messages.iter().find(|message| message.tag == b'E') {
            panic!("{error:?} from {}", super::message::printable(text.as_bytes()));
        }
        messages
    }

    /// The text of the first column of the rows of a query that must succeed.
    pub fn column(&mut self, text: &str) -> Vec<Option<String>> {
        let messages = self.run(text);
        let rows = messages.iter().filter(|message| message.tag == b'D');
        rows.map(|row| row.values().swap_remove(0).map(|bytes| String::from_utf8(bytes).expect("text")))
            .collect()
    }
}

/// A start-up message.
pub fn startup(version: i32, settings: &[(&str, &str)]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    for (name, value) in settings {
        put_text(&mut body, name);
        put_text(&mut body, value);
    }
    body.push(0);
    untagged(&body)
}

/// A message without a type byte.
pub fn untagged(body: &[u8]) -> Vec<u8> {
    let mut bytes = (body.len() as i32 + 4).to_be_bytes().to_vec();
    bytes.extend_from_slice(body);
    bytes
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
    out.push(0);
}

/// A parameter or NULL.
pub type Value<'a> = Option<&'a [u8]>;

/// Messages of a client, one after the other.
#[derive(Clone, Default)]
pub struct Script(pub Vec<u8>);

impl Script {
    pub fn new() -> Script {
        Script::default()
    }

    /// Any message.
    pub fn message(mut self, tag: u8, body: &[u8]) -> Script {
        self.0.push(tag);
        self.0.extend_from_slice(&(body.len() as i32 + 4).to_be_bytes());
        self.0.extend_from_slice(body);
        self
    }

    fn texts(self, tag: u8, kind: Option<u8>, texts: &[&str]) -> Script {
        let mut body: Vec<u8> = kind.into_iter().collect();
        texts.iter().for_each(|text| put_text(&mut body, text));
        self.message(tag, &body)
    }

    pub fn query(self, text: &str) -> Script {
        self.texts(b'Q', None, &[text])
    }

    pub fn parse(self, name: &str, text: &str, types: &[u32]) -> Script {
        let mut body = Vec::new();
        put_text(&mut body, name);
        put_text(&mut body, text);
        body.extend_from_slice(&(types.len() as u16).to_be_bytes());
        types.iter().for_each(|oid| body.extend_from_slice(&oid.to_be_bytes()));
        self.message(b'P', &body)
    }

    /// Bind with format codes as given.
    pub fn bind_formats(
        self,
        portal: &str,
        statement: &str,
        formats: &[i16],
        values: &[Value<'_>],
        results: &[i16],
    ) -> Script {
        let mut body = Vec::new();
        put_text(&mut body, portal);
        put_text(&mut body, statement);
        body.extend_from_slice(&(formats.len() as u16).to_be_bytes());
        formats.iter().for_each(|code| body.extend_from_slice(&code.to_be_bytes()));
        body.extend_from_slice(&(values.len() as u16).to_be_bytes());
        for value in values {
            match value {
                None => body.extend_from_slice(&(-1i32).to_be_bytes()),
                Some(bytes) => {
                    body.extend_from_slice(&(bytes.len() as i32).to_be_bytes());
                    body.extend_from_slice(bytes);
                }
            }
        }
        body.extend_from_slice(&(results.len() as u16).to_be_bytes());
        results.iter().for_each(|code| body.extend_from_slice(&code.to_be_bytes()));
        self.message(b'B', &body)
    }

    /// Bind with text parameters and results.
    pub fn bind(self, portal: &str, statement: &str, values: &[Option<&str>]) -> Script {
        let values: Vec<Value<'_>> = values.iter().map(|value| value.map(str::as_bytes)).collect();
        self.bind_formats(portal, statement, &[], &values, &[])
    }

    pub fn describe_statement(self, name: &str) -> Script {
        self.texts(b'D', Some(b'S'), &[name])
    }

    pub fn describe_portal(self, name: &str) -> Script {
        self.texts(b'D', Some(b'P'), &[name])
    }

    pub fn execute(self, portal: &str, limit: i32) -> Script {
        let mut body = Vec::new();
        put_text(&mut body, portal);
        body.extend_from_slice(&limit.to_be_bytes());
        self.message(b'E', &body)
    }

    pub fn close_statement(self, name: &str) -> Script {
        self.texts(b'C', Some(b'S'), &[name])
    }

    pub fn close_portal(self, name: &str) -> Script {
        self.texts(b'C', Some(b'P'), &[name])
    }

    pub fn flush(self) -> Script {
        self.message(b'H', &[])
    }

    pub fn sync(self) -> Script {
        self.message(b'S', &[])
    }

    pub fn terminate(self) -> Script {
        self.message(b'X', &[])
    }
}
