//! A proxy between one replica and its database, which can cut or stall connections while those of
//! other replicas work. Another one is between DocSpace and the replicas: it gives each connection
//! to one of them.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the proxy does with data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It passes.
    Pass,
    /// Connections are closed, and so is each new one.
    Cut,
    /// Connections stall, and a new one gets no answer. Stalled data passes later.
    BlackHole,
}

/// A proxy on this machine. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    mode: watch::Sender<Mode>,
    port: u16,
}

impl Proxy {
    /// Starts one that passes everything to these addresses, each connection to the next one.
    ///
    /// # Errors
    /// When there is no port for it.
    pub(crate) async fn start(to: Vec<SocketAddr>) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let (mode, watched) = watch::channel(Mode::Pass);
        tokio::spawn(accept(listener, to, watched));
        Ok(Self { mode, port })
    }

    /// Where it listens on this machine.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// From now on.
    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

async fn accept(listener: TcpListener, to: Vec<SocketAddr>, mut mode: watch::Receiver<Mode>) {
    let mut next = to.iter().cycle();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            changed = mode.changed() => match changed {
                Ok(()) => continue,
                // The handle is gone.
                Err(_) => return,
            },
        };
        match accepted {
            // Dropping it closes it.
            Ok(_) if *mode.borrow() == Mode::Cut => {}
            Ok((stream, _)) => {
                let Some(to) = next.next() else { return };
                tokio::spawn(unless_cut(stream, *to, mode.clone()));
            }
            // Most likely out of file descriptors. Some become free when connections end.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn unless_cut(stream: TcpStream, to: SocketAddr, mut mode: watch::Receiver<Mode>) {
    let connection = connect_through(stream, to, mode.clone());
    tokio::select! {
        _ = mode.wait_for(|mode| *mode == Mode::Cut) => {}
        _ = connection => {}
    }
}

async fn connect_through(
    from: TcpStream,
    to: SocketAddr,
    mut mode: watch::Receiver<Mode>,
) -> std::io::Result<()> {
    passing(&mut mode).await;
    let to = TcpStream::connect(to).await?;
    // Statements and their answers are small, and each is waited for.
    from.set_nodelay(true)?;
    to.set_nodelay(true)?;
    let ((from_read, from_write), (to_read, to_write)) = (from.into_split(), to.into_split());
    let there = forward(from_read, to_write, mode.clone());
    let back = forward(to_read, from_write, mode);
    // The end of one direction ends both.
    tokio::select! {
        there = there => there,
        back = back => back,
    }
}

async fn forward(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut mode: watch::Receiver<Mode>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        passing(&mut mode).await;
        match buffer.get(..read) {
            Some(bytes) if read > 0 => to.write_all(bytes).await?,
            _ => return to.shutdown().await,
        }
    }
}

/// Waits until data passes, or the proxy ends.
async fn passing(mode: &mut watch::Receiver<Mode>) {
    let _ = mode.wait_for(|mode| *mode != Mode::BlackHole).await;
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is a test's failure report")]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(100);

    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    tokio::io::copy(&mut read, &mut write).await
                });
            }
        });
        address
    }

    async fn says(stream: &mut TcpStream, message: &[u8]) -> bool {
        let mut heard = vec![0; message.len()];
        stream.write_all(message).await.is_ok()
            && matches!(
                tokio::time::timeout(Duration::from_secs(5), stream.read_exact(&mut heard)).await,
                Ok(Ok(_))
            )
            && heard == message
    }

    #[tokio::test]
    async fn passes_stalls_and_cuts() {
        let proxy = Proxy::start(vec![echo().await]).await.unwrap();
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).await.unwrap();
        assert!(says(&mut stream, b"one").await);

        proxy.set(Mode::BlackHole);
        stream.write_all(b"two").await.unwrap();
        let mut heard = [0; 3];
        assert!(tokio::time::timeout(SOON, stream.read_exact(&mut heard)).await.is_err(), "nothing passes");
        proxy.set(Mode::Pass);
        stream.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"two", "what stalled passes later");

        proxy.set(Mode::Cut);
        assert!(!says(&mut stream, b"three").await);
        let mut refused = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).await.unwrap();
        assert!(!says(&mut refused, b"four").await);
        proxy.set(Mode::Pass);
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).await.unwrap();
        assert!(says(&mut stream, b"five").await);
    }
}
