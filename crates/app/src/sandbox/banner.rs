//! What a newcomer sees first: where things are, and what to do next.

use std::path::Path;

use super::Places;
use super::fixtures::TRADER;
use crate::output;

/// Prints the addresses and two commands that work as they stand.
pub async fn print(places: &Places, folder: &Path, credentials: Option<&Path>) {
    let (plain, console) = (places.plain, &places.console);
    let kept = folder.join("credentials.json");
    let file = credentials.unwrap_or(&kept).display();
    let folder = folder.display();
    let text = format!(
        "Keyward sandbox is ready.

  console      {console}   (mails: {console}/dev/mail)
  gateway      http://{plain}
  with TLS     https://localhost:{port}   (CA: {folder}/ca.pem)
  metrics      http://{metrics}/metrics
  credentials  {file}

Look around: open the console and create an account, or sign in as a person of the credentials file.

A public request:

  curl 'http://{plain}/api/v5/market/ticker?instId=BTC-USDT'

A first trade (pip install ccxt):

  python3 - <<'PY'
  import ccxt, json
  c = json.load(open('{file}')); k = c['keys']['trade']
  okx = ccxt.okx({{'apiKey': k['api_key'], 'secret': k['secret'], 'password': k['passphrase']}})
  okx.urls['api']['rest'] = c['gateway_url']
  print(okx.create_order('BTC/USDT', 'limit', 'buy', 0.001, 30000)['id'], okx.fetch_balance()['USDT'])
  PY

A key of your own:

  keyward key create --data {folder} --account {TRADER} \\
    --name bot --permission read --permission trade --ip 127.0.0.1

Stop with Ctrl-C.",
        port = places.tls.port(),
        metrics = places.metrics,
    );
    output::announce(text, "the sandbox's addresses cannot be printed; they stand in the credentials file")
        .await;
}
