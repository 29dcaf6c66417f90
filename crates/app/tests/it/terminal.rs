//! A terminal for the program under test.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// Its two ends: what a person sees, and what a program writes to.
pub fn open(columns: u16) -> (File, File) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let size = Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&master, size).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let terminal = File::options().read(true).write(true).open(OsStr::from_bytes(name.as_bytes())).unwrap();
    (File::from(master), terminal)
}

/// What a person saw, once no program holds the other end.
pub fn read(mut master: File) -> String {
    let (mut all, mut block) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = master.read(&mut block) {
        all.extend_from_slice(&block[..count]);
    }
    String::from_utf8(all).unwrap().replace("\r\n", "\n")
}
