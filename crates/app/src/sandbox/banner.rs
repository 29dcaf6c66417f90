//! What a newcomer sees first: where things are, and what to do next.
//!
//! Every block works when it is pasted: it begins in the first column, and paths are absolute and quoted.

use std::path::Path;

use super::people::TRADER;
use super::places::Places;
use crate::{ambient, output};

/// Prints the addresses and commands that work as they stand.
pub async fn print(places: &Places, folder: &Path, credentials: Option<&Path>) {
    let text = text(places, folder, credentials, &ambient::program());
    output::announce(text, "the sandbox's addresses cannot be printed; they stand in the credentials file")
        .await;
}

fn text(places: &Places, folder: &Path, credentials: Option<&Path>, program: &Path) -> String {
    let (plain, console) = (places.plain, &places.console);
    let kept = folder.join("credentials.json");
    let file = credentials.map_or(kept, |file| std::path::absolute(file).unwrap_or_else(|_| file.to_owned()));
    format!(
        "Keyward sandbox is ready.

  console      {console}   (mails: {console}/dev/mail)
  gateway      http://{plain}
  sockets      {sockets}   (and /public, /business)
  with TLS     https://localhost:{port}   (CA: {ca})
               {tls_sockets}
  metrics      http://{metrics}/metrics
  credentials  {credentials}

Look around: open the console and create an account, or sign in as a person of the credentials file.

A public request:

curl 'http://{plain}/api/v5/market/ticker?instId=BTC-USDT'

A first trade (pip install ccxt):

python3 - <<'PY'
import ccxt, json
c = json.load(open({python})); k = c['keys']['trade']
okx = ccxt.okx({{'apiKey': k['api_key'], 'secret': k['secret'], 'password': k['passphrase']}})
okx.urls['api']['rest'] = c['gateway_url']
print(okx.create_order('BTC/USDT', 'limit', 'buy', 0.001, 30000)['id'], okx.fetch_balance()['USDT'])
PY

The same over sockets:

python3 - <<'PY'
import asyncio, ccxt.pro, json
c = json.load(open({python})); k = c['keys']['trade']
async def main():
    okx = ccxt.pro.okx({{'apiKey': k['api_key'], 'secret': k['secret'], 'password': k['passphrase']}})
    okx.urls['api'].update(rest=c['gateway_url'], ws=c['ws_url'].removesuffix('/private'))
    print((await okx.watch_ticker('BTC/USDT'))['last'], (await okx.watch_balance())['USDT'])
    print((await okx.create_order_ws('BTC/USDT', 'limit', 'buy', 0.001, 30000))['id'])
    await okx.close()
asyncio.run(main())
PY

A key of your own:

{program} key create --data {data} --account {TRADER} \\
    --name bot --permission read --permission trade --ip 127.0.0.1

Stop with Ctrl-C.",
        sockets = places.sockets(),
        port = places.tls.port(),
        tls_sockets = places.tls_sockets(),
        metrics = places.metrics,
        ca = places.ca_file.display(),
        credentials = file.display(),
        python = for_python(&file),
        program = for_shell(program),
        data = for_shell(folder),
    )
}

/// A path as one word of a POSIX shell (2.2.2, single quotes).
fn for_shell(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:@%=,".contains(&byte);
    if text.bytes().all(plain) { text.into_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// A path as a literal of Python, whose escapes are those of JSON.
fn for_python(path: &Path) -> String {
    serde_json::Value::String(path.to_string_lossy().into_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use super::{Places, for_python, for_shell, text};

    const ODD: [&str; 12] = [
        "/srv/keyward",
        "/srv/key ward",
        "/srv/it's",
        "/srv/''",
        "/srv/a\"b",
        "/srv/a\\b",
        "/srv/a\\nb",
        "/srv/$HOME",
        "/srv/`id`",
        "/srv/*;!#&|<>(){}[]~",
        "/srv/sch\u{fc}tz",
        "/srv/a\nb\tc",
    ];

    /// What a program prints.
    fn said(program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program).args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn a_path_is_one_word_of_a_shell() {
        for path in ODD {
            let quoted = for_shell(Path::new(path));
            assert_eq!(said("sh", &["-c", &format!("printf '[%s]' {quoted}")]), format!("[{path}]"));
        }
    }

    #[test]
    fn a_path_is_one_literal_of_python_on_one_line() {
        for (path, literal) in [
            ("/srv/it's", r#""/srv/it's""#),
            ("/srv/a\"b", r#""/srv/a\"b""#),
            ("/srv/a\\b", r#""/srv/a\\b""#),
            ("/srv/a\nPY\n", r#""/srv/a\nPY\n""#),
            ("/srv/{x}$y", r#""/srv/{x}$y""#),
        ] {
            assert_eq!(for_python(Path::new(path)), literal);
        }
    }

    #[test]
    fn what_is_to_be_pasted_begins_in_the_first_column() {
        let address = "127.0.0.1:1".parse().unwrap();
        let places = Places {
            plain: address,
            tls: address,
            console: "http://localhost:2".to_owned(),
            metrics: address,
            ca_file: PathBuf::from("/d/ca.pem"),
        };
        let shown = text(&places, Path::new("/d e"), Some(Path::new("c.json")), Path::new("/t/keyward"));
        for line in [
            "curl 'http",
            "python3 - <<'PY'",
            "import ccxt",
            "c = json",
            "okx = ",
            "okx.urls",
            "print(",
            "import asyncio",
            "async def main():",
            "asyncio.run(main())",
            "PY\n",
        ] {
            assert!(shown.contains(&format!("\n{line}")), "{line}\n{shown}");
        }
        assert!(shown.contains("\n/t/keyward key create --data '/d e' --account "), "{shown}");
        let credentials = shown.lines().find_map(|line| line.strip_prefix("  credentials  ")).unwrap();
        assert!(Path::new(credentials).is_absolute(), "{credentials}");
        assert_eq!(shown.matches(&format!("open(\"{credentials}\")")).count(), 2, "{shown}");
        for address in ["ws://127.0.0.1:1/ws/v5/private ", "wss://localhost:1/ws/v5/private\n"] {
            assert!(shown.contains(&format!(" {address}")), "{address}\n{shown}");
        }
    }
}
