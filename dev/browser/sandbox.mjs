// A sandbox of one's own, and what a person does around a browser: read mails, type an authenticator's codes.
import { spawn, spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const sleepless = async (what, seconds, ask) => {
  const until = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > until) throw new Error(`${what}: not within ${seconds} s`);
    await new Promise((go) => setTimeout(go, 25));
  }
};

// Runs the script once more in a network namespace of its own whose loopback has these addresses too, so that requests can
// come from them; does not come back from that. Gives whether this is the run inside. Where namespaces are not permitted it says so.
export function withAddresses(addresses) {
  if (process.env.KEYWARD_OWN_ADDRESSES) return true;
  if (spawnSync('unshare', ['--net', 'true']).status !== 0) {
    console.log('NOT with real source addresses: network namespaces are not permitted here');
    return false;
  }
  const add = ['ip link set lo up', ...addresses.map((one) => `ip address add ${one} dev lo`)].join(' && ');
  const again = ['--net', 'sh', '-c', `${add} && exec "$0" "$@"`, process.execPath, process.argv[1]];
  const ran = spawnSync('unshare', again, { stdio: 'inherit', env: { ...process.env, KEYWARD_OWN_ADDRESSES: '1' } });
  process.exit(ran.status ?? 1);
}

// Starts `keyward sandbox` on free ports and waits until it is ready; `stop` ends it and gives its exit code.
export async function startSandbox(extra = [], gateway = '127.0.0.1:0') {
  const program = process.env.KEYWARD_BIN;
  if (!program) throw new Error('KEYWARD_BIN must name the built program');
  const folder = mkdtempSync(join(tmpdir(), 'keyward-browser-'));
  const file = join(folder, 'credentials.json');
  const any = '127.0.0.1:0';
  const child = spawn(program, ['sandbox', '--console', any, '--gateway', gateway, '--gateway-tls', any, '--credentials', file, ...extra],
    { stdio: ['ignore', 'pipe', process.env.KEYWARD_SHOW_LOG ? 'inherit' : 'ignore'] });
  const ended = new Promise((done) => child.on('exit', (code) => done(code)));
  let said = '';
  child.stdout.on('data', (bytes) => { said += bytes; });
  await sleepless('the sandbox is ready', 60, async () => said.includes('Stop with'));
  const stop = async () => {
    child.kill('SIGTERM');
    const code = await ended;
    rmSync(folder, { recursive: true, force: true });
    return code;
  };
  return { credentials: JSON.parse(readFileSync(file, 'utf8')), stop };
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function base32(text) {
  let bits = '';
  for (const letter of text.replaceAll(' ', '')) bits += ALPHABET.indexOf(letter).toString(2).padStart(5, '0');
  return Buffer.from(bits.match(/.{8}/g).map((eight) => Number.parseInt(eight, 2)));
}

// An authenticator (RFC 6238) that never gives a code twice: it takes the next step's, and waits where even that is used.
export class Authenticator {
  constructor(secret) { this.key = base32(secret); this.used = 0; }

  at(step) {
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(step));
    const mac = createHmac('sha1', this.key).update(counter).digest();
    const offset = mac[19] & 15;
    return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
  }

  async code() {
    const now = () => Math.floor(Date.now() / 30_000);
    await sleepless('a fresh code', 65, async () => now() + 1 > this.used);
    const step = Math.max(now(), this.used + 1);
    this.used = step;
    return this.at(step);
  }
}

// The newest code that was sent to an address after the one seen last.
export class Mailbox {
  constructor(url, address) { this.url = url; this.address = address; this.seen = new Set(); }

  async all() {
    const answer = await fetch(`${this.url}.json`);
    return (await answer.json()).filter((mail) => mail.to === this.address);
  }

  async code() {
    return sleepless(`a code for ${this.address}`, 10, async () => {
      for (const mail of await this.all()) {
        const found = /^ {4}(\d{4}) (\d{4})$/m.exec(mail.text);
        if (found && !this.seen.has(mail.text)) {
          this.seen.add(mail.text);
          return found[1] + found[2];
        }
      }
      return null;
    });
  }
}

// One signed request, by OKX's rules; gives the envelope's code.
export async function balance(gateway, key) {
  const at = new Date().toISOString();
  const path = '/api/v5/account/balance';
  const sign = createHmac('sha256', key.secret).update(`${at}GET${path}`).digest('base64');
  const answer = await fetch(gateway + path, { headers: {
    'OK-ACCESS-KEY': key.api_key, 'OK-ACCESS-SIGN': sign, 'OK-ACCESS-TIMESTAMP': at, 'OK-ACCESS-PASSPHRASE': key.passphrase } });
  return (await answer.json()).code;
}

// The same from one of this machine's addresses, on a connection of its own.
export function balanceFrom(source, port, key) {
  const at = new Date().toISOString();
  const path = '/api/v5/account/balance';
  const sign = createHmac('sha256', key.secret).update(`${at}GET${path}`).digest('base64');
  const headers = { 'OK-ACCESS-KEY': key.api_key, 'OK-ACCESS-SIGN': sign, 'OK-ACCESS-TIMESTAMP': at, 'OK-ACCESS-PASSPHRASE': key.passphrase };
  const host = source.includes(':') ? '::1' : '127.0.0.1';
  return new Promise((done, fail) => {
    request({ host, port, path, headers, localAddress: source, agent: false, timeout: 5_000 }, (answer) => {
      let text = '';
      answer.on('data', (bytes) => { text += bytes; });
      answer.on('end', () => done(JSON.parse(text).code));
    }).on('error', fail).end();
  });
}

// Until the gateway answers with `code`, within a second; gives the milliseconds it took.
export async function within(gateway, key, code) {
  const began = Date.now();
  await sleepless(`the gateway answers ${code}`, 1, async () => (await balance(gateway, key)) === code);
  return Date.now() - began;
}

// An order by ccxt, as people run it; throws with its output when it fails.
export function tradeByCcxt(gateway, key) {
  const script = `
import ccxt, os
okx = ccxt.okx({'apiKey': os.environ['K'], 'secret': os.environ['S'], 'password': os.environ['P']})
okx.urls['api']['rest'] = os.environ['G']
order = okx.create_order('BTC/USDT', 'limit', 'buy', 0.001, 20000)
okx.cancel_order(order['id'], 'BTC/USDT')
print('traded', order['id'])`;
  const python = process.env.KEYWARD_PYTHON ?? 'python3';
  const env = { ...process.env, K: key.api_key, S: key.secret, P: key.passphrase, G: gateway };
  const ran = spawnSync(python, ['-c', script], { env, encoding: 'utf8', timeout: 60_000 });
  if (ran.status !== 0 || !ran.stdout.includes('traded')) throw new Error(`ccxt: ${ran.stderr}`);
}

export function step(name, ok = true) {
  console.log(JSON.stringify({ step: name, ok }));
  if (!ok) throw new Error(name);
}
