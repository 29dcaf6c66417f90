//! The link that makes the first operator: in a file of its own, readable by its owner only, and nowhere else.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use keyward_testkit::postgres::Postgres;
use keyward_testkit::process::{Running, program};

use crate::server::set_up;
use crate::world::{Folder, Upstream, exchange, keyward, until};

/// How every token of such a link begins.
const TOKEN: &str = "kwo_";

/// Sets a server with a console up; `more` is a line of the console's settings. Gives the configuration and the gateway's
/// address.
fn with_console(folder: &Folder, upstream: &Upstream, more: &str) -> (String, String) {
    let (config, address) = set_up(folder, upstream);
    let console = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = fs::read_to_string(&config).unwrap();
    let console = format!(
        "[console]\nlisten = \"{console}\"\norigin = \"http://localhost:1\"\ngateway = \"http://{address}\"\n{more}\n\
         [mail]\nurl = \"smtp+plain://localhost:9\"\nfrom = \"a@keyward.example\"\n"
    );
    fs::write(&config, text + &console).unwrap();
    (config, address)
}

/// A server whose two outputs are kept; ended when dropped.
struct Told {
    child: Child,
    outputs: [PathBuf; 2],
}

impl Told {
    /// Starts it, and waits until it serves.
    fn start(folder: &Folder, config: &str, address: &str) -> Self {
        let outputs = ["stdout", "stderr"].map(|name| folder.0.join(name));
        let [stdout, stderr] = outputs.each_ref().map(|path| Stdio::from(File::create(path).unwrap()));
        let mut command = Command::new(program().unwrap());
        command.args(["serve", "--config", config]).stdin(Stdio::null()).stdout(stdout).stderr(stderr);
        let told = Self { child: command.spawn().unwrap(), outputs };
        until("the server listens", 20_000, || std::net::TcpStream::connect(address).is_ok());
        assert!(
            exchange(address, b"GET /healthz HTTP/1.1\r\nHost: keyward\r\n\r\n").is_some(),
            "{}",
            told.text()
        );
        told
    }

    /// Everything that it has said.
    fn text(&self) -> String {
        self.outputs.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
    }

    /// Waits until it has said `words`; a token is never among what it says.
    fn says(&self, words: &str) {
        until(words, 10_000, || self.text().contains(words));
        assert!(!self.text().contains(TOKEN), "{}", self.text());
    }

    fn stop(mut self) -> String {
        let process = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        let text = self.text();
        assert!(!text.contains(TOKEN), "{text}");
        text
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_first_start_puts_the_link_into_its_file_and_names_only_the_file() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, address) = with_console(&folder, &upstream, "");
    let file = folder.data().join("set-up-link");
    let server = Told::start(&folder, &config, &address);
    server.says(&file.display().to_string());
    let link = fs::read_to_string(&file).unwrap();
    let token = link.strip_prefix("http://localhost:1/set-up#").unwrap().strip_suffix('\n').unwrap();
    assert!(token.starts_with(TOKEN) && token.len() == TOKEN.len() + 43, "{} characters", token.len());
    assert_eq!((mode(&file), mode(&folder.data())), (0o600, 0o700));
    server.stop();
    // It is made once: the next start leaves it and says nothing of it.
    let server = Told::start(&folder, &config, &address);
    assert!(!server.stop().contains("set-up-link"));
    assert_eq!(fs::read_to_string(&file).unwrap(), link);
    // Nor does another start make one for who has removed it. The command does, and prints it.
    fs::remove_file(&file).unwrap();
    Told::start(&folder, &config, &address).stop();
    assert!(!file.exists());
    let printed = keyward(&["operator", "link", "--config", &config]);
    assert!(printed.starts_with("http://localhost:1/set-up#kwo_") && printed != link, "{printed}");
}

#[test]
fn a_place_that_cannot_be_written_stops_the_start_and_leaves_no_link() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let place = folder.0.join("place");
    let (config, address) =
        with_console(&folder, &upstream, &format!("set_up_link_file = \"{}\"", place.display()));
    let good = fs::read_to_string(&config).unwrap();
    fs::write(folder.0.join("file"), "text").unwrap();
    fs::create_dir_all(folder.0.join("folder/inside")).unwrap();
    // The last name is short enough, and what is written beside it has a longer one: only writing shows that.
    let long = "x".repeat(251);
    for (wrong, code) in
        [("file/link", 3), ("none/link", 3), ("folder", 3), ("folder/none/link", 3), (long.as_str(), 1)]
    {
        let wrong = folder.0.join(wrong).display().to_string();
        fs::write(&config, good.replace(&place.display().to_string(), &wrong)).unwrap();
        let output = Command::new(program().unwrap()).args(["serve", "--config", &config]).output().unwrap();
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains("console.set_up_link_file") && told.contains(&wrong), "{told}");
        assert!(!told.contains(TOKEN), "{told}");
        assert!(!keyward(&["audit", "export", "--config", &config]).contains("role.offer"), "{wrong}");
    }
    fs::write(&config, &good).unwrap();
    let server = Told::start(&folder, &config, &address);
    server.says(&place.display().to_string());
    assert!(fs::read_to_string(&place).unwrap().contains(TOKEN));
    assert!(keyward(&["audit", "export", "--config", &config]).contains("role.offer"));
    server.stop();
}

#[test]
fn once_there_is_an_operator_the_next_start_removes_the_file() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    // A store with operators.
    let sandbox = Running::start_with(&folder.data(), ["--upstream", &upstream.url]).unwrap();
    assert_eq!(sandbox.terminate().unwrap().code(), Some(0));
    let (config, address) = with_console(&folder, &upstream, "");
    fs::copy(folder.data().join("master.key"), folder.0.join("etc/master.key")).unwrap();
    let file = folder.data().join("set-up-link");
    fs::write(&file, "http://localhost:1/set-up#kwo_used\n").unwrap();
    let server = Told::start(&folder, &config, &address);
    assert!(!file.exists(), "{}", server.text());
    assert!(!server.stop().contains("no operator"));
}

#[test]
fn on_postgresql_the_file_is_beside_the_checkpoint_or_there_is_none() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, address) = with_console(&folder, &upstream, "");
    let text = fs::read_to_string(&config).unwrap();
    let url = Postgres::shared().unwrap().fresh_database().unwrap();
    let text = text.replace(&format!("\"{}\"", folder.data().display()), &format!("\"{url}\""));
    fs::write(&config, &text).unwrap();
    // Without a place of its own the start makes no link, says so, and goes on.
    let server = Told::start(&folder, &config, &address);
    server.says("keyward operator link");
    server.stop();
    assert!(!folder.data().exists());
    let listen = format!("listen = \"{address}\"");
    let checkpoint = format!("{listen}\ncheckpoint_file = \"{}\"", folder.0.join("checkpoint").display());
    fs::write(&config, text.replace(&listen, &checkpoint)).unwrap();
    let (server, file) = (Told::start(&folder, &config, &address), folder.0.join("set-up-link"));
    server.says(&file.display().to_string());
    assert!(fs::read_to_string(&file).unwrap().contains(TOKEN) && mode(&file) == 0o600);
    server.stop();
}
