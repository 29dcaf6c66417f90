//! Whether the addresses of the listeners are free.

use std::io::ErrorKind;
use std::net::SocketAddr;

use socket2::{Domain, Socket, Type};

use super::node::Served;
use super::{Finding, Level};
use crate::config::Config;

const UNAVAILABLE: &str = "doctor.listen.unavailable";

/// The findings about addresses: each is taken for a moment, without accepting connections. One that is taken while a gateway of this machine serves on
/// the store is that gateway's, and no fault.
pub fn examine(config: &Config, served: Served) -> Vec<Finding> {
    let listeners = config.listeners().into_iter();
    let mut found: Vec<Finding> = listeners
        .map(|(setting, address)| {
            judge(&format!("{setting} {address}"), take(address).map_err(|why| why.kind()))
        })
        .collect();
    if served == Served::Here {
        excuse(&mut found);
    }
    found
}

/// Takes an address as a listener does, and gives it back. Not listening, or a client could be accepted and lost.
fn take(address: SocketAddr) -> std::io::Result<()> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())
}

/// Turns refusals into notes where a gateway of this machine serves on the store.
pub fn excuse(found: &mut [Finding]) {
    for one in found.iter_mut().filter(|one| one.name == UNAVAILABLE && one.level == Level::Refused) {
        one.level = Level::Note;
        one.advice = "The gateway that runs on this store may use it; check again when it is stopped.";
    }
}

fn judge(what: &str, tried: Result<(), ErrorKind>) -> Finding {
    const FREE: &str =
        "Stop what listens there, perhaps a sandbox or another server, or name another address.";
    const OTHER: &str = "Name an address of this machine, and a port that the user may listen on: above 1023, or with \
         AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit.";
    match tried {
        Ok(()) => Finding::good(UNAVAILABLE, format!("{what} is free.")),
        Err(ErrorKind::AddrInUse) => {
            Finding::refused(UNAVAILABLE, format!("{what} is in use by another program."), FREE)
        }
        Err(other) => Finding::refused(UNAVAILABLE, format!("{what} cannot be listened on: {other}."), OTHER),
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use std::net::{TcpListener, TcpStream};

    use super::{excuse, judge, take};
    use crate::doctor::Level;

    #[test]
    fn an_address_is_taken_for_a_moment_and_nobody_is_accepted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(take(address).unwrap_err().kind(), ErrorKind::AddrInUse);
        drop(listener);
        for _ in 0..10 {
            take(address).unwrap();
            assert!(TcpStream::connect(address).is_err());
        }
        take("127.0.0.1:0".parse().unwrap()).unwrap();
        assert_eq!(take("203.0.113.1:0".parse().unwrap()).unwrap_err().kind(), ErrorKind::AddrNotAvailable);
    }

    #[test]
    fn an_address_is_free_or_not() {
        assert_eq!(judge("gateway.listen 127.0.0.1:1", Ok(())).level, Level::Ok);
        for kind in [ErrorKind::AddrInUse, ErrorKind::AddrNotAvailable, ErrorKind::PermissionDenied] {
            let found = judge("gateway.listen 127.0.0.1:1", Err(kind));
            assert!(
                found.level == Level::Refused && found.means.contains("gateway.listen"),
                "{}",
                found.means
            );
        }
        let mut found = [judge("a", Ok(())), judge("b", Err(ErrorKind::AddrInUse))];
        excuse(&mut found);
        assert_eq!(found.map(|one| one.level), [Level::Ok, Level::Note]);
    }
}
