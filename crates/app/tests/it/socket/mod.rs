//! Sockets over real connections: the rules of RFC 6455 in both directions, every code that a client may meet, how sockets
//! end, and peers that mean no good.

mod accept;
mod altered;
mod codes;
mod counts;
mod endings;
mod ends;
mod exchange;
mod handshake;
mod keys;
mod lease;
mod logins;
mod orders;
mod peers;
mod rfc6455;
mod upstream;
mod wire;
